//! How a refusal says which part of a statement is wrong.

use custom_resource::{Error, Result};
use serde_json::Value;

pub(super) fn refused<T>(path: &str, sentence: &str) -> Result<T> {
    Err(Error::refused(format!("{path}: {sentence}")))
}

/// One string or a list of them, each with its path. Refused if it is something else or empty.
pub(super) fn strings<'a>(path: &str, value: &'a Value) -> Result<Vec<(String, &'a str)>> {
    let strings: Option<Vec<_>> = match value {
        Value::String(one) => Some(vec![(path.to_owned(), one.as_str())]),
        Value::Array(list) => {
            list.iter().enumerate().map(|(index, item)| Some((format!("{path}[{index}]"), item.as_str()?))).collect()
        }
        _ => None,
    };
    match strings {
        Some(strings) if !strings.is_empty() => Ok(strings),
        _ => refused(path, "must be a string or a list of strings, and not empty"),
    }
}

/// Refuses a key that isn't known. One that isn't a plain word may be a value in the wrong place, so it isn't shown.
pub(super) fn refused_key<T>(path: &str, unknown: &str, what: &str, known: &[&str]) -> Result<T> {
    if unknown.chars().all(|c| c.is_ascii_alphabetic()) && unknown.len() <= 32 {
        return refused(&format!("{path}.{unknown}"), &unknown_among(what, unknown, known));
    }
    refused(path, &format!("has an unknown {what}; known are {}", known.join(", ")))
}

/// `unknown element; did you mean `Principal`?`
fn unknown_among(what: &str, unknown: &str, known: &[&str]) -> String {
    let distance = |known: &str| strsim::damerau_levenshtein(&known.to_lowercase(), &unknown.to_lowercase());
    match known.iter().map(|known| (distance(known), known)).min() {
        Some((distance, nearest)) if distance * 3 <= nearest.len() => {
            format!("unknown {what}; did you mean `{nearest}`?")
        }
        _ => format!("unknown {what}; known are {}", known.join(", ")),
    }
}
