//! Which key a statement is for.

use std::{collections::BTreeMap, fmt, str::FromStr};

use custom_resource::is_account_id;
use policy_statement::{Target, TargetLocation};

/// The properties as they are written.
#[cfg(test)]
#[derive(schemars::JsonSchema)]
#[schemars(rename_all = "PascalCase")]
#[expect(dead_code, reason = "only what is said of them is read")]
struct RawProperties {
    /// The key's id or ARN, or an alias (`alias/...`) or its ARN, in the function's own Region.
    #[schemars(
        regex(pattern = "^(arn:[^:]*:kms:[^:]+:[0-9]{12}:)?((key/)?([0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|\
                         mrk-[0-9a-fA-F]{32})|(key/)?alias/(?!aws/)[A-Za-z0-9:/_-]{1,250})$"),
        extend("x-update" = "Replacement, but for another name of the same key")
    )]
    key_id: String,
}

/// A key by its id, or, until it is resolved, by an alias. That name alone says which; the rest is what else is known.
#[derive(Debug, Clone)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(with = "RawProperties"))]
pub(crate) struct Key {
    /// The id of the key, or `alias/` and the name of the alias.
    pub(crate) name: String,
    /// The Region of the ARN, where the template gives one. Keys with the same id may exist in several.
    pub(crate) region: Option<String>,
    /// The 12-digit id of the account that the key belongs to, once it is resolved.
    pub(crate) owner: Option<String>,
}

impl Target for Key {
    const KIND: &'static str = "key";
    const ARN: &'static str = "arn:{partition}:kms:{region}:{account}:key/{}";
    const OWN: &'static [&'static str] = &["KeyId"];

    fn read(properties: &BTreeMap<String, String>) -> Result<TargetLocation<Self>, String> {
        let text = properties.get("KeyId").ok_or("`KeyId` is required")?;
        let (account, region, name) = match text.splitn(6, ':').collect::<Vec<_>>()[..] {
            ["arn", _, "kms", region, account, key] if is_account_id(account) && !region.is_empty() => {
                (Some(account.to_owned()), Some(region.to_owned()), key.strip_prefix("key/").unwrap_or(key))
            }
            _ => (None, None, text.as_str()),
        };
        if !is_id(name) && !is_alias(name) {
            return Err("`KeyId` is the id of a key, its ARN, the name of an alias (`alias/..`) or its ARN".to_owned());
        }
        // KMS makes the key behind such an alias when it is first asked for it.
        if name.starts_with("alias/aws/") {
            return Err(
                "`KeyId` is an AWS managed key, whose policy AWS alone changes; use a customer managed key".to_owned()
            );
        }
        Ok(TargetLocation { account, target: Self { name: name.to_owned(), region, owner: None } })
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// Aliases come and go, so only a resolved key is read back.
impl FromStr for Key {
    type Err = NotAKey;

    fn from_str(text: &str) -> Result<Self, NotAKey> {
        if is_id(text) { Ok(Self { name: text.to_owned(), region: None, owner: None }) } else { Err(NotAKey) }
    }
}

/// Some other text.
#[derive(Debug)]
pub(crate) struct NotAKey;

/// A UUID, or `mrk-` and 32 hexadecimal digits for a multi-Region key.
/// <https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#key-id-key-id>
fn is_id(text: &str) -> bool {
    let is_hex = |text: &str, digits| text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if let Some(digits) = text.strip_prefix("mrk-") {
        return is_hex(digits, 32);
    }
    let groups: Vec<_> = text.split('-').collect();
    groups.len() == 5 && groups.iter().zip([8, 4, 4, 4, 12]).all(|(group, digits)| is_hex(group, digits))
}

/// As in <https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateAlias.html>.
fn is_alias(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b":/_-".contains(&byte);
    text.len() <= 256 && text.strip_prefix("alias/").is_some_and(|name| !name.is_empty() && name.bytes().all(allowed))
}

#[cfg(test)]
mod tests {
    use policy_statement::StatementId;

    use super::*;

    const ID: &str = "1234abcd-12ab-34cd-56ef-1234567890ab";
    const MULTI_REGION: &str = "mrk-1234abcd12ab34cd56ef1234567890ab";

    fn read(key_id: &str) -> Result<TargetLocation<Key>, String> {
        Key::read(&[("KeyId".to_owned(), key_id.to_owned())].into())
    }

    #[test]
    fn ids_and_aliases_are_keys_of_the_functions_own_account() {
        for name in [ID, MULTI_REGION, "alias/artifacts", "alias/team/a_b:c-1"] {
            let location = read(name).unwrap();
            assert_eq!((location.account, location.target.name.as_str(), location.target.region), (None, name, None));
        }
    }

    #[test]
    fn an_arn_names_account_and_region() {
        for name in [ID, MULTI_REGION] {
            let TargetLocation { account, target } =
                read(&format!("arn:aws:kms:eu-west-1:222222222222:key/{name}")).unwrap();
            assert_eq!((account.as_deref(), target.region.as_deref()), (Some("222222222222"), Some("eu-west-1")));
            assert_eq!(target.name, name);
        }
        let alias = read("arn:aws-us-gov:kms:us-gov-west-1:222222222222:alias/a:b").unwrap();
        assert_eq!(alias.to_string(), "222222222222:alias/a:b");
        assert_eq!(alias.target.region.as_deref(), Some("us-gov-west-1"));
    }

    #[test]
    fn a_resolved_key_is_read_back_from_its_text() {
        for text in [ID, MULTI_REGION, "222222222222:1234abcd-12ab-34cd-56ef-1234567890ab"] {
            assert_eq!(text.parse::<TargetLocation<Key>>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_key_is_the_same_whatever_else_is_known_of_it() {
        let resolved = Key { owner: Some("111111111111".to_owned()), ..ID.parse().unwrap() };
        assert_eq!(resolved, ID.parse().unwrap());
        assert_ne!(resolved, MULTI_REGION.parse().unwrap());
    }

    #[test]
    fn what_names_no_key_is_refused_in_words() {
        assert_eq!(Key::read(&BTreeMap::new()).unwrap_err(), "`KeyId` is required");
        for other in [
            "",
            "artifacts",
            "alias/",
            "alias/a b",
            "mrk-1234abcd",
            "1234abcd-12ab-34cd-56ef",
            "1234abcd-12ab-34cd-56ef-1234567890ab-12",
            "arn:aws:kms:eu-west-1:2222:key/1234abcd-12ab-34cd-56ef-1234567890ab",
            "arn:aws:kms::222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab",
            "arn:aws:kms:eu-west-1:222222222222:key/artifacts",
            "arn:aws:s3:::1234abcd-12ab-34cd-56ef-1234567890ab",
        ] {
            let refusal = read(other).unwrap_err();
            assert!(refusal.contains("the id of a key, its ARN"), "{other}: {refusal}");
        }
    }

    #[test]
    fn the_alias_of_an_aws_managed_key_is_refused_before_kms_makes_the_key() {
        for alias in ["alias/aws/s3", "arn:aws:kms:eu-west-1:222222222222:alias/aws/s3"] {
            assert!(read(alias).unwrap_err().contains("AWS managed key"), "{alias}");
        }
    }

    #[test]
    fn ids_of_others_name_no_key() {
        for foreign in ["", "landing-Decrypt-1ABCDEF", "alias/artifacts", "x:1234abcd-12ab-34cd-56ef-1234567890ab"] {
            assert!(foreign.parse::<TargetLocation<Key>>().is_err(), "{foreign}");
        }
    }

    #[test]
    fn an_id_is_written_and_read_as_in_the_first_release() {
        for id in [
            "1234abcd-12ab-34cd-56ef-1234567890ab#22a7aa3d94",
            "222222222222:1234abcd-12ab-34cd-56ef-1234567890ab#22a7aa3d94",
        ] {
            assert_eq!(id.parse::<StatementId<Key>>().unwrap().to_string(), id);
        }
    }
}
