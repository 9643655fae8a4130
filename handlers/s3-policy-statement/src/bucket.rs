//! Which bucket a statement is for.

use std::{collections::BTreeMap, fmt, str::FromStr};

use policy_statement::{Target, TargetLocation};

/// The properties as they are written.
#[cfg(test)]
#[derive(schemars::JsonSchema)]
#[schemars(rename_all = "PascalCase")]
#[expect(dead_code, reason = "only what is said of them is read")]
struct RawProperties {
    /// The name, not the ARN or the address, of a general purpose bucket in the function's own Region.
    #[schemars(regex(pattern = "^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$"), extend("x-update" = "Replacement"))]
    bucket_name: String,
}

/// A bucket by its name, which has no colon and is no other bucket's in any account.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(with = "RawProperties"))]
pub(crate) struct Bucket {
    pub(crate) name: String,
}

impl Target for Bucket {
    const KIND: &'static str = "bucket";
    const ARN: &'static str = "arn:{partition}:s3:::{}";
    const OWN: &'static [&'static str] = &["BucketName"];

    fn read(properties: &BTreeMap<String, String>) -> Result<TargetLocation<Self>, String> {
        let name = properties.get("BucketName").ok_or("`BucketName` is required")?;
        let target = name.parse().map_err(|NotABucket| {
            "`BucketName` has 3 to 63 lower-case letters, digits, dots and hyphens, and starts and ends with a letter or a \
             digit; it is the name, not the ARN or the address"
        })?;
        Ok(TargetLocation { account: None, target })
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl FromStr for Bucket {
    type Err = NotABucket;

    fn from_str(text: &str) -> Result<Self, NotABucket> {
        if is_name(text) { Ok(Self { name: text.to_owned() }) } else { Err(NotABucket) }
    }
}

/// Some other text.
#[derive(Debug)]
pub(crate) struct NotABucket;

/// As in <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>, but for the reserved starts and
/// ends, which S3 knows itself.
fn is_name(text: &str) -> bool {
    let is_letter_or_digit = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = text.as_bytes();
    (3..=63).contains(&bytes.len())
        && bytes.iter().all(|byte| is_letter_or_digit(byte) || b".-".contains(byte))
        && [bytes.first(), bytes.last()].into_iter().flatten().all(is_letter_or_digit)
}

#[cfg(test)]
mod tests {
    use policy_statement::StatementId;

    use super::*;

    fn read(name: &str) -> Result<TargetLocation<Bucket>, String> {
        Bucket::read(&[("BucketName".to_owned(), name.to_owned())].into())
    }

    #[test]
    fn a_bucket_is_read_back_from_its_text() {
        for name in ["artifacts", "111111111111", "a.b-c"] {
            assert_eq!(read(name).unwrap(), name.parse().unwrap());
        }
        let elsewhere: TargetLocation<Bucket> = "222222222222:artifacts".parse().unwrap();
        assert_eq!(
            elsewhere,
            TargetLocation { account: Some("222222222222".to_owned()), ..read("artifacts").unwrap() }
        );
        assert_eq!(elsewhere.to_string(), "222222222222:artifacts");
    }

    #[test]
    fn what_names_no_bucket_is_refused_in_words() {
        assert_eq!(Bucket::read(&BTreeMap::new()).unwrap_err(), "`BucketName` is required");
        for other in
            ["arn:aws:s3:::artifacts", "https://artifacts.s3.amazonaws.com", "Artifacts", "ab", "-artifacts", "a_b"]
        {
            let refusal = read(other).unwrap_err();
            assert!(refusal.contains("it is the name, not the ARN"), "{other}: {refusal}");
        }
        assert!(read(&"a".repeat(63)).is_ok());
        assert!(read(&"a".repeat(64)).is_err());
    }

    #[test]
    fn ids_of_others_name_no_bucket() {
        for foreign in ["", "landing-Read-1ABCDEF", "x:artifacts", "https://artifacts"] {
            assert!(foreign.parse::<TargetLocation<Bucket>>().is_err(), "{foreign}");
        }
    }

    #[test]
    fn an_id_is_written_and_read_as_in_the_first_release() {
        for id in ["artifacts#22a7aa3d94", "222222222222:artifacts#22a7aa3d94"] {
            assert_eq!(id.parse::<StatementId<Bucket>>().unwrap().to_string(), id);
        }
    }
}
