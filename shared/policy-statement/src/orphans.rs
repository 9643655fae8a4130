//! Principals that were deleted. AWS shows their unique ids instead of their ARNs, and refuses to save a policy again that
//! has one, whoever wrote it.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids>

use serde_json::value::RawValue;

use crate::{Statement, json, principals::principals};

/// The deleted principals that a statement names.
pub(crate) fn orphans(statement: &Statement) -> Vec<String> {
    principals(statement).into_iter().filter(|principal| is_orphan(principal)).collect()
}

/// The statement without them and otherwise as it was, to the byte. `None` if nobody is left in it.
///
/// A statement for all but a deleted principal keeps it, since without it would be for nobody in particular.
pub(crate) fn without_orphans(statement: &Statement) -> Option<Statement> {
    if orphans(statement).is_empty() {
        return Some(statement.clone());
    }
    let members = json::members(statement.text()).unwrap_or_default().into_iter().map(|(name, value)| {
        let value = match json::string(name).as_deref() {
            Some("Principal") => left_of(value.get())?,
            Some("NotPrincipal") => left_of(value.get()).unwrap_or_else(|| value.get().to_owned()),
            _ => value.get().to_owned(),
        };
        Some(format!("{}:{value}", name.get()))
    });
    let members: Vec<_> = members.collect::<Option<_>>()?;
    Statement::parse(&format!("{{{}}}", members.join(",")))
}

/// An object of principals without the deleted ones, and without kinds that have none then. `None` if it would be empty.
fn left_of(principals: &str) -> Option<String> {
    let Some(kinds) = json::members(principals) else { return Some(principals.to_owned()) };
    let left = kinds.into_iter().filter_map(|(kind, principals)| {
        let items = json::items(principals.get());
        let is_list = items.is_some();
        let mut left = items.unwrap_or_else(|| vec![principals]);
        left.retain(|principal| !json::string(principal).is_some_and(|principal| is_orphan(&principal)));
        let left: Vec<_> = left.into_iter().map(RawValue::get).collect();
        let left = match (left.is_empty(), is_list) {
            (true, _) => return None,
            (false, true) => format!("[{}]", left.join(",")),
            (false, false) => left.concat(),
        };
        Some(format!("{}:{left}", kind.get()))
    });
    let left: Vec<_> = left.collect();
    (!left.is_empty()).then(|| format!("{{{}}}", left.join(",")))
}

/// The unique id of a role or of a user.
pub(crate) fn is_orphan(principal: &str) -> bool {
    let is_unique =
        |rest: &str| rest.len() >= 12 && rest.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    principal.strip_prefix("AROA").or_else(|| principal.strip_prefix("AIDA")).is_some_and(is_unique)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLE: &str = "AROAEXAMPLEROLEDELETD";
    const USER: &str = "AIDAEXAMPLEUSERDELETD";

    fn pruned(text: &str) -> Option<String> {
        let text = text.replace("ROLE", ROLE).replace("USER", USER);
        without_orphans(&Statement::parse(&text).unwrap()).map(|statement| statement.text().to_owned())
    }

    #[test]
    fn the_deleted_principals_of_a_statement_are_named() {
        let text = format!(r#"{{"Principal":{{"AWS":["{ROLE}","111111111111"]}},"NotPrincipal":{{"AWS":"{USER}"}}}}"#);
        assert_eq!(orphans(&Statement::parse(&text).unwrap()), [ROLE, USER]);
        for none in
            [r#"{"Principal":"*"}"#, r#"{"Principal":{"AWS":"AROA"}}"#, r#"{"Resource":"AROAEXAMPLEROLEDELETD"}"#]
        {
            assert!(orphans(&Statement::parse(none).unwrap()).is_empty(), "{none}");
        }
    }

    #[test]
    fn pruning_takes_the_deleted_principals_and_nothing_else() {
        for (text, left) in [
            (
                r#"{"Sid":"","N":1.0,"Principal":{"AWS":["ROLE","1","USER"]}}"#,
                r#"{"Sid":"","N":1.0,"Principal":{"AWS":["1"]}}"#,
            ),
            (r#"{"Principal":{"AWS":"ROLE","Service":"a.b"},"N":1}"#, r#"{"Principal":{"Service":"a.b"},"N":1}"#),
            (r#"{"Principal":{"AWS":"arn"},"N":{"a":[]}}"#, r#"{"Principal":{"AWS":"arn"},"N":{"a":[]}}"#),
            (r#"{"NotPrincipal":{"AWS":["ROLE","1"]}}"#, r#"{"NotPrincipal":{"AWS":["1"]}}"#),
        ] {
            assert_eq!(pruned(text).as_deref(), Some(left), "{text}");
        }
    }

    #[test]
    fn a_statement_for_nobody_else_goes_with_them() {
        assert_eq!(pruned(r#"{"Effect":"Allow","Principal":{"AWS":"ROLE"}}"#), None);
        assert_eq!(pruned(r#"{"Effect":"Allow","Principal":{"AWS":["ROLE","USER"]}}"#), None);
    }

    #[test]
    fn a_statement_for_all_but_them_stays_as_it_is() {
        let all_but = r#"{"Effect":"Deny","NotPrincipal":{"AWS":"ROLE"}}"#;
        assert_eq!(pruned(all_but), Some(all_but.replace("ROLE", ROLE)));
    }
}
