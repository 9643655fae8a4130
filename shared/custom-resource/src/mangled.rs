//! What YAML, JSON, CloudFormation or a template's author has made of an id on its way here.
//!
//! CloudFormation hands over an unquoted `012345678901` as `1.2345678901E10`, and an empty list as one empty item; YAML reads an id that
//! begins with 0 as octal or drops the zero; `aws cloudformation package` writes ids without their quotes
//! (<https://github.com/aws/aws-cli/issues/3991>); `!Split` leaves spaces where they are.

use crate::is_account_id;

const EMPTY: &str = "it is empty, as CloudFormation hands over an empty list or parameter; leave it out, with !If and AWS::NoValue \
                     where that depends";
const SPACE: &str = "it begins or ends with a space, as an item of !Split does after a comma and a space; write the list without spaces";
const LEFT_IN: &str = "`${` was left in it; write it with !Sub";
const QUOTES: &str = "it has quotes inside its quotes; write one pair of them";
const NUMBER: &str = "it is a number with a point or an exponent, as CloudFormation makes it of an id without quotes; quote the id in the \
                      template, and call `aws cloudformation package` with --use-json, since it drops quotes otherwise";
const DIGITS: &str = "an account id has 12 digits; quote it in the template, so that YAML keeps leading zeros, and call `aws \
                      cloudformation package` with --use-json, since it drops quotes otherwise";
const HYPHENS: &str = "an account id is written without hyphens, as 12 digits";
const IN_ARN: &str = "the account in its ARN isn't an id of 12 digits; quote the id where it is written, so that YAML keeps leading zeros and \
                      CloudFormation makes no number of it";

/// What has become of a text that should be an id, a name or an ARN and isn't. The sentence follows another one, says what to write, and
/// repeats nothing of the text.
#[must_use]
pub fn mangled(text: &str) -> Option<&'static str> {
    if text.is_empty() {
        Some(EMPTY)
    } else if text.contains("${") {
        Some(LEFT_IN)
    } else if text.trim() != text {
        Some(SPACE)
    } else if ['"', '\''].iter().any(|&quote| text.len() > 1 && text.starts_with(quote) && text.ends_with(quote)) {
        Some(QUOTES)
    } else if is_fraction(text) {
        Some(NUMBER)
    } else if text.starts_with("arn:") {
        let account = text.split(':').nth(4).unwrap_or_default();
        let is_mangled = mangled_account_id(account).is_some() && !account.is_empty();
        is_mangled.then_some(IN_ARN)
    } else {
        None
    }
}

/// The same of what should be the id of an account.
#[must_use]
pub fn mangled_account_id(text: &str) -> Option<&'static str> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let without = text.replace('-', "");
    if digits(text) && !is_account_id(text) {
        Some(DIGITS)
    } else if text.contains('-') && is_account_id(&without) {
        Some(HYPHENS)
    } else if text.starts_with("arn:") {
        None
    } else {
        mangled(text)
    }
}

/// `1.2345678901E10`, `12345678901.0`
fn is_fraction(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_digit() || ".eE+-".contains(c);
    text.starts_with(|c: char| c.is_ascii_digit())
        && text.contains(['.', 'e', 'E'])
        && text.chars().all(allowed)
        && text.parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_became_of_an_id_is_seen() {
        for (text, what) in [
            ("", EMPTY),
            (" subnet-0123abcd", SPACE),
            ("ou-ab12-workload1\n", SPACE),
            ("${AWS::AccountId}", LEFT_IN),
            ("arn:aws:iam::${Account}:root", LEFT_IN),
            ("'111111111111'", QUOTES),
            ("\"o-exampleorgid\"", QUOTES),
            ("1.2345678901E10", NUMBER),
            ("1e11", NUMBER),
            ("12345678901.0", NUMBER),
            ("arn:aws:iam::1.2345678901E10:root", IN_ARN),
            ("arn:aws:kms:eu-west-1:12345678901:key/a", IN_ARN),
            ("arn:aws:iam::1111-1111-1111:root", IN_ARN),
        ] {
            assert_eq!(mangled(text), Some(what), "{text}");
        }
        for text in [
            "subnet",
            "1234",
            "e10",
            "1.2.3",
            "arn:aws:s3:::b",
            "arn:aws:iam::aws:policy/a",
            "arn:aws:iam::*:root",
            "'",
        ] {
            assert_eq!(mangled(text), None, "{text}");
        }
    }

    #[test]
    fn an_account_has_twelve_digits_and_nothing_else() {
        for (text, what) in [
            ("12345678901", DIGITS),
            ("1402433619", DIGITS),
            ("1234567890123", DIGITS),
            ("1111-2222-3333", HYPHENS),
            ("1.2345678901E10", NUMBER),
            ("", EMPTY),
            ("111111111111 ", SPACE),
        ] {
            assert_eq!(mangled_account_id(text), Some(what), "{text}");
        }
        for text in ["111111111111", "somebody", "aws", "arn:aws:iam::111111111111:root", "11-22"] {
            assert_eq!(mangled_account_id(text), None, "{text}");
        }
    }
}
