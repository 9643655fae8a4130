//! The role that acts in the account that owns a target, where the function itself can't.

use custom_resource::is_account_id;

/// `RoleArn` and `ExternalId`. Not to be shown: the one is a name, but the other a shared secret.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Role {
    pub(crate) arn: String,
    pub(crate) external_id: Option<String>,
}

impl Role {
    /// Reads the two properties; `None` where there is no role.
    pub(crate) fn read(arn: Option<String>, external_id: Option<String>) -> Result<Option<Self>, &'static str> {
        let Some(arn) = arn else {
            return match external_id {
                Some(_) => Err("`ExternalId` is for a role: it needs `RoleArn`"),
                None => Ok(None),
            };
        };
        if !is_role(&arn) {
            return Err("`RoleArn` is the ARN of a role, such as `arn:aws:iam::<account id>:role/name`");
        }
        // As in https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
        let is_external_id = |text: &String| {
            (2..=1224).contains(&text.len())
                && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+=,.@:/-".contains(&b))
        };
        if external_id.as_ref().is_some_and(|text| !is_external_id(text)) {
            return Err("`ExternalId` has 2 to 1224 letters, digits and _+=,.@:/-");
        }
        Ok(Some(Self { arn, external_id }))
    }

    /// The account that the role is in.
    pub(crate) fn account(&self) -> &str {
        self.arn.split(':').nth(4).unwrap_or_default()
    }
}

fn is_role(arn: &str) -> bool {
    let parts: Vec<_> = arn.splitn(6, ':').collect();
    let ["arn", partition, "iam", "", account, name] = parts[..] else { return false };
    let is_name = |name: &str| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/_+=,.@-".contains(&byte))
    };
    partition.starts_with("aws") && is_account_id(account) && name.strip_prefix("role/").is_some_and(is_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(arn: Option<&str>, external_id: Option<&str>) -> Result<Option<Role>, &'static str> {
        Role::read(arn.map(ToOwned::to_owned), external_id.map(ToOwned::to_owned))
    }

    #[test]
    fn a_role_says_its_account() {
        let role = read(Some("arn:aws-us-gov:iam::222222222222:role/path/writer"), Some("a secret"));
        assert_eq!(role.err(), Some("`ExternalId` has 2 to 1224 letters, digits and _+=,.@:/-"));
        let role = read(Some("arn:aws-us-gov:iam::222222222222:role/path/writer"), Some("id-1")).unwrap().unwrap();
        assert_eq!(role.account(), "222222222222");
        assert!(read(None, None).unwrap().is_none());
    }

    #[test]
    fn what_is_no_role_is_refused() {
        for arn in [
            "writer",
            "arn:aws:iam::222222222222:user/writer",
            "arn:aws:iam::2222:role/writer",
            "arn:aws:iam::222222222222:role/",
        ] {
            assert!(read(Some(arn), None).is_err_and(|why| why.starts_with("`RoleArn` is")), "{arn}");
        }
        assert!(read(None, Some("id-1")).is_err_and(|why| why.contains("needs `RoleArn`")));
    }
}
