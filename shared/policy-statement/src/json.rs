//! Reads one level of JSON text and leaves everything below it as it is written, duplicates included.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The members of an object in their order, names and values as they are written; `None` if it isn't an object.
pub(crate) fn members(text: &str) -> Option<Vec<(&RawValue, &RawValue)>> {
    serde_json::from_str::<Members<'_>>(text).ok().map(|members| members.0)
}

/// The items of a list as they are written; `None` if it isn't a list.
pub(crate) fn items(text: &str) -> Option<Vec<&RawValue>> {
    serde_json::from_str(text).ok()
}

/// What a string says; `None` if it isn't one (or holds half a surrogate pair, which says nothing).
pub(crate) fn string(raw: &RawValue) -> Option<String> {
    serde_json::from_str(raw.get()).ok()
}

/// The same JSON without white space between its tokens.
pub(crate) fn minified(json: &RawValue) -> String {
    let (mut inside_string, mut escaped) = (false, false);
    let significant = |&c: &char| {
        let keep = inside_string || !matches!(c, ' ' | '\t' | '\n' | '\r');
        if c == '"' && !escaped {
            inside_string = !inside_string;
        }
        escaped = inside_string && c == '\\' && !escaped;
        keep
    };
    json.get().chars().filter(significant).collect()
}

struct Members<'a>(Vec<(&'a RawValue, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Members<'de>;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> &RawValue {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn minifying_leaves_white_space_inside_strings_alone() {
        let pretty = "{ \"a b\" :\t[ 1.0 ,\r\n 1e5 ], \"c\\\" d\\\\\" : \" \\\\\\\" e \" }";
        assert_eq!(minified(raw(pretty)), r#"{"a b":[1.0,1e5],"c\" d\\":" \\\" e "}"#);
    }

    #[test]
    fn names_keep_their_spelling_and_their_duplicates() {
        let members = members(r#"{"\u0041":1,"A":2,"A":2,"\ud800":3}"#).unwrap();
        let spelled: Vec<_> = members.iter().map(|(name, value)| (name.get(), value.get())).collect();
        assert_eq!(spelled, [(r#""\u0041""#, "1"), (r#""A""#, "2"), (r#""A""#, "2"), (r#""\ud800""#, "3")]);
        assert_eq!(string(members[0].0).as_deref(), Some("A"));
        assert_eq!(string(members[3].0), None);
    }
}
