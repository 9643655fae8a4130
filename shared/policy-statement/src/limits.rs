//! The size a policy may have: AWS judges it, and its refusal doesn't say who takes up the room.

use custom_resource::{Error, Result};

use crate::Document;

/// What a size is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Characters of the minified policy.
    Characters,
    /// Bytes of the minified policy in UTF-8.
    Bytes,
}

/// The size that a service allows a policy. What it counts isn't what is sent: IAM leaves white space out, S3 judges the
/// "normalized policy document", of which 24,620 bytes were taken of a limit of 20,480, and shows longer ones than it was given
/// (<https://github.com/MIT-LCP/physionet-build/issues/2094>, <https://github.com/FogSecurity/aws-size/pull/38>).
///
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// In `unit`.
    pub size: usize,
    /// What `size` and `elsewhere` count.
    pub unit: Unit,
    /// What other policies take of the same limit, such as the other inline policies of a role.
    pub elsewhere: usize,
    /// The end of the explanation: what to do instead.
    pub advice: &'static str,
}

impl Limit {
    /// A limit of that many characters, for one policy with principals.
    #[must_use]
    pub const fn characters(size: usize) -> Self {
        let advice = "grant an OU with aws:PrincipalOrgPaths instead of single accounts";
        Self { size, unit: Unit::Characters, elsewhere: 0, advice }
    }

    /// A limit of that many bytes, for one policy with principals.
    #[must_use]
    pub const fn bytes(size: usize) -> Self {
        Self { unit: Unit::Bytes, ..Self::characters(size) }
    }

    /// The size of a policy, in `unit`, with ids for the roots of accounts: in the fewest words in which it can be put, whatever AWS
    /// makes of them when it shows it.
    #[must_use]
    pub fn used_by(&self, document: &Document) -> usize {
        let text = document.with_account_ids().to_text();
        match self.unit {
            Unit::Characters => text.chars().count(),
            Unit::Bytes => text.len(),
        }
    }

    /// Looks at the claim's own statements alone. `policy` starts the sentence: `the policy of repository app`.
    ///
    /// # Errors
    /// Refused if they are so long that AWS can't take them however it counts.
    pub fn check_own(&self, policy: &str, after: &Document, mark: &str) -> Result<()> {
        if self.added(after, mark) <= MOST * self.size {
            return Ok(());
        }
        Err(Error::refused(self.explained(policy, after, mark)))
    }

    /// What is to be said of a policy that AWS refused for its size. `policy` starts the sentence: `the policy of repository app`.
    #[must_use]
    pub fn explained(&self, policy: &str, after: &Document, mark: &str) -> String {
        let used = self.elsewhere + self.used_by(after);
        let unit = match self.unit {
            Unit::Characters => "characters",
            Unit::Bytes => "bytes",
        };
        let elsewhere = match self.elsewhere {
            0 => String::new(),
            size => format!("with the {} {unit} of others that share its limit ", grouped(size)),
        };
        let adds = match after.own(mark).count() {
            0 => "without this resource's statements".to_owned(),
            1 => format!("this statement adds {}", grouped(self.added(after, mark))),
            _ => format!("these statements add {}", grouped(self.added(after, mark))),
        };
        let by_aws = if used > self.size { "" } else { ", and more as AWS counts" };
        format!(
            "{policy} {elsewhere}would have {} of {} {unit} ({adds}{by_aws}); {}",
            grouped(used),
            grouped(self.size),
            self.advice
        )
    }

    fn added(&self, after: &Document, mark: &str) -> usize {
        let mut others = after.clone();
        others.replace_own(mark, &[]);
        self.used_by(after) - self.used_by(&others)
    }
}

/// How many times its limit a policy may be long to us and still be taken by AWS, with room to spare: S3 was seen to take 24,620 bytes
/// of 20,480, and the quota of a trust policy goes up to four times its default.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
const MOST: usize = 4;

/// 10240 as `10,240`.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::StatementProperty;

    const MARK: &str = "0123456789";

    /// A policy of that many characters without ours, and with.
    fn grown(foreign: usize, property: serde_json::Value) -> (Document, Document) {
        let frame = r#"{"Id":"","Statement":[{}]}"#.len();
        let before = format!(r#"{{"Id":"{}","Statement":[{{}}]}}"#, "x".repeat(foreign - frame));
        let before = Document::parse(&before).unwrap();
        let mut after = before.clone();
        after.replace_own(MARK, &StatementProperty::try_from(property).unwrap().signed("Grant", MARK));
        (before, after)
    }

    #[test]
    fn the_explanation_says_used_limit_and_share() {
        // {"Sid":"Grant0123456789","N":""} and its comma are 33 characters.
        let (before, after) = grown(10_022, json!({"N": "x".repeat(357)}));
        let limit = Limit::characters(10_240);
        assert_eq!(
            limit.explained("the policy of repository app", &after, MARK),
            "the policy of repository app would have 10,412 of 10,240 characters (this statement adds 390); \
             grant an OU with aws:PrincipalOrgPaths instead of single accounts"
        );
        assert_eq!(
            Limit { size: 10_000, advice: "take others out", ..limit }.explained(
                "the policy of repository app",
                &before,
                MARK
            ),
            "the policy of repository app would have 10,022 of 10,000 characters (without this resource's statements); \
             take others out"
        );
        let (_, after) = grown(1_000, json!([{"N": ""}, {"N": ""}]));
        let limit = Limit { elsewhere: 999_000, advice: "use another policy", ..Limit::bytes(1_000_000) };
        assert_eq!(
            limit.explained("the policy of role deploy/grants", &after, MARK),
            "the policy of role deploy/grants with the 999,000 bytes of others that share its limit would have 1,000,067 of \
             1,000,000 bytes (these statements add 67); use another policy"
        );
    }

    #[test]
    fn where_aws_counts_more_than_there_is_the_explanation_says_so() {
        let (_, after) = grown(1_000, json!({"N": ""}));
        let said = Limit::characters(2_048).explained("the policy of role deploy", &after, MARK);
        assert!(
            said.contains("would have 1,033 of 2,048 characters (this statement adds 33, and more as AWS counts)"),
            "{said}"
        );
    }

    #[test]
    fn what_aws_might_take_is_left_to_it() {
        let limit = Limit::characters(1_000);
        // The frame of a list and a comma count as well.
        let (_, after) = grown(100_000, json!({"N": "x".repeat(3_900)}));
        limit.check_own("", &after, MARK).unwrap();
        let (_, after) = grown(100, json!({"N": "x".repeat(4_000)}));
        let refusal = limit.check_own("the policy of shelf app", &after, MARK).unwrap_err().to_string();
        assert!(refusal.contains("would have 4,133 of 1,000 characters (this statement adds 4,033)"), "{refusal}");
    }

    #[test]
    fn an_account_counts_the_same_by_its_root_and_by_its_id() {
        let size = |account: &str| {
            let policy = format!(r#"{{"Statement":[{{"Principal":{{"AWS":"{account}"}}}}]}}"#);
            Limit::bytes(1).used_by(&Document::parse(&policy).unwrap())
        };
        assert_eq!(size("arn:aws:iam::111111111111:root"), size("111111111111"));
    }

    #[test]
    fn bytes_are_not_characters() {
        let document = Document::parse(r#"{"Id":"é"}"#).unwrap();
        assert_eq!((Limit::characters(1).used_by(&document), Limit::bytes(1).used_by(&document)), (10, 11));
    }
}
