//! What is inside of a property: the items of a list, the properties of an object, the content of a variant.

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor,
};
use serde_json::{Map, Value};

use super::{
    node::{Node, is_buffer},
    problem::{Path, Problem},
};

/// The items of a list.
pub(super) struct Elements<'a> {
    values: &'a [Value],
    path: &'a Path<'a>,
    next: usize,
}

impl<'a> Elements<'a> {
    pub(super) fn of(values: &'a [Value], path: &'a Path<'a>) -> Self {
        Self { values, path, next: 0 }
    }

    /// Refuses a list that is longer than what was read of it.
    pub(super) fn end(&self) -> Result<(), Problem> {
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
        seed.deserialize(node).map(Some).map_err(|problem| problem.of(node))
    }
}

/// The properties of an object.
pub(super) struct Entries<'a> {
    left: Vec<(&'a String, &'a Value)>,
    value: Option<(&'a str, &'a Value)>,
    path: &'a Path<'a>,
    fields: &'static [&'static str],
}

impl<'a> Entries<'a> {
    /// All of them. The last one comes first in `left`.
    pub(super) fn of(map: &'a Map<String, Value>, path: &'a Path<'a>) -> Self {
        Self { left: map.iter().rev().collect(), value: None, path, fields: &[] }
    }

    /// Those of that names, in their order: serde reads a tag before its content, and has to know it by then.
    pub(super) fn in_order(map: &'a Map<String, Value>, path: &'a Path<'a>, fields: &'static [&'static str]) -> Self {
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
        seed.deserialize(node).map_err(|problem| problem.of(node))
    }
}

/// A variant of an enum: its name alone, or an object whose one property has that name.
pub(super) struct Choice<'a> {
    pub(super) variant: &'a str,
    pub(super) content: Option<Node<'a>>,
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
        seed.deserialize(content).map_err(|problem| problem.of(content))
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Problem> {
        self.content()?.deserialize_tuple(length, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value, Problem> {
        self.content()?.deserialize_struct("", fields, visitor)
    }
}
