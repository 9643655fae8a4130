//! What a template may say of a type, and read back from it, as JSON Schema: for editors, linters and pages of reference.
//! <https://json-schema.org/draft/2020-12>

use std::time::Duration;

use schemars::{
    JsonSchema, Schema,
    generate::SchemaSettings,
    transform::{Transform, transform_subschemas},
};
use serde_json::{Map, Value, json};

use custom_resource::{AwsError, Passing, Resource};

/// The schema of a type's properties, as they stand in a template without intrinsic functions.
///
/// What isn't about them is under names of its own: `x-ref` is what `!Ref` reads, `x-attributes` what `!GetAtt` reads, `x-passing`
/// and `x-waits` what is retried, and for how many seconds. A property whose update isn't without interruption has an `x-update`.
fn of<P: JsonSchema, I: JsonSchema, A: JsonSchema>(name: &str, description: &str, retried: &Retried<'_>) -> Value {
    let settings = || SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let written = settings().for_deserialize().with_transform(Template);
    let mut schema = written.into_generator().into_root_schema_for::<P>();
    let properties = object(schema.remove("properties"));
    let required = schema.remove("required").and_then(|names| names.as_array().cloned()).unwrap_or_default();
    let required: Vec<_> = [json!("ServiceToken")].into_iter().chain(required).collect();
    for own in ["$schema", "title", "description", "type", "additionalProperties"] {
        schema.remove(own);
    }
    let read = || settings().for_serialize().with_transform(AsAttribute).into_generator();
    let id = read().into_root_schema_for::<I>();
    let attributes = object(read().into_root_schema_for::<A>().remove("properties"));
    let head = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": name,
        "description": description,
        "type": "object",
        "properties": cloudformation_s_own().into_iter().chain(properties).collect::<Map<_, _>>(),
        "required": required,
        "additionalProperties": false,
    });
    let tail = json!({
        "x-ref": id.get("description"),
        "x-attributes": attributes,
        "x-passing": retried.passing(),
        "x-waits": retried.waits(),
    });
    Value::Object(
        object(Some(head)).into_iter().chain(object(Some(schema.to_value()))).chain(object(Some(tail))).collect(),
    )
}

/// The schema of the type that `description` starts with, `Custom::Type: ...`, as it stands in its file.
#[must_use]
pub fn text<R: Resource>(description: &str, retried: &Retried<'_>) -> String
where
    R::Properties: JsonSchema,
    R::Id: JsonSchema,
    R::Attributes: JsonSchema,
{
    text_as::<R::Properties, R::Id, R::Attributes>(description, retried)
}

/// The same, of a type whose properties, id and attributes are described by others in their place.
#[must_use]
pub fn text_as<P: JsonSchema, I: JsonSchema, A: JsonSchema>(description: &str, retried: &Retried<'_>) -> String {
    let (name, what) = description.split_once(": ").unwrap_or((description, ""));
    format!("{:#}\n", of::<P, I, A>(name, what, retried))
}

/// What a type retries, for its page, which says how long.
#[derive(Debug, Clone, Copy)]
pub struct Retried<'a> {
    /// Tables of AWS's codes, each of one call, or of every other one.
    pub passing: &'a [(Option<&'a str>, &'a [Passing])],
    /// How long else something may take, by the names that the page calls it.
    pub waits: &'a [(&'a str, Duration)],
}

impl Retried<'_> {
    fn passing(&self) -> Value {
        let rows = self.passing.iter().flat_map(|(call, rows)| rows.iter().map(move |row| (*call, row)));
        let row = |(call, row): (Option<&str>, &Passing)| {
            let within = row.within.as_secs();
            match call {
                Some(call) => json!({ "call": call, "codes": row.codes, "within": within }),
                None => json!({ "codes": row.codes, "within": within }),
            }
        };
        rows.map(row).collect()
    }

    /// Those of the type, and those of every call.
    fn waits(&self) -> Value {
        let of_every_call = [("FRESH_ROLE", AwsError::FRESH_ROLE), ("OUTAGE", AwsError::OUTAGE)];
        let waits = self.waits.iter().copied().chain(of_every_call);
        waits.map(|(name, within)| (name.to_owned(), json!(within.as_secs()))).collect::<Map<_, _>>().into()
    }
}

/// What CloudFormation itself reads among the properties.
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudformation-customresource.html>
fn cloudformation_s_own() -> Map<String, Value> {
    let mut own = json!({
        "ServiceToken": {
            "description": "The function's ARN, which the stack of the functions exports.",
            "type": "string",
            "x-update": "Refused",
        },
        "ServiceTimeout": {
            "description": "How long CloudFormation waits for the function, in seconds; 3600 by default.",
            "type": "integer",
            "minimum": 1,
            "maximum": 3600,
        },
    });
    for property in own.as_object_mut().into_iter().flat_map(Map::values_mut) {
        if let Ok(schema) = property.try_into() {
            Template.transform(schema);
        }
    }
    object(Some(own))
}

fn object(value: Option<Value>) -> Map<String, Value> {
    match value {
        Some(Value::Object(map)) => map,
        _ => Map::new(),
    }
}

/// Makes sentences of one line, and leaves out what is Rust's alone.
#[derive(Debug, Clone)]
struct Plain;

impl Transform for Plain {
    fn transform(&mut self, schema: &mut Schema) {
        transform_subschemas(self, schema);
        if let Some(Value::String(description)) = schema.get_mut("description") {
            *description = description.split_whitespace().collect::<Vec<_>>().join(" ");
        }
        schema.remove("format");
        schema.remove("title");
    }
}

/// Makes of what serde writes what `!GetAtt` reads: a string of each scalar, as in `attributes`.
#[derive(Debug, Clone)]
struct AsAttribute;

impl Transform for AsAttribute {
    fn transform(&mut self, schema: &mut Schema) {
        transform_subschemas(self, schema);
        Plain.transform(schema);
        if let Some("integer" | "number" | "boolean") = schema.get("type").and_then(Value::as_str) {
            schema.insert("type".to_owned(), json!("string"));
            schema.remove("minimum");
            schema.remove("maximum");
        }
    }
}

/// Makes of what serde reads what a template may say, as `properties` reads it.
#[derive(Debug, Clone)]
struct Template;

impl Transform for Template {
    fn transform(&mut self, schema: &mut Schema) {
        transform_subschemas(self, schema);
        Plain.transform(schema);
        without_null(schema);
        match schema.get("type").and_then(Value::as_str) {
            Some("boolean") => {
                schema.insert("type".to_owned(), json!(["boolean", "string"]));
                schema.insert("enum".to_owned(), json!([true, false, "true", "false"]));
            }
            Some("integer") => {
                schema.insert("type".to_owned(), json!(["integer", "string"]));
                schema.insert("pattern".to_owned(), json!("^[0-9]+$"));
            }
            // CloudFormation makes strings of all scalars.
            Some("string") if schema.get("enum").is_none() && schema.get("const").is_none() => {
                schema.insert("type".to_owned(), json!(["string", "number", "boolean"]));
            }
            _ => {}
        }
        // Every name that a struct doesn't have is refused.
        if schema.get("properties").is_some() {
            schema.insert("additionalProperties".to_owned(), json!(false));
        }
    }
}

/// CloudFormation takes no nulls.
fn without_null(schema: &mut Schema) {
    let is_null = |value: &Value| value.is_null() || value == "null" || value["type"] == "null";
    for list in ["type", "enum", "anyOf"] {
        let Some(Value::Array(values)) = schema.get_mut(list) else { continue };
        values.retain(|value| !is_null(value));
        if let [one] = &values[..]
            && list != "enum"
        {
            let one = one.clone();
            schema.remove(list);
            match one {
                Value::Object(only) => only.into_iter().for_each(|(key, value)| drop(schema.insert(key, value))),
                only => drop(schema.insert(list.to_owned(), only)),
            }
        }
    }
    if schema.get("default").is_some_and(Value::is_null) {
        schema.remove("default");
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::Tags;

    /// How to greet.
    #[derive(Deserialize, JsonSchema)]
    #[serde(rename_all = "PascalCase")]
    #[expect(dead_code, reason = "only what is said of them is read")]
    struct Properties {
        /// Whom
        /// to greet.
        #[schemars(length(max = 9), extend("x-update" = "Replacement"))]
        name: String,
        #[serde(default)]
        aloud: bool,
        times: Option<u8>,
        tone: Option<Tone>,
        #[serde(default)]
        tags: Tags,
    }

    #[derive(Deserialize, JsonSchema)]
    #[serde(rename_all = "UPPERCASE")]
    enum Tone {
        Friendly,
        Stern,
    }

    /// The greeting's id.
    #[derive(JsonSchema)]
    #[schemars(with = "String")]
    struct Id;

    #[derive(Serialize, JsonSchema)]
    #[serde(rename_all = "PascalCase")]
    struct Attributes {
        /// What was said.
        greeting: String,
        /// How often.
        times: u8,
    }

    #[test]
    fn a_schema_says_what_a_template_may_say_and_read_back() {
        let hoarse = [Passing { codes: &["Hoarse"], within: Duration::from_mins(2) }];
        let retried = Retried {
            passing: &[(Some("Sing"), &hoarse), (None, &hoarse)],
            waits: &[("AWAKE_WITHIN", Duration::from_secs(30))],
        };
        let schema = of::<Properties, Id, Attributes>("Custom::Greeting", "a greeting", &retried);
        let text = json!(["string", "number", "boolean"]);
        let properties = &schema["properties"];
        assert_eq!(
            properties["Name"],
            json!({"description": "Whom to greet.", "type": text, "maxLength": 9, "x-update": "Replacement"})
        );
        assert_eq!(
            properties["Aloud"],
            json!({"type": ["boolean", "string"], "default": false, "enum": [true, false, "true", "false"]})
        );
        assert_eq!(properties["Times"]["type"], json!(["integer", "string"]));
        assert_eq!(properties["Tone"], json!({"type": "string", "enum": ["FRIENDLY", "STERN"]}));
        assert_eq!(properties["Tags"]["items"]["properties"]["Key"]["maxLength"], 128);
        assert_eq!(properties["Tags"]["items"]["additionalProperties"], false);
        assert_eq!(schema["required"], json!(["ServiceToken", "Name"]));
        assert_eq!(schema["additionalProperties"], false);
        assert_eq!(schema["x-ref"], "The greeting's id.");
        let attributes = json!({
            "Greeting": {"description": "What was said.", "type": "string"},
            "Times": {"description": "How often.", "type": "string"},
        });
        assert_eq!(schema["x-attributes"], attributes);
        let rows = json!([{"call": "Sing", "codes": ["Hoarse"], "within": 120}, {"codes": ["Hoarse"], "within": 120}]);
        assert_eq!(schema["x-passing"], rows);
        assert_eq!(schema["x-waits"], json!({"AWAKE_WITHIN": 30, "FRESH_ROLE": 20, "OUTAGE": 120}));
    }
}
