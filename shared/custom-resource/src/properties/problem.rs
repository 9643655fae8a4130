//! What is wrong with a property, and where, in words of a template's author.

use std::fmt::Display;

use serde::de::{self, Expected, Unexpected};
use serde_json::Value;

use crate::mangled::mangled;

/// Where a value stands in the template.
pub(super) enum Path<'a> {
    Root,
    Key(&'a Path<'a>, &'a str),
    Index(&'a Path<'a>, usize),
}

impl Display for Path<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Root => f.write_str("ResourceProperties"),
            Self::Key(parent, key) => write!(f, "{parent}.{key}"),
            Self::Index(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

/// What is wrong with a property, and where. It never says the value.
#[derive(Debug, thiserror::Error)]
#[error("{}{}{what}", path.as_deref().unwrap_or("ResourceProperties"), if what.starts_with('[') { "" } else { ": " })]
pub(super) struct Problem {
    path: Option<String>,
    /// What looks at a whole list may start with the item and go on with the path: `[1].Key: ...`.
    what: String,
}

impl Problem {
    pub(super) fn new(what: impl Into<String>) -> Self {
        Self { path: None, what: what.into() }
    }

    /// A value of another kind than what was expected.
    pub(super) fn found(expected: &str, value: &Value) -> Self {
        let found = match value {
            Value::Object(_) => "an object",
            Value::Array(_) => "a list",
            Value::Null => "nothing",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
        };
        Self::new(format!("expected {expected}, found {found}"))
    }

    /// A property of that name, which its type doesn't have.
    pub(super) fn unknown(path: &Path<'_>, name: &str, hint: &str) -> Self {
        let hint = if hint.is_empty() { String::new() } else { format!("; {hint}") };
        if is_name(name) {
            return Self::new(format!("unknown property{hint}")).at(&Path::Key(path, name));
        }
        let why = format!(
            "its name isn't shown, since it isn't one of up to {LONGEST_NAME} letters (A to Z, a to z) and digits"
        );
        Self::new(format!("unknown property ({why}){hint}")).at(path)
    }

    /// The name of a property, in a map of any names, which its type refuses.
    pub(super) fn of_name(self, path: &Path<'_>) -> Self {
        Self::new(format!("a name in it isn't what it has to be: {}", self.what)).at(path)
    }

    /// A text that its type refuses: what has become of it on its way says more than what it should be.
    pub(super) fn of(mut self, text: Option<&str>, path: &Path<'_>) -> Self {
        let is_said = |why: &&str| self.path.is_none() && !self.what.contains(*why);
        if let Some(why) = text.and_then(mangled).filter(is_said) {
            self.what = format!("{}; {why}", self.what);
        }
        self.at(path)
    }

    /// The innermost place is where it is wrong.
    pub(super) fn at(mut self, path: &Path<'_>) -> Self {
        self.path.get_or_insert_with(|| path.to_string());
        self
    }
}

/// Longer than any property's.
pub(super) const LONGEST_NAME: usize = 64;

/// Whether it reads like a property's name. Anything else may be a value in the wrong place, or not be what it looks like.
fn is_name(text: &str) -> bool {
    (1..=LONGEST_NAME).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

impl de::Error for Problem {
    fn custom<T: Display>(what: T) -> Self {
        Self::new(what.to_string())
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let expected = in_words(&expected.to_string());
        let found = match found {
            Unexpected::Map => "an object",
            Unexpected::Seq => "a list",
            Unexpected::Unit | Unexpected::Option => "nothing",
            // What isn't a number may be a string, as any number is: that it is one says nothing.
            _ if expected.contains("number") => return Self::new(format!("expected {expected}")),
            Unexpected::Bool(_) => "a boolean",
            Unexpected::Unsigned(_) | Unexpected::Signed(_) | Unexpected::Float(_) => "a number",
            _ => "a string",
        };
        Self::new(format!("expected {expected}, found {found}"))
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(format!("expected {}", in_words(&expected.to_string())))
    }

    fn invalid_length(_: usize, expected: &dyn Expected) -> Self {
        let expected = expected.to_string();
        match expected.split(|c: char| !c.is_ascii_digit()).rfind(|digits| !digits.is_empty()) {
            Some(length) => Self::new(format!("expected a list of {length} items")),
            None => Self::new(format!("expected {}", in_words(&expected))),
        }
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self::new(format!("expected one of {}", expected.join(", ")))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(format!("`{field}` is required"))
    }
}

/// What serde calls `expected`, as people call it who write templates.
fn in_words(expected: &str) -> String {
    let starts_with = |starts: &[&str]| starts.iter().any(|start| expected.starts_with(start));
    if let Some(other) = expected.strip_prefix("a nonzero ") {
        return format!("{}, but not 0", in_words(other));
    }
    let words = match expected {
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" | "u128" | "usize" => "a whole number that isn't below 0",
        "i8" => "a whole number from -128 to 127",
        "i16" => "a whole number from -32768 to 32767",
        "i32" => "a whole number from -2147483648 to 2147483647",
        "i64" | "i128" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" => "true or false",
        "a character" => "one character",
        "a map" => "an object",
        "a sequence" => "a list",
        _ if starts_with(&["struct "]) => "an object",
        _ if starts_with(&["unit"]) => "an object without properties",
        _ if starts_with(&["tuple ", "a tuple ", "an array of ", "an empty array"]) => "a list",
        other => other,
    };
    words.to_owned()
}
