//! What a statement means, whatever its text.
//!
//! When in doubt two mean different things: a needless write is cheap, a change that is taken for none is lost.

use std::collections::{BTreeMap, BTreeSet};

use custom_resource::is_account_id;
use serde_json::{Value, json, value::RawValue};

use crate::json;

/// The meaning of a minified statement but for its Sid: the same text for all that mean the same. What isn't known here
/// counts by the byte.
pub(crate) fn meaning(statement: &str) -> String {
    let elements = members_by(statement, |name| name);
    let meaning = elements.map_or_else(
        || Value::from(statement),
        |elements| {
            let meanings = elements.into_iter().filter(|(name, _)| name != "Sid").map(|(name, value)| {
                let meaning = element(&name, value).unwrap_or_else(|| as_written(value));
                (name, meaning)
            });
            // Where nothing must hold, it is as if there were no Condition.
            let nothing = json!({});
            Value::Object(meanings.filter(|(name, meaning)| name != "Condition" || *meaning != nothing).collect())
        },
    );
    meaning.to_string()
}

fn element(name: &str, value: &RawValue) -> Option<Value> {
    match name {
        // https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html
        "Action" | "NotAction" => set(value, json::string, |action| action.to_ascii_lowercase()),
        "Resource" | "NotResource" => set(value, json::string, |resource| resource),
        "Principal" | "NotPrincipal" => principals(value),
        "Condition" => conditions(value),
        _ => None,
    }
}

fn as_written(value: &RawValue) -> Value {
    json!({ "text": value.get() })
}

/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html>
fn principals(value: &RawValue) -> Option<Value> {
    // Everybody, in the other spelling.
    let text = if value.get() == r#""*""# { r#"{"AWS":"*"}"# } else { value.get() };
    let kinds = members_by(text, |kind| kind)?.into_iter().map(|(kind, value)| {
        let shorter: fn(String) -> String = |principal| match account_of_root(&principal) {
            Some(account) => account.to_owned(),
            None => principal,
        };
        let fold = if kind == "AWS" { shorter } else { |principal| principal };
        let meaning = set(value, json::string, fold).unwrap_or_else(|| as_written(value));
        (kind, meaning)
    });
    Some(Value::Object(kinds.collect()))
}

/// The id of the account whose root this is, in any partition.
pub(crate) fn account_of_root(principal: &str) -> Option<&str> {
    let parts: Vec<_> = principal.split(':').collect();
    match parts[..] {
        ["arn", partition, "iam", "", account, "root"] if partition.starts_with("aws") && is_account_id(account) => {
            Some(account)
        }
        _ => None,
    }
}

/// Operators have one spelling. Names of context keys have many, but what follows a `/` is a tag's name or an OIDC
/// provider's id, and what follows a second `:` the name in an encryption context, where the cases of a name may differ.
///
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition.html>
fn conditions(value: &RawValue) -> Option<Value> {
    let folded = |key: String| match key.bytes().filter(|byte| matches!(byte, b'/' | b':')).count() {
        0 | 1 => key.to_ascii_lowercase(),
        _ => key,
    };
    let says_nothing = |value: &RawValue| json::members(value.get()).is_some_and(|keys| keys.is_empty());
    let operators = members_by(value.get(), |name| name)?.into_iter().filter(|(_, keys)| !says_nothing(keys));
    let operators = operators.map(|(operator, value)| {
        let meaning = members_by(value.get(), folded).map_or_else(
            || as_written(value),
            |keys| {
                let meanings = keys.into_iter().map(|(key, value)| {
                    let meaning = set(value, scalar, |value| value).unwrap_or_else(|| as_written(value));
                    (key, meaning)
                });
                Value::Object(meanings.collect())
            },
        );
        (operator, meaning)
    });
    Some(Value::Object(operators.collect()))
}

/// What a string, number or boolean says. The digits of a number stay as written: 1 and 1.0 aren't the same string.
fn scalar(raw: &RawValue) -> Option<String> {
    match raw.get().bytes().next()? {
        b'"' => json::string(raw),
        b'-' | b'0'..=b'9' | b't' | b'f' => Some(raw.get().to_owned()),
        _ => None,
    }
}

/// One item or a list of them, without regard to order and repetition. `None` if an item can't be read.
fn set(value: &RawValue, read: fn(&RawValue) -> Option<String>, fold: fn(String) -> String) -> Option<Value> {
    let items = json::items(value.get()).unwrap_or_else(|| vec![value]);
    let set: BTreeSet<_> = items.into_iter().map(|item| read(item).map(fold)).collect::<Option<_>>()?;
    Some(json!({ "set": set }))
}

/// The members of an object. `None` if it isn't one, or if two names are the same, so that nobody can say which counts.
fn members_by(text: &str, fold: impl Fn(String) -> String) -> Option<BTreeMap<String, &RawValue>> {
    let members = json::members(text)?;
    let count = members.len();
    let by_name = members.into_iter().map(|(name, value)| Some((fold(json::string(name)?), value)));
    by_name.collect::<Option<BTreeMap<_, _>>>().filter(|by_name| by_name.len() == count)
}
