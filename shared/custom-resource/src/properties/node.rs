//! A value at its place, as serde reads it, and what is inside: the items of a list, the properties of an object, the content of a
//! variant.

use std::borrow::Cow;

use serde::{
    Deserializer,
    de::{DeserializeSeed, EnumAccess, Error, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor},
    forward_to_deserialize_any,
};
use serde_json::{Map, Value};

use super::{
    buffered::{BUFFERED, is_buffer, is_derived},
    problem::{LONGEST_NAME, Path, Problem},
};

/// A value at its place.
#[derive(Clone, Copy)]
pub(super) struct Node<'a> {
    pub(super) value: &'a Value,
    pub(super) path: &'a Path<'a>,
}

impl<'a> Node<'a> {
    /// What its type says against it. The text of a string or a number may say more.
    fn refuses(self, problem: Problem) -> Problem {
        let text = match self.value {
            Value::String(text) => Some(Cow::Borrowed(text.as_str())),
            Value::Number(number) => Some(Cow::Owned(number.to_string())),
            _ => None,
        };
        problem.of(text.as_deref(), self.path)
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
        .map_err(|problem: Problem| if number.is_ok() { problem.at(self.path) } else { self.refuses(problem) })
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
            Some(_) => Err(self.refuses(Problem::new("expected true or false"))),
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

/// The items of a list.
struct Elements<'a> {
    values: &'a [Value],
    path: &'a Path<'a>,
    next: usize,
}

impl<'a> Elements<'a> {
    fn of(values: &'a [Value], path: &'a Path<'a>) -> Self {
        Self { values, path, next: 0 }
    }

    /// Refuses a list that is longer than what was read of it.
    fn end(&self) -> Result<(), Problem> {
        if self.next == self.values.len() {
            return Ok(());
        }
        Err(Problem::new(format!("expected a list of {} items", self.next)).at(self.path))
    }
}

impl<'de> SeqAccess<'de> for Elements<'_> {
    type Error = Problem;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Problem> {
        let Some(value) = self.values.get(self.next) else { return Ok(None) };
        let path = Path::Index(self.path, self.next);
        self.next += 1;
        let node = Node { value, path: &path };
        seed.deserialize(node).map(Some).map_err(|problem| node.refuses(problem))
    }
}

/// The properties of an object.
struct Entries<'a> {
    left: Vec<(&'a String, &'a Value)>,
    value: Option<(&'a str, &'a Value)>,
    path: &'a Path<'a>,
    fields: &'static [&'static str],
}

impl<'a> Entries<'a> {
    /// All of them. The last one comes first in `left`.
    fn of(map: &'a Map<String, Value>, path: &'a Path<'a>) -> Self {
        Self { left: map.iter().rev().collect(), value: None, path, fields: &[] }
    }

    /// Those of that names, in their order: serde reads a tag before its content, and has to know it by then.
    fn in_order(map: &'a Map<String, Value>, path: &'a Path<'a>, fields: &'static [&'static str]) -> Self {
        let left = fields.iter().rev().filter_map(|field| map.get_key_value(*field)).collect();
        Self { left, value: None, path, fields }
    }
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Problem;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Problem> {
        let Some((key, value)) = self.left.pop() else { return Ok(None) };
        self.value = Some((key, value));
        // A name may be a number as well, or what a type makes of it.
        let name = Value::String(key.clone());
        let node = Node { value: &name, path: self.path };
        seed.deserialize(node).map(Some).map_err(|problem| problem.of_name(self.path))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Problem> {
        let Some((key, value)) = self.value.take() else { return Err(Problem::new("a key without a value")) };
        let path = Path::Key(self.path, key);
        let node = Node { value, path: &path };
        if let Some(tag) = self.fields.first().filter(|_| is_buffer::<V>()) {
            // serde would keep the content until it knows the tag. That would have come first.
            return Err(Problem::missing_field(tag));
        }
        seed.deserialize(node).map_err(|problem| node.refuses(problem))
    }
}

/// A variant of an enum: its name alone, or an object whose one property has that name.
struct Choice<'a> {
    variant: &'a str,
    content: Option<Node<'a>>,
}

impl<'de> EnumAccess<'de> for Choice<'_> {
    type Error = Problem;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Problem> {
        Ok((seed.deserialize(self.variant.into_deserializer())?, self))
    }
}

impl<'a> Choice<'a> {
    fn content(self) -> Result<Node<'a>, Problem> {
        let lacks =
            || Problem::new(format!("expected an object with one property, `{}`, found a string", self.variant));
        self.content.ok_or_else(lacks)
    }
}

impl<'de> VariantAccess<'de> for Choice<'_> {
    type Error = Problem;

    fn unit_variant(self) -> Result<(), Problem> {
        let expected = format!("`{}` as a string", self.variant);
        self.content.map_or(Ok(()), |_| Err(Problem::new(format!("expected {expected}, found an object"))))
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Problem> {
        let content = self.content()?;
        seed.deserialize(content).map_err(|problem| content.refuses(problem))
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Problem> {
        self.content()?.deserialize_tuple(length, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value, Problem> {
        self.content()?.deserialize_struct("", fields, visitor)
    }
}
