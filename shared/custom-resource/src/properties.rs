//! Reads properties as CloudFormation sends them: every scalar as a string, and whatever the template's author typed.

use std::fmt::Display;

use serde::{
    Deserializer,
    de::{
        self, DeserializeOwned, DeserializeSeed, Expected, IntoDeserializer, MapAccess, SeqAccess, Unexpected, Visitor,
    },
    forward_to_deserialize_any,
};
use serde_json::Value;

use crate::mangled::mangled;

/// What CloudFormation itself reads among the properties.
const CLOUDFORMATION_S_OWN: [&str; 2] = ["ServiceToken", "ServiceTimeout"];

/// Reads `properties` as a `T`, whose structs name every property there is.
///
/// # Errors
/// A sentence that starts with the path of the property, and never says its value.
pub(crate) fn read<T: DeserializeOwned>(properties: &Value) -> Result<T, String> {
    let own = match properties {
        Value::Object(map) => {
            Value::Object(map.iter().filter(|(k, _)| !CLOUDFORMATION_S_OWN.contains(&k.as_str())).map(owned).collect())
        }
        other => other.clone(),
    };
    T::deserialize(Node { value: &own, path: &Path::Root }).map_err(|problem| problem.to_string())
}

fn owned((key, value): (&String, &Value)) -> (String, Value) {
    (key.clone(), value.clone())
}

/// Where a value stands in the template.
enum Path<'a> {
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
struct Problem {
    path: Option<String>,
    /// What looks at a whole list may start with the item and go on with the path: `[1].Key: ...`.
    what: String,
}

impl Problem {
    fn new(what: impl Into<String>) -> Self {
        Self { path: None, what: what.into() }
    }

    /// A text that its type refuses: what has become of it on its way says more than what it should be.
    fn of(mut self, node: Node<'_>) -> Self {
        let text = match node.value {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        };
        let is_said = |why: &&str| self.path.is_none() && !self.what.contains(*why);
        if let Some(why) = text.and_then(|text| mangled(&text)).filter(is_said) {
            self.what = format!("{}; {why}", self.what);
        }
        self.at(node.path)
    }

    /// The innermost place is where it is wrong.
    fn at(mut self, path: &Path<'_>) -> Self {
        self.path.get_or_insert_with(|| path.to_string());
        self
    }
}

impl de::Error for Problem {
    fn custom<T: Display>(what: T) -> Self {
        Self::new(what.to_string())
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let expected = match expected.to_string() {
            list if list == "a sequence" => "a list".to_owned(),
            boolean if boolean == "a boolean" => "true or false".to_owned(),
            object if object == "a map" || object.starts_with("struct ") => "an object".to_owned(),
            other => other,
        };
        Self::new(format!("expected {expected}, found {}", kind_of(&found)))
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(format!("expected {expected}"))
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self::new(format!("expected one of {}", expected.join(", ")))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(format!("`{field}` is required"))
    }
}

fn kind_of(found: &Unexpected<'_>) -> &'static str {
    match found {
        Unexpected::Map => "an object",
        Unexpected::Seq => "a list",
        Unexpected::Unit | Unexpected::Option => "nothing",
        Unexpected::Bool(_) => "a boolean",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) | Unexpected::Float(_) => "a number",
        _ => "a string",
    }
}

/// A value at its place.
#[derive(Clone, Copy)]
struct Node<'a> {
    value: &'a Value,
    path: &'a Path<'a>,
}

impl Node<'_> {
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
            Value::Array(values) => visitor.visit_seq(Elements { values, path: self.path, next: 0 }),
            Value::Object(map) => visitor.visit_map(Entries { left: map.iter(), value: None, path: self.path }),
        }
        .map_err(|problem| problem.at(self.path))
    }

    fn number<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        let Value::String(text) = self.value else { return self.plainly(visitor) };
        let read = match (text.parse(), text.parse(), text.parse()) {
            (Ok(value), ..) => visitor.visit_u64(value),
            (_, Ok(value), _) => visitor.visit_i64(value),
            (.., Ok(value)) => visitor.visit_f64(value),
            _ => visitor.visit_str(text),
        };
        read.map_err(|problem: Problem| problem.at(self.path))
    }

    fn text<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        match self.value {
            Value::Bool(value) => visitor.visit_string(value.to_string()),
            Value::Number(value) => visitor.visit_string(value.to_string()),
            _ => return self.plainly(visitor),
        }
        .map_err(|problem: Problem| problem.at(self.path))
    }

    /// Refuses what the type doesn't know, and names what the author may have meant.
    fn known(self, fields: &'static [&'static str]) -> Result<(), Problem> {
        let Value::Object(map) = self.value else { return Ok(()) };
        let Some(unknown) = map.keys().find(|key| !fields.contains(&key.as_str())) else { return Ok(()) };
        let likeness = |field: &str| (strsim::jaro_winkler(field, unknown) * 1000.0).round();
        let nearest = fields.iter().filter(|_| unknown.len() <= LONGEST_NAME).map(|field| (likeness(field), field));
        let there_are = match nearest.max_by(|(one, _), (other, _)| one.total_cmp(other)) {
            Some((likeness, field)) if likeness >= 700.0 => format!("did you mean `{field}`?"),
            _ if fields.is_empty() => "there are none".to_owned(),
            _ => format!("there are `{}`", fields.join("`, `")),
        };
        Err(if is_name(unknown) {
            Problem::new(format!("unknown property; {there_are}")).at(&Path::Key(self.path, unknown))
        } else {
            let why = format!(
                "its name isn't shown, since it isn't one of up to {LONGEST_NAME} letters (A to Z, a to z) and digits"
            );
            Problem::new(format!("unknown property ({why}); {there_are}")).at(self.path)
        })
    }
}

/// Longer than any property's.
const LONGEST_NAME: usize = 64;

/// Whether it reads like a property's name. Anything else may be a value in the wrong place, or not be what it looks like.
fn is_name(text: &str) -> bool {
    (1..=LONGEST_NAME).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

impl<'de> Deserializer<'de> for Node<'_> {
    type Error = Problem;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        self.plainly(visitor)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        match self.value.as_str() {
            Some("true") => visitor.visit_bool(true),
            Some("false") => visitor.visit_bool(false),
            Some(_) => Err(Problem::new("expected true or false").at(self.path)),
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

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        self.text(visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        self.text(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        if self.value.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
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
        if self.value.is_array() {
            // serde would take its elements for the fields, in their order.
            return Err(de::Error::invalid_type(Unexpected::Seq, &"an object"))
                .map_err(|problem: Problem| problem.at(self.path));
        }
        self.known(fields)?;
        self.plainly(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        match self.value.as_str() {
            Some(variant) => visitor.visit_enum(variant.into_deserializer()),
            None => self.plainly(visitor),
        }
        .map_err(|problem: Problem| problem.at(self.path))
    }

    forward_to_deserialize_any! {
        i128 u128 char bytes byte_buf unit unit_struct seq tuple tuple_struct map identifier ignored_any
    }
}

struct Elements<'a> {
    values: &'a [Value],
    path: &'a Path<'a>,
    next: usize,
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

struct Entries<'a> {
    left: serde_json::map::Iter<'a>,
    value: Option<(&'a str, &'a Value)>,
    path: &'a Path<'a>,
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Problem;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Problem> {
        let Some((key, value)) = self.left.next() else { return Ok(None) };
        self.value = Some((key, value));
        seed.deserialize(key.as_str().into_deserializer()).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Problem> {
        let Some((key, value)) = self.value.take() else { return Err(Problem::new("a key without a value")) };
        let path = Path::Key(self.path, key);
        let node = Node { value, path: &path };
        seed.deserialize(node).map_err(|problem| problem.of(node))
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Example {
        name: String,
        #[serde(default)]
        adopt: bool,
        retention: Option<u32>,
        #[serde(default)]
        ports: Vec<u16>,
        #[serde(default)]
        tags: Vec<Tag>,
        mode: Option<Mode>,
        statement: Option<Value>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Tag {
        key: String,
        value: String,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "UPPERCASE")]
    enum Mode {
        Allow,
        Deny,
    }

    fn refusal(properties: &Value) -> String {
        read::<Example>(properties).unwrap_err()
    }

    #[test]
    fn scalars_read_well_as_strings_and_as_themselves() {
        let strings = json!({"Name": "n", "Adopt": "true", "Retention": "3", "Ports": ["80"], "Mode": "DENY"});
        let scalars = json!({"Name": "n", "Adopt": true, "Retention": 3, "Ports": [80], "Mode": "DENY"});
        let read_strings: Example = read(&strings).unwrap();
        assert_eq!(read_strings, read(&scalars).unwrap());
        assert!(read_strings.adopt);
        assert_eq!((read_strings.retention, read_strings.ports), (Some(3), vec![80]));
    }

    #[test]
    fn a_text_may_look_like_a_number_or_a_boolean() {
        let tags = json!({"Name": 7, "Tags": [{"Key": "cost-centre", "Value": 1234}, {"Key": "prod", "Value": true}]});
        let example: Example = read(&tags).unwrap();
        assert_eq!(example.name, "7");
        assert_eq!(example.tags[0].value, "1234");
        assert_eq!(example.tags[1].value, "true");
    }

    #[test]
    fn free_form_values_stay_as_they_came() {
        let statement =
            json!({"Effect": "Allow", "Condition": {"Bool": {"aws:SecureTransport": "true"}}, "n": [1, 1.5, null]});
        let example: Example = read(&json!({"Name": "n", "Statement": statement})).unwrap();
        assert_eq!(example.statement, Some(statement));
    }

    #[test]
    fn an_unknown_property_is_refused_with_its_path_and_the_nearest_name() {
        assert_eq!(refusal(&json!({"Nmae": "n"})), "ResourceProperties.Nmae: unknown property; did you mean `Name`?");
        assert_eq!(
            refusal(&json!({"Name": "n", "Tags": [{"Key": "k", "Value": "v"}, {"Key": "k", "Valeu": "v"}]})),
            "ResourceProperties.Tags[1].Valeu: unknown property; did you mean `Value`?"
        );
    }

    #[test]
    fn a_name_like_no_other_is_refused_with_all_names_that_there_are() {
        assert_eq!(
            refusal(&json!({"Name": "n", "Xyzzy": "1"})),
            "ResourceProperties.Xyzzy: unknown property; \
             there are `Name`, `Adopt`, `Retention`, `Ports`, `Tags`, `Mode`, `Statement`"
        );
    }

    #[test]
    fn a_name_that_may_be_a_value_is_not_shown() {
        let hidden = "ResourceProperties: unknown property (its name isn't shown, since it isn't one of up to 64 letters \
                      (A to Z, a to z) and digits); ";
        for (name, there_are) in [
            ("person@example.com", "there are `Name`, `Adopt`, "),
            ("Retentiоn", "did you mean `Retention`?"),
            ("Retention\u{202e}", "did you mean `Retention`?"),
            ("", "there are `Name`, `Adopt`, "),
            (&"Retention".repeat(100_000), "there are `Name`, `Adopt`, "),
        ] {
            let refusal = refusal(&json!({"Name": "n", name: "1"}));
            assert!(refusal.strip_prefix(hidden).is_some_and(|rest| rest.starts_with(there_are)), "{refusal}");
        }
    }

    #[test]
    fn what_looks_at_a_whole_list_says_which_item_it_is() {
        #[derive(Debug, Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Tagged {
            #[serde(rename = "Tags")]
            _tags: Tags,
        }
        #[derive(Debug, Deserialize)]
        #[serde(try_from = "Vec<Value>")]
        struct Tags;
        impl TryFrom<Vec<Value>> for Tags {
            type Error = &'static str;
            fn try_from(_: Vec<Value>) -> Result<Self, &'static str> {
                Err("[1].Key: this key is there twice")
            }
        }
        let twice = json!([{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]);
        let refusal = read::<Tagged>(&json!({"Tags": twice})).unwrap_err();
        assert_eq!(refusal, "ResourceProperties.Tags[1].Key: this key is there twice");
    }

    #[test]
    fn what_has_become_of_an_id_is_said_wherever_one_is_refused() {
        #[derive(Debug, Deserialize)]
        #[serde(try_from = "String")]
        struct Id;
        impl TryFrom<String> for Id {
            type Error = &'static str;
            fn try_from(_: String) -> Result<Self, &'static str> {
                Err("expected an id")
            }
        }
        #[derive(Debug, Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Named {
            #[serde(rename = "Id")]
            _id: Option<Id>,
            #[serde(rename = "Ids", default)]
            _ids: Vec<Id>,
        }
        for (properties, says) in [
            (json!({"Id": "s3cret"}), "ResourceProperties.Id: expected an id"),
            (json!({"Id": "s3cret "}), "ResourceProperties.Id: expected an id; it begins or ends with a space"),
            (
                json!({"Ids": [""]}),
                "ResourceProperties.Ids[0]: expected an id; it is empty, as CloudFormation hands over",
            ),
            (json!({"Ids": ["1.2345678901E10"]}), "ResourceProperties.Ids[0]: expected an id; it is a number with"),
            (json!({"Ids": [12_345_678_901.5]}), "ResourceProperties.Ids[0]: expected an id; it is a number with"),
        ] {
            let refusal = read::<Named>(&properties).unwrap_err();
            assert!(refusal.starts_with(says) && !refusal.contains("s3cret"), "{refusal}");
        }
    }

    #[test]
    fn what_cloudformation_reads_itself_is_no_property_of_ours() {
        let example: Example = read(&json!({"ServiceToken": "arn", "ServiceTimeout": "60", "Name": "n"})).unwrap();
        assert_eq!(example.name, "n");
    }

    #[test]
    fn a_refusal_names_the_place_and_what_was_expected_but_never_the_value() {
        assert_eq!(refusal(&json!({})), "ResourceProperties: `Name` is required");
        assert_eq!(
            refusal(&json!({"Name": "n", "Adopt": "s3cret"})),
            "ResourceProperties.Adopt: expected true or false"
        );
        assert_eq!(
            refusal(&json!({"Name": "n", "Ports": ["80", "s3cret"]})),
            "ResourceProperties.Ports[1]: expected u16, found a string"
        );
        assert_eq!(refusal(&json!({"Name": "n", "Ports": ["80000"]})), "ResourceProperties.Ports[0]: expected u16");
        assert_eq!(
            refusal(&json!({"Name": "n", "Mode": "s3cret"})),
            "ResourceProperties.Mode: expected one of ALLOW, DENY"
        );
        assert_eq!(
            refusal(&json!({"Name": "n", "Tags": [["k", "v"]]})),
            "ResourceProperties.Tags[0]: expected an object, found a list"
        );
        assert_eq!(
            refusal(&json!({"Name": "n", "Tags": ["k=v"]})),
            "ResourceProperties.Tags[0]: expected an object, found a string"
        );
        assert_eq!(
            refusal(&json!({"Name": "n", "Ports": "80"})),
            "ResourceProperties.Ports: expected a list, found a string"
        );
        assert_eq!(
            refusal(&json!({"Name": "n", "Adopt": ["true"]})),
            "ResourceProperties.Adopt: expected true or false, found a list"
        );
        assert_eq!(
            refusal(&json!({"Name": {"s3cret": "x"}})),
            "ResourceProperties.Name: expected a string, found an object"
        );
    }
}
