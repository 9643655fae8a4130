//! Which principal AWS doesn't know, and whose it is.
//!
//! IAM's words name it, S3's answer does; those of ECR and KMS don't. It needn't be a role: an account that was closed, or that hasn't
//! enabled the Region, is unknown, too.
//! <https://github.com/hashicorp/terraform-provider-aws/issues/8905>
//! <https://github.com/hashicorp/terraform-provider-aws/issues/22549>

use custom_resource::AwsError;

use crate::{Document, Statement, equivalent::account_of_root, orphans::is_orphan, principals::principals};

/// How many are named at most.
const NAMED: usize = 10;

/// What AWS's refusal and the policy say together. Where statements of others name it, each is named with its principal:
/// "`Pull`: 111111111111".
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unknown {
    /// It is one of the claim's statements.
    Ours,
    /// AWS says which, and that is somebody else's.
    Theirs(String),
    /// AWS doesn't say which, or says that it is one of these: roles and users that were deleted.
    Deleted(String),
    /// AWS doesn't say which: it may be one of these, or one of the claim's statements if there are any.
    OneOf(String),
}

impl Unknown {
    /// Reads it from the words of a refusal of `policy`, in which the claim with that mark has its statements.
    pub(crate) fn of(error: &AwsError, policy: &Document, mark: &str) -> Self {
        let is_named = |principal: &str| names(error.message(), principal);
        if policy.own(mark).flat_map(principals).any(|principal| is_named(&principal)) {
            return Self::Ours;
        }
        let theirs: Vec<_> = policy.foreign(mark).flat_map(|statement| named(statement, &is_named)).collect();
        if theirs.iter().any(|(_, principal)| !is_orphan(principal)) {
            return Self::Theirs(listed(theirs));
        }
        let deleted: Vec<_> = policy.foreign(mark).flat_map(|statement| named(statement, &is_orphan)).collect();
        if !deleted.is_empty() {
            return Self::Deleted(listed(deleted));
        }
        let may_be = |principal: &str| principal != "*";
        Self::OneOf(listed(policy.foreign(mark).flat_map(|statement| named(statement, &may_be)).collect()))
    }
}

/// Those of a statement's principals that are such, with what it is called.
fn named(statement: &Statement, such: &impl Fn(&str) -> bool) -> Vec<(String, String)> {
    let principals = principals(statement).into_iter().filter(|principal| such(principal));
    principals.map(|principal| (statement.called(), principal)).collect()
}

fn listed(named: Vec<(String, String)>) -> String {
    let more = named.len().saturating_sub(NAMED);
    let mut listed: Vec<_> =
        named.into_iter().take(NAMED).map(|(of, principal)| format!("{of}: {principal}")).collect();
    if more > 0 {
        listed.push(format!("and {more} more"));
    }
    listed.join(", ")
}

/// Whether words name a principal: whole, or an account by its id as well as by its root.
fn names(words: &str, principal: &str) -> bool {
    let account = account_of_root(principal).unwrap_or(principal);
    let mut names =
        words.split(|c: char| c.is_whitespace() || "\"'`,;()".contains(c)).map(|name| name.trim_end_matches('.'));
    names.any(|name| !name.is_empty() && (name == principal || account_of_root(name).unwrap_or(name) == account))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARK: &str = "0123456789";

    fn unknown(words: &str) -> Unknown {
        let policy = r#"{"Statement":[
            {"Sid":"Old","Principal":{"AWS":["arn:aws:iam::111111111111:root","arn:aws:iam::222222222222:role/a"]}},
            {"Principal":{"AWS":"*","Service":"s3.amazonaws.com"}},
            {"Sid":"Pull0123456789","Principal":{"AWS":"arn:aws:iam::333333333333:role/ab"}}]}"#;
        let error = AwsError::refused("s3:PutBucketPolicy", "MalformedPolicy", words);
        Unknown::of(&error, &Document::parse(policy).unwrap(), MARK)
    }

    #[test]
    fn whose_principal_it_is_is_read_from_the_words() {
        let ours = r#"Invalid principal in policy: "AWS":"arn:aws:iam::333333333333:role/ab""#;
        assert_eq!(unknown(ours), Unknown::Ours);
        let theirs = Unknown::Theirs("`Old`: arn:aws:iam::222222222222:role/a".to_owned());
        assert_eq!(unknown(&ours.replace("333333333333:role/ab", "222222222222:role/a")), theirs);
        let account = Unknown::Theirs("`Old`: arn:aws:iam::111111111111:root".to_owned());
        assert_eq!(unknown("Invalid principal in policy; 111111111111"), account);
        assert_eq!(unknown("Invalid principal in policy; arn:aws:iam::111111111111:root."), account);
    }

    #[test]
    fn where_the_words_do_not_say_it_may_be_any_but_everyone_and_services() {
        let any = "`Old`: arn:aws:iam::111111111111:root, `Old`: arn:aws:iam::222222222222:role/a";
        for words in ["Invalid principal in policy", "", "arn:aws:iam::333333333333:role/a"] {
            assert_eq!(unknown(words), Unknown::OneOf(any.to_owned()), "{words}");
        }
    }

    #[test]
    fn so_many_are_named() {
        let accounts: Vec<_> = (0..12).map(|n| format!("\"{n:012}\"")).collect();
        let policy = format!(r#"{{"Statement":[{{"Principal":{{"AWS":[{}]}}}}]}}"#, accounts.join(","));
        let error = AwsError::refused("kms:PutKeyPolicy", "Malformed", "");
        let Unknown::OneOf(who) = Unknown::of(&error, &Document::parse(&policy).unwrap(), MARK) else {
            panic!("known")
        };
        assert!(who.ends_with("000000000009, and 2 more"), "{who}");
    }
}
