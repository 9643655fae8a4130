//! A value at its place, as serde reads it.

use std::{any::type_name, borrow::Cow};

use serde::{Deserializer, de::Visitor, forward_to_deserialize_any};
use serde_json::{Map, Value};

use super::{
    access::{Choice, Elements, Entries},
    problem::{LONGEST_NAME, Path, Problem},
};

/// Said of a type whose values serde reads into a buffer first. Out of that it would read them by rules of its own: no number from a
/// string, and whatever properties there are.
pub(super) const BUFFERED: &str = "a defect in this function: it reads this property as a type with #[serde(flatten)], #[serde(untagged)] \
                                   or #[serde(tag)] without content, which custom-resource can't";

/// Whether `V` is a visitor of serde's own that keeps what it sees, for one of these types. (Nothing else tells; a test has each.)
pub(super) fn is_buffer<V>() -> bool {
    let name = without_parameters(type_name::<V>());
    name.starts_with("serde") && name.ends_with("ContentVisitor")
}

/// Whether `V` is the visitor of a struct or a variant that serde derives.
fn is_derived<V>() -> bool {
    without_parameters(type_name::<V>()).ends_with("::__Visitor")
}

/// `a::B` of `a::B<c::D<'_>>`
fn without_parameters(name: &str) -> &str {
    let mut depth = 0;
    let opens = |&(_, c): &(usize, char)| {
        depth += i32::from(c == '>') - i32::from(c == '<');
        depth == 0
    };
    let end = name.char_indices().rev().find(opens).filter(|(_, c)| *c == '<').map_or(name.len(), |(at, _)| at);
    &name[..end]
}

/// A value at its place.
#[derive(Clone, Copy)]
pub(super) struct Node<'a> {
    pub(super) value: &'a Value,
    pub(super) path: &'a Path<'a>,
}

impl<'a> Node<'a> {
    /// The text of a string or a number.
    pub(super) fn scalar(self) -> Option<Cow<'a, str>> {
        match self.value {
            Value::String(text) => Some(Cow::Borrowed(text)),
            Value::Number(number) => Some(Cow::Owned(number.to_string())),
            _ => None,
        }
    }

    /// The value as serde would see it, without second thoughts.
    fn plainly<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        match self.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Number(value) => match (value.as_u64(), value.as_i64(), value.as_f64()) {
                (Some(value), ..) => visitor.visit_u64(value),
                (_, Some(value), _) => visitor.visit_i64(value),
                (.., Some(value)) => visitor.visit_f64(value),
                _ => Err(Problem::new("expected a number that fits into 64 bits")),
            },
            Value::String(value) => visitor.visit_str(value),
            Value::Array(values) => {
                let mut elements = Elements::of(values, self.path);
                let read = visitor.visit_seq(&mut elements);
                read.and_then(|read| elements.end().map(|()| read))
            }
            Value::Object(map) => visitor.visit_map(Entries::of(map, self.path)),
        }
        .map_err(|problem| problem.at(self.path))
    }

    /// A number, or the text of one.
    fn number<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        let Value::String(text) = self.value else { return self.plainly(visitor) };
        let number = text.parse::<f64>();
        match (text.parse(), text.parse(), &number) {
            (Ok(value), ..) => visitor.visit_u64(value),
            (_, Ok(value), _) => visitor.visit_i64(value),
            (.., Ok(value)) if value.is_finite() => visitor.visit_f64(*value),
            _ => visitor.visit_str(text),
        }
        .map_err(|problem: Problem| if number.is_ok() { problem.at(self.path) } else { problem.of(self) })
    }

    /// The text of a scalar.
    fn text<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        match self.value {
            Value::Bool(value) => visitor.visit_string(value.to_string()),
            Value::Number(value) => visitor.visit_string(value.to_string()),
            _ => return self.plainly(visitor),
        }
        .map_err(|problem: Problem| problem.at(self.path))
    }

    /// An object, or what is wrong with anything else.
    fn object(self) -> Result<&'a Map<String, Value>, Problem> {
        self.value.as_object().ok_or_else(|| Problem::found("an object", self.value).at(self.path))
    }

    /// Refuses what the type doesn't know, and names what the author may have meant.
    fn known(self, map: &Map<String, Value>, fields: &'static [&'static str]) -> Result<(), Problem> {
        let Some(unknown) = map.keys().find(|key| !fields.contains(&key.as_str())) else { return Ok(()) };
        let likeness = |field: &str| (strsim::jaro_winkler(field, unknown) * 1000.0).round();
        let nearest = fields.iter().filter(|_| unknown.len() <= LONGEST_NAME).map(|field| (likeness(field), field));
        let there_are = match nearest.max_by(|(one, _), (other, _)| one.total_cmp(other)) {
            Some((likeness, field)) if likeness >= 700.0 => format!("did you mean `{field}`?"),
            _ if fields.is_empty() => "there are none".to_owned(),
            _ => format!("there are `{}`", fields.join("`, `")),
        };
        Err(Problem::unknown(self.path, unknown, &there_are))
    }
}

impl<'de> Deserializer<'de> for Node<'_> {
    type Error = Problem;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        if is_buffer::<V>() {
            return Err(Problem::new(BUFFERED).at(self.path));
        }
        if is_derived::<V>() {
            self.object()?;
        }
        self.plainly(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        // A struct that takes any property hands those that it doesn't know to another one, out of a buffer.
        if is_derived::<V>() { Err(Problem::new(BUFFERED).at(self.path)) } else { self.plainly(visitor) }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        match self.value.as_str() {
            Some("true") => visitor.visit_bool(true),
            Some("false") => visitor.visit_bool(false),
            Some(_) => Err(Problem::new("expected true or false").of(self)),
            None => self.plainly(visitor),
        }
    }

    fn deserialize_u8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        self.number(visitor)
    }

    fn deserialize_u16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        self.number(visitor)
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        self.number(visitor)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        self.number(visitor)
    }

    fn deserialize_i8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        self.number(visitor)
    }

    fn deserialize_i16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        self.number(visitor)
    }

    fn deserialize_i32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        self.number(visitor)
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        self.number(visitor)
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        self.number(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        self.number(visitor)
    }

    fn deserialize_u128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        match self.value.as_str().map(str::parse) {
            Some(Ok(value)) => visitor.visit_u128(value).map_err(|problem: Problem| problem.at(self.path)),
            _ => self.number(visitor),
        }
    }

    fn deserialize_i128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        match self.value.as_str().map(str::parse) {
            Some(Ok(value)) => visitor.visit_i128(value).map_err(|problem: Problem| problem.at(self.path)),
            _ => self.number(visitor),
        }
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        self.text(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        self.text(visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        self.text(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        if self.value.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        let Some(map) = self.value.as_object() else { return self.plainly(visitor) };
        self.known(map, &[])?;
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Problem> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_newtype_struct(self).map_err(|problem| problem.at(self.path))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        // Of a list serde would take the items for the fields, in their order.
        let map = self.object()?;
        self.known(map, fields)?;
        visitor.visit_map(Entries::in_order(map, self.path, fields)).map_err(|problem| problem.at(self.path))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        let names = || variants.join(", ");
        match self.value {
            Value::String(variant) => visitor.visit_enum(Choice { variant, content: None }),
            Value::Object(map) => {
                let mut entries = map.iter();
                let (Some((variant, value)), None) = (entries.next(), entries.next()) else {
                    let expected = format!("an object with one property, named as one of {}", names());
                    return Err(Problem::new(format!("expected {expected}")).at(self.path));
                };
                let path = Path::Key(self.path, variant);
                visitor.visit_enum(Choice { variant, content: Some(Node { value, path: &path }) })
            }
            other => Err(Problem::found(&format!("one of {}", names()), other)),
        }
        .map_err(|problem: Problem| problem.at(self.path))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        match self.path {
            // serde passes over what a variant's type doesn't know, and doesn't say what that does know.
            Path::Key(parent, name) => Err(Problem::unknown(parent, name, "")),
            Path::Root | Path::Index(..) => visitor.visit_unit(),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Problem> {
        self.plainly(visitor)
    }

    forward_to_deserialize_any! { bytes byte_buf seq tuple_struct identifier }
}
