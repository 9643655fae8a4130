//! Whether two statements mean the same, whatever their text.
//!
//! When in doubt they don't: a needless write is cheap, a change that is taken for none is lost.

use std::collections::BTreeMap;

use custom_resource::is_account_id;
use serde_json::value::RawValue;

use crate::json;

/// Compares two minified statements but for their Sids. What isn't known here is compared by the byte.
pub(crate) fn equivalent(left: &str, right: &str) -> bool {
    left == right
        || elements(left).zip(elements(right)).is_some_and(|(left, right)| same_members(&left, &right, same_element))
}

fn elements(statement: &str) -> Option<BTreeMap<String, &RawValue>> {
    let mut elements = members_by(statement, |name| name)?;
    elements.remove("Sid");
    Some(elements)
}

fn same_element(name: &str, left: &RawValue, right: &RawValue) -> bool {
    let same = match name {
        // https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html
        "Action" | "NotAction" => same_sets(left, right, json::string, str::eq_ignore_ascii_case),
        "Resource" | "NotResource" => same_sets(left, right, json::string, |a, b| a == b),
        "Principal" | "NotPrincipal" => same_principals(left, right),
        "Condition" => same_conditions(left, right),
        _ => None,
    };
    same.unwrap_or_else(|| left.get() == right.get())
}

/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html>
fn same_principals(left: &RawValue, right: &RawValue) -> Option<bool> {
    let (left, right) = by_type(left).zip(by_type(right))?;
    Some(same_members(&left, &right, |kind, left, right| {
        let same = |a: &str, b: &str| a == b || (kind == "AWS" && (is_root_of(a, b) || is_root_of(b, a)));
        same_sets(left, right, json::string, same).unwrap_or_else(|| left.get() == right.get())
    }))
}

fn by_type(principal: &RawValue) -> Option<BTreeMap<String, &RawValue>> {
    // Everybody, in the other spelling.
    let text = if principal.get() == r#""*""# { r#"{"AWS":"*"}"# } else { principal.get() };
    members_by(text, |kind| kind)
}

/// Whether `arn` is the account of that id, in any partition.
fn is_root_of(arn: &str, account_id: &str) -> bool {
    let parts: Vec<_> = arn.split(':').collect();
    matches!(parts[..], ["arn", partition, "iam", "", account, "root"] if partition.starts_with("aws") && account == account_id)
        && is_account_id(account_id)
}

/// Operators have one spelling. Names of context keys have many, but what follows a `/` is a tag's name or an OIDC
/// provider's id, and what follows a second `:` the name in an encryption context, where the cases of a name may differ.
///
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition.html>
fn same_conditions(left: &RawValue, right: &RawValue) -> Option<bool> {
    let folded = |key: String| match key.bytes().filter(|byte| matches!(byte, b'/' | b':')).count() {
        0 | 1 => key.to_ascii_lowercase(),
        _ => key,
    };
    let (left, right) = members_by(left.get(), |name| name).zip(members_by(right.get(), |name| name))?;
    Some(same_members(&left, &right, |_, left, right| {
        let keys = members_by(left.get(), folded).zip(members_by(right.get(), folded));
        keys.map_or(left.get() == right.get(), |(left_keys, right_keys)| {
            same_members(&left_keys, &right_keys, |_, left, right| {
                same_sets(left, right, scalar, |a, b| a == b).unwrap_or_else(|| left.get() == right.get())
            })
        })
    }))
}

/// What a string, number or boolean says. The digits of a number stay as written: 1 and 1.0 aren't the same string.
fn scalar(raw: &RawValue) -> Option<String> {
    match raw.get().bytes().next()? {
        b'"' => json::string(raw),
        b'-' | b'0'..=b'9' | b't' | b'f' => Some(raw.get().to_owned()),
        _ => None,
    }
}

/// Compares two values, each one item or a list, without regard to order and repetition. `None` if an item can't be read.
fn same_sets(
    left: &RawValue,
    right: &RawValue,
    read: fn(&RawValue) -> Option<String>,
    same: impl Fn(&str, &str) -> bool,
) -> Option<bool> {
    let set = |raw: &RawValue| -> Option<Vec<String>> {
        json::items(raw.get()).unwrap_or_else(|| vec![raw]).into_iter().map(read).collect()
    };
    let (left, right) = set(left).zip(set(right))?;
    let covers = |these: &[String], those: &[String]| those.iter().all(|a| these.iter().any(|b| same(a, b)));
    Some(covers(&left, &right) && covers(&right, &left))
}

fn same_members(
    left: &BTreeMap<String, &RawValue>,
    right: &BTreeMap<String, &RawValue>,
    same: impl Fn(&str, &RawValue, &RawValue) -> bool,
) -> bool {
    left.len() == right.len()
        && left.iter().all(|(name, left)| right.get(name).is_some_and(|right| same(name, left, right)))
}

/// The members of an object. `None` if it isn't one, or if two names are the same, so that nobody can say which counts.
fn members_by(text: &str, fold: impl Fn(String) -> String) -> Option<BTreeMap<String, &RawValue>> {
    let members = json::members(text)?;
    let count = members.len();
    let by_name = members.into_iter().map(|(name, value)| Some((fold(json::string(name)?), value)));
    by_name.collect::<Option<BTreeMap<_, _>>>().filter(|by_name| by_name.len() == count)
}
