//! The ARNs of shares, as in <https://docs.aws.amazon.com/ram/latest/APIReference/API_ResourceShare.html>.

use std::{fmt, str::FromStr};

use serde::Deserialize;

/// A share's ARN, `arn:aws:ram:<Region>:<account>:resource-share/<id>`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(
    feature = "schema",
    schemars(extend("pattern" = "^arn:[^:]*:ram:[^:]*:[0-9]{12}:resource-share/[A-Za-z0-9-]+$"))
)]
#[serde(try_from = "String")]
pub struct ShareArn(String);

impl ShareArn {
    /// The ARN as AWS writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ShareArn {
    type Err = NotAShareArn;

    fn from_str(text: &str) -> Result<Self, NotAShareArn> {
        let parts: Vec<_> = text.split(':').collect();
        match parts[..] {
            ["arn", _, "ram", _, account, resource] if custom_resource::is_account_id(account) => {
                let id = resource.strip_prefix("resource-share/").ok_or(NotAShareArn)?;
                let is_id = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
                if is_id { Ok(Self(text.to_owned())) } else { Err(NotAShareArn) }
            }
            _ => Err(NotAShareArn),
        }
    }
}

impl TryFrom<String> for ShareArn {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map_err(|NotAShareArn| "expected the ARN of a resource share (arn:...:ram:...:resource-share/...)")
    }
}

impl fmt::Display for ShareArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Some other text.
#[derive(Debug)]
pub struct NotAShareArn;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_is_a_share_s_or_none_of_ours() {
        let share = "arn:aws:ram:us-east-1:111111111111:resource-share/0123abcd-0123-0123-0123-0123456789ab";
        assert_eq!(ShareArn::from_str(share).unwrap().to_string(), share);
        for foreign in [
            "landing-Share-1ABCDEF",
            "nothing-was-made",
            "arn:aws:ram:us-east-1:111111111111:resource-share/",
            "arn:aws:ram:us-east-1:111111111111:permission/x",
            "arn:aws:ram:us-east-1:111111111111:resource-share/a#222222222222",
            "",
        ] {
            assert!(ShareArn::from_str(foreign).is_err(), "{foreign}");
        }
    }
}
