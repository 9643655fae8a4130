//! What must hold of a policy in the end, seen from what CloudFormation was told.

use serde_json::Value;

/// What a claim must have in the policy: the statements that it was answered SUCCESS for, and nothing where it has gone or
/// was never there.
#[derive(Clone, Debug)]
pub(super) struct Claimed {
    /// The claim, for people.
    pub(super) name: String,
    /// Its statements as they were signed.
    pub(super) statements: Vec<Value>,
}

/// Everything that is wrong with the policy `after` all claims came to rest, which was `before` until they came.
pub(super) fn violations(before: &Value, claims: &[Claimed], after: &Value) -> Vec<String> {
    let mut violations = Vec::new();
    let mut left = statements(after);
    for claim in claims {
        for wanted in &claim.statements {
            let count = left.len();
            left.retain(|statement| statement != wanted);
            match count - left.len() {
                1 => {}
                0 => violations.push(format!("{}: its statement {} is lost or changed", claim.name, wanted["Sid"])),
                times => {
                    violations.push(format!("{}: its statement {} is there {times} times", claim.name, wanted["Sid"]));
                }
            }
        }
    }
    // Foreign ones are compared as text: the order of their elements is theirs as well.
    let foreign: Vec<_> = statements(before).iter().map(Value::to_string).collect();
    let (kept, more): (Vec<_>, Vec<_>) =
        left.into_iter().partition(|statement| foreign.contains(&statement.to_string()));
    let kept: Vec<_> = kept.iter().map(Value::to_string).collect();
    if kept != foreign {
        violations.push(format!("of the {} statements of others {} are in their places", foreign.len(), kept.len()));
    }
    violations.extend(more.iter().map(|statement| format!("the statement {} is nobody's", statement["Sid"])));
    if frame(before) != frame(after) {
        violations.push("what isn't a statement has changed".to_owned());
    }
    violations
}

/// Whether a claim was refused because the policy would have grown too large, and really would have.
pub(super) fn is_about_size(reason: &str) -> bool {
    let number = |word: &str| word.replace(',', "").parse::<usize>().ok();
    let sizes = reason.split_once(" would have ").and_then(|(_, rest)| rest.split_once(" of "));
    let used = sizes.and_then(|(used, _)| number(used));
    let limit = sizes.and_then(|(_, rest)| number(rest.split(' ').next()?));
    used.zip(limit).is_some_and(|(used, limit)| used > limit)
}

/// The statements, whether they are in a list or one alone.
pub(super) fn statements(policy: &Value) -> Vec<Value> {
    match &policy["Statement"] {
        Value::Array(list) => list.clone(),
        one => vec![one.clone()],
    }
}

/// The policy without its statements.
fn frame(policy: &Value) -> String {
    let mut frame = policy.clone();
    frame["Statement"] = Value::Null;
    frame.to_string()
}

mod tests {
    use serde_json::json;

    use super::*;

    fn before() -> Value {
        json!({ "Version": "2008-10-17", "Statement": { "Sid": "", "Action": "a:b" } })
    }

    fn after(statements: &Value) -> Value {
        json!({ "Version": "2008-10-17", "Statement": statements })
    }

    fn claims() -> [Claimed; 2] {
        let claimed = |name: &str, statements| Claimed { name: name.to_owned(), statements };
        [claimed("one", vec![json!({ "Sid": "A1" }), json!({ "Sid": "A12" })]), claimed("gone", vec![])]
    }

    #[test]
    fn nothing_is_wrong_with_a_policy_that_has_each_statement_once() {
        let statements = json!([{ "Sid": "A12" }, { "Sid": "", "Action": "a:b" }, { "Sid": "A1" }]);
        assert_eq!(violations(&before(), &claims(), &after(&statements)), [""; 0]);
        assert_eq!(violations(&before(), &[], &before()), [""; 0]);
    }

    #[test]
    fn each_way_to_be_wrong_is_found() {
        let (foreign, first, second) =
            (json!({ "Sid": "", "Action": "a:b" }), json!({ "Sid": "A1" }), json!({ "Sid": "A12" }));
        for (statements, sentence) in [
            (json!([foreign, second]), "one: its statement \"A1\" is lost or changed"),
            (
                json!([foreign, second, { "Sid": "A1", "Action": "a:b" }]),
                "one: its statement \"A1\" is lost or changed",
            ),
            (json!([foreign, first, second, first]), "one: its statement \"A1\" is there 2 times"),
            (json!([first, second]), "of the 1 statements of others 0 are in their places"),
            (json!([foreign, first, second, foreign]), "of the 1 statements of others 2 are in their places"),
            (
                json!([{ "Action": "a:b", "Sid": "" }, first, second]),
                "of the 1 statements of others 0 are in their places",
            ),
            (json!([foreign, first, second, { "Sid": "B1" }]), "the statement \"B1\" is nobody's"),
        ] {
            let found = violations(&before(), &claims(), &after(&statements));
            assert!(found.iter().any(|found| found == sentence), "{sentence}: {found:?}");
        }
        let later = json!({ "Version": "2012-10-17", "Statement": { "Sid": "", "Action": "a:b" } });
        assert_eq!(violations(&before(), &[], &later), ["what isn't a statement has changed"]);
    }

    #[test]
    fn statements_of_others_stay_in_their_order() {
        let before = json!({ "Statement": [{ "Sid": "X" }, { "Sid": "Y" }] });
        let after = json!({ "Statement": [{ "Sid": "Y" }, { "Sid": "X" }] });
        assert_eq!(violations(&before, &[], &after), ["of the 2 statements of others 2 are in their places"]);
    }

    #[test]
    fn a_refusal_says_a_size_beyond_the_limit() {
        assert!(is_about_size(
            "the policy of key k would have 32,900 of 32,768 bytes (this statement adds 208); grant"
        ));
        for other in ["would have 9,900 of 10,240 characters", "would have many of 10 bytes", "AccessDenied: no"] {
            assert!(!is_about_size(other), "{other}");
        }
    }
}
