//! What a template says of an account, and what it reads back.

use std::{fmt, str::FromStr};

use archipelago::Tags;
use archipelago::is_token;
use aws_sdk_organizations::types::IamUserAccessToBilling;
use custom_resource::is_account_id;
use organizations::ParentId;
use serde::{Deserialize, Serialize};

/// The properties of `Custom::Account`.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Properties {
    /// The account's name: 1 to 50 printable characters of ASCII without `<` and `>`. A new one needs `account.amazonaws.com` among the
    /// trusted services.
    pub(crate) name: Name,
    /// The root user's address, 6 to 64 characters, which no other account of AWS may have. It is compared without case,
    /// and never logged.
    #[cfg_attr(test, schemars(extend("x-update" = "Refused")))]
    pub(crate) email: Email,
    /// The root (`r-...`) or an OU (`ou-...`): the account is moved. Left out, the account stays where it is, and a new one
    /// is in the root; taken out again, it moves the account from there to the root.
    pub(crate) parent_id: Option<ParentId>,
    /// The role that Organizations makes in the account, for the management account to assume;
    /// `OrganizationAccountAccessRole` by default. To be waited for it must be the `AccountRoleName` of `template.yaml`.
    #[cfg_attr(test, schemars(extend("x-update" = "No effect")))]
    #[serde(default)]
    pub(crate) role_name: RoleName,
    /// Whether IAM users may see the bills: `ALLOW` or `DENY`.
    #[cfg_attr(test, schemars(extend("x-update" = "No effect")))]
    pub(crate) iam_user_access_to_billing: Option<Billing>,
    /// Whether an ACTIVE account of this organization that has the address is taken over.
    #[serde(default)]
    pub(crate) adopt_existing: bool,
    /// Whether deleting the resource closes the account, if one of our resources made it and no other one uses it. Otherwise
    /// it is left as it is.
    #[serde(default)]
    pub(crate) close_on_delete: bool,
    /// Whether to wait until the role can be assumed and answers `GetCallerIdentity`.
    #[serde(default = "yes")]
    pub(crate) wait_until_ready: bool,
    /// The account's tags. Only keys that the template set are changed or removed.
    #[serde(default)]
    pub(crate) tags: Tags,
}

fn yes() -> bool {
    true
}

/// Access of IAM users to billing: ALLOW or DENY.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Billing {
    Allow,
    Deny,
}

impl From<Billing> for IamUserAccessToBilling {
    fn from(billing: Billing) -> Self {
        match billing {
            Billing::Allow => Self::Allow,
            Billing::Deny => Self::Deny,
        }
    }
}

/// 1 to 50 printable characters of ASCII. `CreateAccount` takes `<` and `>` as well, and `PutAccountName` doesn't.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(extend("pattern" = "^[ -;=?-~]{1,50}$")))]
#[serde(try_from = "String")]
pub(crate) struct Name(pub(crate) String);

impl TryFrom<String> for Name {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        let is_taken = |b: u8| (0x20..0x7f).contains(&b) && !b"<>".contains(&b);
        if (1..=50).contains(&text.len()) && text.bytes().all(is_taken) {
            Ok(Self(text))
        } else {
            Err("the name of an account has 1 to 50 printable characters of ASCII, and neither < nor >")
        }
    }
}

/// 6 to 64 characters of ASCII with an @. It never prints.
#[derive(Clone, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(extend("minLength" = 6, "maxLength" = 64, "pattern" = r"^[!-?A-~]+@[!-\-/-?A-~][!-?A-~]*\.[!-?A-~]*$")))]
#[serde(try_from = "String")]
pub(crate) struct Email(String);

impl Email {
    /// The address, for AWS alone.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// Whether it is the same address: AWS keeps it in the case it was written in, and takes it once in any.
    pub(crate) fn is(&self, other: &str) -> bool {
        self.0.eq_ignore_ascii_case(other)
    }
}

impl PartialEq for Email {
    fn eq(&self, other: &Self) -> bool {
        self.is(&other.0)
    }
}

impl Eq for Email {}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(..)")
    }
}

impl TryFrom<String> for Email {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        let parts: Vec<_> = text.split('@').collect();
        let is_address =
            matches!(parts[..], [user, host] if !user.is_empty() && host.contains('.') && !host.starts_with('.'));
        let is_plain = text.bytes().all(|b| b.is_ascii_graphic());
        if is_address && is_plain && (6..=64).contains(&text.len()) {
            Ok(Self(text))
        } else {
            Err("an e-mail address has 6 to 64 characters of ASCII without spaces, and one @")
        }
    }
}

/// The name of a role, without a path.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(extend("pattern" = "^[A-Za-z0-9+=,.@_-]{1,64}$")))]
#[serde(try_from = "String")]
pub(crate) struct RoleName(pub(crate) String);

impl Default for RoleName {
    fn default() -> Self {
        Self("OrganizationAccountAccessRole".to_owned())
    }
}

impl TryFrom<String> for RoleName {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"+=,.@_-".contains(&b);
        if (1..=64).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text))
        } else {
            Err("the name of a role has 1 to 64 letters, digits and +=,.@_-, and no path")
        }
    }
}

/// The account's id, 12 digits. Until the account has one it is that of the request which is making it, `car-...`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(with = "String"))]
pub(crate) enum AccountId {
    Account(String),
    Request(String),
}

impl FromStr for AccountId {
    type Err = NotAnAccountId;

    /// The patterns are those of the API reference.
    fn from_str(text: &str) -> Result<Self, NotAnAccountId> {
        let is_request = text.strip_prefix("car-").is_some_and(|token| is_token(token, 8));
        match text.to_owned() {
            id if is_account_id(&id) => Ok(Self::Account(id)),
            id if is_request => Ok(Self::Request(id)),
            _ => Err(NotAnAccountId),
        }
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(id) | Self::Request(id) => f.write_str(id),
        }
    }
}

/// Some other text.
#[derive(Debug)]
pub(crate) struct NotAnAccountId;

/// What `!GetAtt` reads.
#[derive(PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Attributes {
    /// The account's id, 12 digits.
    pub(crate) account_id: String,
    /// The account's ARN.
    pub(crate) arn: String,
    /// The root user's address, as AWS keeps it.
    pub(crate) email: String,
    /// The account's name.
    pub(crate) name: String,
    /// The account's state, such as `ACTIVE`.
    pub(crate) state: String,
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn refusal(mut properties: Value) -> String {
        for (name, value) in [("Name", "app"), ("Email", "aws+app@example.com")] {
            if properties[name].is_null() {
                properties[name] = json!(value);
            }
        }
        serde_json::from_value::<Properties>(properties).err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn an_account_is_neither_adopted_nor_closed_unless_the_template_says_so() {
        let written = json!({"Name": "app", "Email": "aws+app@example.com"});
        let properties: Properties = serde_json::from_value(written).unwrap();
        assert!(!properties.adopt_existing && !properties.close_on_delete && properties.wait_until_ready);
        assert_eq!(properties.role_name.0, "OrganizationAccountAccessRole");
    }

    #[test]
    fn what_organizations_would_refuse_is_refused_in_words_without_the_value() {
        for (properties, words) in [
            (json!({"Name": "x".repeat(51)}), "1 to 50 printable characters"),
            (json!({"Name": "a<b"}), "neither < nor >"),
            (json!({"Name": "a>b"}), "neither < nor >"),
            (json!({"Email": "nobody"}), "6 to 64 characters"),
            (json!({"Email": "two@at@example.com"}), "6 to 64 characters"),
            (json!({"Email": "sp ace@example.com"}), "6 to 64 characters"),
            (json!({"ParentId": "Workloads"}), "expected the id of a root"),
            (json!({"RoleName": "path/role"}), "1 to 64 letters"),
        ] {
            let refusal = refusal(properties.clone());
            assert!(refusal.contains(words), "{properties}: {refusal}");
            assert!(!refusal.contains("example.com"), "{refusal}");
        }
    }

    #[test]
    fn an_address_is_the_same_in_any_case_and_never_prints() {
        let email = Email::try_from("AWS+app@Example.com".to_owned()).unwrap();
        assert!(email.is("aws+APP@example.com"));
        assert_eq!(format!("{email:?}"), "Email(..)");
    }

    #[test]
    fn an_id_is_an_account_s_or_a_request_s_or_none_of_ours() {
        assert_eq!("123456789012".parse::<AccountId>().unwrap(), AccountId::Account("123456789012".to_owned()));
        assert!(matches!("car-0123456789abcdef".parse::<AccountId>(), Ok(AccountId::Request(_))));
        for id in ["123456789012", "car-0123456789abcdef"] {
            assert_eq!(id.parse::<AccountId>().unwrap().to_string(), id);
        }
        for foreign in ["landing-App-1ABCDEF", "nothing-was-made", "12345678901", ""] {
            assert!(foreign.parse::<AccountId>().is_err(), "{foreign}");
        }
    }
}
