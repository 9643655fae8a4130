//! Which inline policy a statement is for.

use std::{collections::BTreeMap, fmt, str::FromStr};

use policy_statement::{Target, TargetLocation};

/// The properties as they are written.
#[cfg(test)]
#[derive(schemars::JsonSchema)]
#[schemars(rename_all = "PascalCase", extend("x-ref" = "<role>/<policy>"))]
#[expect(dead_code, reason = "only what is said of them is read")]
struct RawProperties {
    /// The role's name, without the path, and not the ARN.
    #[schemars(regex(pattern = "^[A-Za-z0-9_+=,.@-]{1,64}$"), extend("x-update" = "Replacement"))]
    role_name: String,
    /// The name of the inline policy. It is made with its first statement, and goes with its last.
    #[schemars(regex(pattern = "^[A-Za-z0-9_+=,.@-]{1,128}$"), extend("x-update" = "Replacement"))]
    policy_name: String,
}

/// An inline policy by the names of its role and its own, neither of which has a slash or a colon.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(with = "RawProperties"))]
pub(crate) struct InlinePolicy {
    pub(crate) role: String,
    pub(crate) policy: String,
}

impl Target for InlinePolicy {
    // It is the role that must be there, and `the policy of role deploy/grants` names it all.
    const KIND: &'static str = "role";
    const ARN: &'static str = "arn:{partition}:iam::{account}:role/{}";
    const OWN: &'static [&'static str] = &["RoleName", "PolicyName"];

    fn read(properties: &BTreeMap<String, String>) -> Result<TargetLocation<Self>, String> {
        let role = properties.get("RoleName").ok_or("`RoleName` is required")?;
        let policy = properties.get("PolicyName").ok_or("`PolicyName` is required")?;
        if !is_role_name(role) {
            let words =
                "`RoleName` has 1 to 64 letters, digits and _+=,.@-; it is the name, without the path, and not the ARN";
            return Err(words.to_owned());
        }
        if !is_policy_name(policy) {
            let words =
                "`PolicyName` has 1 to 128 letters, digits and _+=,.@-; it is the name of an inline policy, not an ARN";
            return Err(words.to_owned());
        }
        Ok(TargetLocation { account: None, target: Self { role: role.clone(), policy: policy.clone() } })
    }
}

impl fmt::Display for InlinePolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.role, self.policy)
    }
}

impl FromStr for InlinePolicy {
    type Err = NotAnInlinePolicy;

    fn from_str(text: &str) -> Result<Self, NotAnInlinePolicy> {
        match text.split_once('/') {
            Some((role, policy)) if is_role_name(role) && is_policy_name(policy) => {
                Ok(Self { role: role.to_owned(), policy: policy.to_owned() })
            }
            _ => Err(NotAnInlinePolicy),
        }
    }
}

/// Some other text.
#[derive(Debug)]
pub(crate) struct NotAnInlinePolicy;

/// As in <https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRolePolicy.html>.
fn is_role_name(text: &str) -> bool {
    text.len() <= 64 && is_policy_name(text)
}

/// As there.
fn is_policy_name(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b);
    (1..=128).contains(&text.len()) && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use policy_statement::StatementId;

    use super::*;

    fn read(properties: &[(&str, &str)]) -> Result<TargetLocation<InlinePolicy>, String> {
        InlinePolicy::read(&properties.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
    }

    #[test]
    fn an_inline_policy_is_read_back_from_its_text() {
        for (role, policy) in [("deploy", "grants"), ("111111111111", "a_b+c=d,e.f@g-h"), ("x", &"y".repeat(128))] {
            let named = read(&[("RoleName", role), ("PolicyName", policy)]).unwrap();
            assert_eq!(named.to_string().parse::<TargetLocation<InlinePolicy>>().unwrap(), named);
        }
    }

    #[test]
    fn an_inline_policy_of_another_account_is_read_back_from_its_text() {
        let target = InlinePolicy { role: "deploy".to_owned(), policy: "grants".to_owned() };
        let named = TargetLocation { account: Some("222222222222".to_owned()), target };
        assert_eq!(named.to_string(), "222222222222:deploy/grants");
        assert_eq!(named.to_string().parse::<TargetLocation<InlinePolicy>>().unwrap(), named);
    }

    #[test]
    fn what_names_no_inline_policy_is_refused_in_words() {
        let (role, policy) = (("RoleName", "deploy"), ("PolicyName", "grants"));
        let (long_role, long_policy) = ("x".repeat(65), "x".repeat(129));
        for (properties, words) in [
            (&[policy][..], "`RoleName` is required"),
            (&[role], "`PolicyName` is required"),
            (&[("RoleName", "arn:aws:iam::111111111111:role/deploy"), policy], "without the path, and not the ARN"),
            (&[("RoleName", "service-role/deploy"), policy], "without the path, and not the ARN"),
            (&[("RoleName", &long_role), policy], "`RoleName` has 1 to 64"),
            (&[role, ("PolicyName", "")], "`PolicyName` has 1 to 128"),
            (&[role, ("PolicyName", "arn:aws:iam::aws:policy/AdministratorAccess")], "of an inline policy, not an ARN"),
            (&[role, ("PolicyName", &long_policy)], "`PolicyName` has 1 to 128"),
        ] {
            let refusal = read(properties).unwrap_err();
            assert!(refusal.contains(words), "{refusal}");
        }
    }

    #[test]
    fn ids_of_others_name_no_inline_policy() {
        for foreign in ["", "deploy", "deploy/", "/grants", "deploy/a/b", "https://deploy", "landing-Grants-1ABCDEF"] {
            assert!(foreign.parse::<InlinePolicy>().is_err(), "{foreign}");
        }
    }

    #[test]
    fn an_id_is_written_and_read_as_in_the_first_release() {
        for id in ["deploy/grants#22a7aa3d94", "222222222222:deploy/grants#22a7aa3d94"] {
            assert_eq!(id.parse::<StatementId<InlinePolicy>>().unwrap().to_string(), id);
        }
    }
}
