//! The principals that a statement names, in whatever form, and the statement with others in their places.

use crate::{Statement, equivalent::account_of_root, json};

/// The elements of a statement that name principals.
pub(crate) const NAMING: [&str; 2] = ["Principal", "NotPrincipal"];

/// Those of the kind `AWS`.
pub(crate) fn principals(statement: &Statement) -> Vec<String> {
    let members = json::members(statement.text()).unwrap_or_default();
    let naming = members.iter().filter(|(name, _)| json::string(name).is_some_and(|name| NAMING.contains(&&*name)));
    let kinds = naming.flat_map(|(_, principals)| json::members(principals.get()).unwrap_or_default());
    let of_aws = kinds.filter(|(kind, _)| json::string(kind).as_deref() == Some("AWS"));
    let principals =
        of_aws.flat_map(|(_, principals)| json::items(principals.get()).unwrap_or_else(|| vec![principals]));
    principals.filter_map(json::string).collect()
}

/// Whether a principal is an account, or in it.
pub(crate) fn is_in_account(principal: &str, account: &str) -> bool {
    principal == account || principal.split(':').nth(4) == Some(account)
}

/// The statement with ids of accounts in the place of the ARNs of their roots, which mean the same, and otherwise as it was, to the
/// byte.
pub(crate) fn with_account_ids(statement: &Statement) -> Statement {
    let members = json::members(statement.text()).unwrap_or_default().into_iter().map(|(name, value)| {
        let names = json::string(name).is_some_and(|name| NAMING.contains(&&*name));
        let value = if names { shorter_kinds(value.get()) } else { value.get().to_owned() };
        format!("{}:{value}", name.get())
    });
    let members: Vec<_> = members.collect();
    Statement::parse(&format!("{{{}}}", members.join(","))).unwrap_or_else(|| statement.clone())
}

fn shorter_kinds(principals: &str) -> String {
    let Some(kinds) = json::members(principals) else { return principals.to_owned() };
    let kinds = kinds.into_iter().map(|(kind, principals)| {
        let is_aws = json::string(kind).as_deref() == Some("AWS");
        let shorter = |principal: &str| match serde_json::from_str::<String>(principal) {
            Ok(name) if is_aws => {
                account_of_root(&name).map_or_else(|| principal.to_owned(), |account| format!("\"{account}\""))
            }
            _ => principal.to_owned(),
        };
        let shorter = match json::items(principals.get()) {
            Some(items) => {
                let items: Vec<_> = items.into_iter().map(|item| shorter(item.get())).collect();
                format!("[{}]", items.join(","))
            }
            None => shorter(principals.get()),
        };
        format!("{}:{shorter}", kind.get())
    });
    format!("{{{}}}", kinds.collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement(text: &str) -> Statement {
        Statement::parse(text).unwrap()
    }

    #[test]
    fn roots_become_ids_and_nothing_else_changes() {
        for (text, shorter) in [
            (
                r#"{"Sid":"A","N":1.0,"Principal":{"AWS":["arn:aws:iam::111111111111:root","arn:aws:iam::1:role/r"]}}"#,
                r#"{"Sid":"A","N":1.0,"Principal":{"AWS":["111111111111","arn:aws:iam::1:role/r"]}}"#,
            ),
            (
                r#"{"NotPrincipal":{"AWS":"arn:aws-cn:iam::111111111111:root","Service":"a"}}"#,
                r#"{"NotPrincipal":{"AWS":"111111111111","Service":"a"}}"#,
            ),
        ] {
            assert_eq!(with_account_ids(&statement(text)).text(), shorter);
        }
        for same in [
            r#"{"Principal":"*","Action":"\u0061:b"}"#,
            r#"{"Principal":{"Federated":"arn:aws:iam::111111111111:root"}}"#,
            r#"{"Resource":{"AWS":"arn:aws:iam::111111111111:root"}}"#,
        ] {
            assert_eq!(with_account_ids(&statement(same)).text(), same);
        }
    }

    #[test]
    fn the_principals_of_aws_are_found_in_every_form() {
        let text = r#"{"Principal":{"AWS":["a","b"],"Service":"s"},"NotPrincipal":{"AWS":"c"},"Resource":{"AWS":"r"}}"#;
        assert_eq!(principals(&statement(text)), ["a", "b", "c"]);
        assert!(principals(&statement(r#"{"Principal":"*"}"#)).is_empty());
    }
}
