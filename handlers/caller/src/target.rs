//! What a caller may have statements on: ARNs, of which the last part may have wildcards.
//! <https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html>

use custom_resource::{FunctionArn, is_account_id, mangled};
use serde::Deserialize;

use crate::statement_type::StatementType;

const EVERYTHING: &str =
    "* alone would open everything; name targets by their ARNs, in whose last part * and ? stand for anything";
const EXPECTED: &str = "expected the ARN of a repository (arn:aws:ecr:...:repository/...), a key (arn:aws:kms:...:key/...), a bucket \
                        (arn:aws:s3:::...) or a role (arn:aws:iam::...:role/...)";
const WILDCARD: &str = "* and ? may stand in the last part of an ARN alone, after repository/, key/ or role/, or in a bucket's name; \
                        write out the others";
const ACCOUNT: &str = "the account in its ARN isn't an id of 12 digits";
const ALIAS: &str = "an alias can be pointed at another key; name the key by its id, arn:aws:kms:...:key/...";
const OBJECTS: &str = "name the bucket alone, without what is in it: a statement says itself which objects it is about";
const NO_REGION: &str = "the ARN of a bucket has no Region and no account (arn:aws:s3:::...), and that of a role no Region \
                         (arn:aws:iam::...:role/...)";

/// A pattern of ARNs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(with = "String", extend("pattern" = PATTERN)))]
#[serde(try_from = "String")]
pub(crate) struct Target {
    pub(crate) pattern: String,
    pub(crate) of: StatementType,
}

impl Target {
    /// What keeps a function from opening it.
    pub(crate) fn wrong_for(&self, function: &FunctionArn) -> Option<String> {
        let [partition, _, region, account, _] = parts(&self.pattern)?;
        let FunctionArn { partition: own_partition, region: own_region, account: own_account, .. } = function;
        if partition != own_partition {
            Some(format!("it is in another partition than the function, whose ARNs begin with arn:{own_partition}:"))
        } else if !region.is_empty() && region != own_region {
            Some(format!(
                "it is in another Region than the function, which is in {own_region} and writes policies there alone"
            ))
        } else if !account.is_empty() && account != own_account {
            Some(format!("it is of another account than the function, which opens what account {own_account} owns"))
        } else {
            None
        }
    }
}

/// Partition, service, Region, account and the rest.
fn parts(arn: &str) -> Option<[&str; 5]> {
    let mut parts = arn.strip_prefix("arn:")?.splitn(5, ':');
    Some([parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?])
}

impl TryFrom<String> for Target {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        if text == "*" {
            return Err(EVERYTHING);
        }
        let [partition, service, region, account, resource] = parts(&text).ok_or(EXPECTED)?;
        if [partition, service, region, account].iter().any(|part| part.contains(['*', '?'])) {
            return Err(WILDCARD);
        }
        let (of, others) = match service {
            "ecr" => (StatementType::Ecr, "._/"),
            "kms" => (StatementType::Kms, ""),
            "s3" => (StatementType::S3, "._"),
            "iam" => (StatementType::IamTrust, "+=,.@_/"),
            _ => return Err(EXPECTED),
        };
        let is_everywhere = matches!(of, StatementType::S3 | StatementType::IamTrust);
        if is_everywhere != region.is_empty() || of == StatementType::S3 && !account.is_empty() {
            return Err(if is_everywhere { NO_REGION } else { EXPECTED });
        }
        if of != StatementType::S3 && !is_account_id(account) {
            return Err(mangled(&text).unwrap_or(ACCOUNT));
        }
        let name = match of {
            StatementType::S3 if resource.contains('/') => return Err(OBJECTS),
            StatementType::S3 => Some(resource),
            StatementType::Kms if resource.starts_with("alias/") => return Err(ALIAS),
            _ => resource.strip_prefix(of.thing()).and_then(|rest| rest.strip_prefix('/')),
        };
        match name {
            // As in role*, which would be all of them.
            None if resource.contains(['*', '?']) && !resource.contains('/') => Err(WILDCARD),
            Some(name) if is_name(name, others) && is_plain(partition, "aws") && is_plain(region, "") => {
                Ok(Self { pattern: text, of })
            }
            _ => Err(EXPECTED),
        }
    }
}

fn is_name(name: &str, others: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-*?".contains(c) || others.contains(c))
}

fn is_plain(part: &str, begins: &str) -> bool {
    part.starts_with(begins) && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// The targets for those who read no Rust.
#[cfg(test)]
const PATTERN: &str = r"^arn:aws[a-z-]*:(ecr:[a-z0-9-]+:[0-9]{12}:repository/[A-Za-z0-9._/*?-]+|kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9*?-]+|s3:::[A-Za-z0-9._*?-]+|iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/*?-]+)$";

#[cfg(test)]
mod tests {
    use super::*;

    const FUNCTION: &str = "arn:aws:lambda:eu-west-1:111111111111:function:archipelago-caller";

    fn read(text: &str) -> Result<Target, &'static str> {
        Target::try_from(text.to_owned())
    }

    #[test]
    fn a_target_is_a_repository_a_key_a_bucket_or_a_role_with_wildcards_in_its_name() {
        for (text, of) in [
            ("arn:aws:ecr:eu-west-1:111111111111:repository/app/*", StatementType::Ecr),
            ("arn:aws:ecr:eu-west-1:111111111111:repository/app_1.2", StatementType::Ecr),
            ("arn:aws:kms:eu-west-1:111111111111:key/0123abcd-0123-4000-8000-0123456789ab", StatementType::Kms),
            ("arn:aws:kms:eu-west-1:111111111111:key/mrk-0123abcd", StatementType::Kms),
            ("arn:aws:s3:::artifacts-?.app", StatementType::S3),
            ("arn:aws:iam::111111111111:role/team/deploy-*", StatementType::IamTrust),
        ] {
            let target = read(text).unwrap();
            assert_eq!((target.pattern.as_str(), target.of), (text, of));
            assert_eq!(target.wrong_for(&FunctionArn::read(FUNCTION)), None, "{text}");
        }
    }

    #[test]
    fn what_is_no_target_is_refused_in_words() {
        for (text, words) in [
            ("*", EVERYTHING),
            ("arn:aws:*", EXPECTED),
            ("artifacts", EXPECTED),
            ("arn:aws:sqs:eu-west-1:111111111111:queue", EXPECTED),
            ("arn:aws:ecr:eu-west-1:111111111111:artifacts", EXPECTED),
            ("arn:aws:ecr:eu-west-1:111111111111:repository/", EXPECTED),
            ("arn:aws:ecr::111111111111:repository/app", EXPECTED),
            ("arn:aws:ecr:eu-west-1:111111111111:repository/a b", EXPECTED),
            ("arn:aws:kms:eu-west-1:111111111111:key/${Key}", EXPECTED),
            ("arn:aws:s3:::", EXPECTED),
            ("arn:gcp:s3:::artifacts", EXPECTED),
            ("arn:aws:ecr:*:111111111111:repository/app", WILDCARD),
            ("arn:aws:ecr:eu-west-1:*:repository/app", WILDCARD),
            ("arn:aws:*:eu-west-1:111111111111:key/a", WILDCARD),
            ("arn:aws:ecr:eu-west-1:111111111111:*", WILDCARD),
            ("arn:aws:iam::111111111111:role*", WILDCARD),
            ("arn:aws:ecr:eu-west-1:app:repository/app", ACCOUNT),
            ("arn:aws:iam:eu-west-1:111111111111:role/app", NO_REGION),
            ("arn:aws:s3:eu-west-1:111111111111:artifacts", NO_REGION),
            ("arn:aws:s3::111111111111:artifacts", NO_REGION),
            ("arn:aws:s3:::artifacts/*", OBJECTS),
            ("arn:aws:kms:eu-west-1:111111111111:alias/artifacts", ALIAS),
        ] {
            assert_eq!(read(text), Err(words), "{text}");
        }
        for account in ["11111111111", "1.11111111111E11", "1111-1111-1111"] {
            let text = format!("arn:aws:iam::{account}:role/app");
            assert_eq!(read(&text).unwrap_err(), mangled(&text).unwrap());
        }
    }

    #[test]
    fn a_target_is_of_the_function_s_partition_region_and_account() {
        for (text, words) in [
            ("arn:aws-cn:s3:::artifacts", "in another partition than the function, whose ARNs begin with arn:aws:"),
            (
                "arn:aws:ecr:us-east-1:111111111111:repository/app",
                "in another Region than the function, which is in eu-west-1",
            ),
            ("arn:aws:kms:eu-west-1:222222222222:key/a", "which opens what account 111111111111 owns"),
            ("arn:aws:iam::222222222222:role/a", "of another account than the function"),
        ] {
            let wrong = read(text).unwrap().wrong_for(&FunctionArn::read(FUNCTION)).unwrap();
            assert!(wrong.contains(words), "{text}: {wrong}");
        }
    }
}
