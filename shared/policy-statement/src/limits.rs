//! The size a policy may have, looked at before the call, since AWS's own refusal doesn't say who takes up the room.

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

/// The size that a service allows a policy.
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
    /// The end of the refusal: what to do instead.
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

    /// The size of a policy, in `unit`.
    #[must_use]
    pub fn used_by(&self, document: &Document) -> usize {
        let text = document.to_text();
        match self.unit {
            Unit::Characters => text.chars().count(),
            Unit::Bytes => text.len(),
        }
    }

    /// Compares the policy after a change with the limit. `policy` starts the sentence: `the policy of repository app`.
    ///
    /// # Errors
    /// Refused if it has grown beyond the limit. One that shrinks is let through even so: an account's quota may have been
    /// raised, and removing must always be possible.
    pub fn check(&self, policy: &str, before: &Document, after: &Document, mark: &str) -> Result<()> {
        let used = self.elsewhere + self.used_by(after);
        if used <= self.size || self.used_by(after) <= self.used_by(before) {
            return Ok(());
        }
        let mut others = after.clone();
        others.replace_own(mark, &[]);
        let adds = if after.own(mark).count() == 1 { "this statement adds" } else { "these statements add" };
        let unit = match self.unit {
            Unit::Characters => "characters",
            Unit::Bytes => "bytes",
        };
        let elsewhere = match self.elsewhere {
            0 => String::new(),
            size => format!("with the {} {unit} of others that share its limit ", grouped(size)),
        };
        Err(Error::refused(format!(
            "{policy} {elsewhere}would have {} of {} {unit} ({adds} {}); {}",
            grouped(used),
            grouped(self.size),
            grouped(self.used_by(after) - self.used_by(&others)),
            self.advice
        )))
    }
}

/// 10240 as `10,240`.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
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
    fn the_refusal_says_used_limit_and_share() {
        // {"Sid":"Grant0123456789","N":""} and its comma are 33 characters.
        let (before, after) = grown(10_022, json!({"N": "x".repeat(357)}));
        let refusal =
            Limit::characters(10_240).check("the policy of repository app", &before, &after, MARK).unwrap_err();
        assert_eq!(
            refusal.to_string(),
            "the policy of repository app would have 10,412 of 10,240 characters (this statement adds 390); \
             grant an OU with aws:PrincipalOrgPaths instead of single accounts"
        );
        let (before, after) = grown(1_000, json!([{"N": ""}, {"N": ""}]));
        let limit = Limit { elsewhere: 999_000, advice: "use another policy", ..Limit::bytes(1_000_000) };
        let refusal = limit.check("the policy of role deploy/grants", &before, &after, MARK).unwrap_err();
        assert_eq!(
            refusal.to_string(),
            "the policy of role deploy/grants with the 999,000 bytes of others that share its limit would have 1,000,067 of \
             1,000,000 bytes (these statements add 67); use another policy"
        );
    }

    #[test]
    fn the_last_character_fits_and_one_more_does_not() {
        let (before, after) = grown(10_207, json!({"N": ""}));
        assert!(Limit::characters(10_240).check("", &before, &after, MARK).is_ok());
        let (before, after) = grown(10_208, json!({"N": ""}));
        assert!(Limit::characters(10_240).check("", &before, &after, MARK).is_err());
    }

    #[test]
    fn bytes_are_not_characters() {
        let document = Document::parse(r#"{"Id":"é"}"#).unwrap();
        assert_eq!((Limit::characters(1).used_by(&document), Limit::bytes(1).used_by(&document)), (10, 11));
    }

    #[test]
    fn what_shrinks_is_never_refused() {
        let (before, after) = grown(3_000, json!({"N": ""}));
        assert!(Limit::characters(2_048).check("", &after, &before, MARK).is_ok());
        assert!(Limit::characters(2_048).check("", &before, &after, MARK).is_err());
    }
}
