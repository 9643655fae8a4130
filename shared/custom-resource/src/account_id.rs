//! The ids of accounts, alone and in ARNs.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html>

/// Whether `text` is the id of an account: twelve digits.
#[must_use]
pub fn is_account_id(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The account that stands in `arn`; empty where none does.
#[must_use]
pub fn account_of(arn: &str) -> &str {
    arn.split(':').nth(4).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_id_is_twelve_digits_and_nothing_else() {
        assert!(is_account_id("012345678901"));
        for other in ["12345678901", "0123456789012", "01234567890a", "０１２３", ""] {
            assert!(!is_account_id(other), "{other}");
        }
    }

    #[test]
    fn an_arn_says_whose_it_is_or_nothing() {
        assert_eq!(account_of("arn:aws:lambda:us-east-1:111111111111:function:x:live"), "111111111111");
        assert_eq!(account_of("arn:aws:s3:::bucket"), "");
        assert_eq!(account_of("no arn"), "");
    }
}
