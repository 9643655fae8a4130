//! Which role a statement is for.

use std::{collections::BTreeMap, fmt, str::FromStr};

use policy_statement::{Target, TargetLocation};

/// The properties as they are written.
#[cfg(test)]
#[derive(schemars::JsonSchema)]
#[schemars(rename_all = "PascalCase")]
#[expect(dead_code, reason = "only what is said of them is read")]
struct RawProperties {
    /// The role's name, without the path, and not the ARN.
    #[schemars(regex(pattern = "^[A-Za-z0-9_+=,.@-]{1,64}$"), extend("x-update" = "Replacement"))]
    role_name: String,
}

/// A role by its name, which has neither a slash nor a colon.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(with = "RawProperties"))]
pub(crate) struct Role {
    pub(crate) name: String,
}

impl Target for Role {
    const KIND: &'static str = "role";
    const ARN: &'static str = "arn:{partition}:iam::{account}:role/{}";
    const OWN: &'static [&'static str] = &["RoleName"];

    fn read(properties: &BTreeMap<String, String>) -> Result<TargetLocation<Self>, String> {
        let name = properties.get("RoleName").ok_or("`RoleName` is required")?;
        let target = name.parse().map_err(|NotARole| {
            "`RoleName` has 1 to 64 letters, digits and _+=,.@-; it is the name, without the path, and not the ARN"
        })?;
        Ok(TargetLocation { account: None, target })
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl FromStr for Role {
    type Err = NotARole;

    fn from_str(text: &str) -> Result<Self, NotARole> {
        if is_name(text) { Ok(Self { name: text.to_owned() }) } else { Err(NotARole) }
    }
}

/// Some other text.
#[derive(Debug)]
pub(crate) struct NotARole;

/// As in <https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRole.html>.
fn is_name(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b);
    (1..=64).contains(&text.len()) && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use policy_statement::StatementId;

    use super::*;

    fn read(properties: &[(&str, &str)]) -> Result<TargetLocation<Role>, String> {
        Role::read(&properties.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
    }

    #[test]
    fn a_role_is_read_back_from_its_text() {
        for name in ["deploy", "111111111111", "a_b+c=d,e.f@g-h", &"x".repeat(64)] {
            let role = read(&[("RoleName", name)]).unwrap();
            assert_eq!(role.to_string().parse::<TargetLocation<Role>>().unwrap(), role);
        }
    }

    #[test]
    fn a_role_of_another_account_is_read_back_from_its_text() {
        let target = Role { name: "deploy".to_owned() };
        let role = TargetLocation { account: Some("222222222222".to_owned()), target };
        assert_eq!(role.to_string().parse::<TargetLocation<Role>>().unwrap(), role);
    }

    #[test]
    fn what_names_no_role_is_refused_in_words() {
        assert_eq!(read(&[]).unwrap_err(), "`RoleName` is required");
        for name in
            ["", "arn:aws:iam::111111111111:role/deploy", "service-role/deploy", "de ploy", "é", &"x".repeat(65)]
        {
            let refusal = read(&[("RoleName", name)]).unwrap_err();
            assert!(refusal.ends_with("it is the name, without the path, and not the ARN"), "{refusal}");
        }
    }

    #[test]
    fn an_id_is_written_and_read_as_in_the_first_release() {
        for id in ["deploy#22a7aa3d94", "222222222222:deploy#22a7aa3d94"] {
            assert_eq!(id.parse::<StatementId<Role>>().unwrap().to_string(), id);
        }
    }
}
