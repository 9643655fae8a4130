//! What a template may say of a statement, as JSON Schema.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value};

use crate::{Properties, StatementId, StatementProperty, Target};

/// What the properties of all statement types are, as they are written.
#[derive(JsonSchema)]
#[schemars(rename_all = "PascalCase")]
#[expect(dead_code, reason = "only what is said of them is read")]
struct Common {
    /// One statement or a list of them, as IAM writes them. `Sid` is optional, letters and digits: the readable start of
    /// the one that the policy gets.
    statement: StatementProperty,
    /// The ARN of a role in the account that owns the target, which the function assumes.
    #[schemars(
        regex(pattern = "^arn:aws[^:]*:iam::[0-9]{12}:role/[A-Za-z0-9/_+=,.@-]+$"),
        extend("x-update" = "No interruption, but for another account's: replacement")
    )]
    role_arn: Option<String>,
    /// What that role's trust policy asks for, 2 to 1224 characters. It is never logged.
    #[schemars(regex(pattern = "^[A-Za-z0-9_+=,.@:/-]{2,1224}$"))]
    external_id: Option<String>,
    /// Whether principals that were deleted are taken out of other people's statements where AWS refuses a change for them.
    #[schemars(default)]
    prune_orphans: bool,
    /// Whether an Allow to everyone without a `Condition` is let through.
    #[schemars(default)]
    allow_public: bool,
}

/// A type's own properties are those that its target is read from: the schema of `T` says them.
impl<T: Target + JsonSchema> JsonSchema for Properties<T> {
    fn schema_name() -> Cow<'static, str> {
        "Properties".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let (own, common) = (T::json_schema(generator), Common::json_schema(generator));
        let mut properties = members(&own, "properties");
        properties.extend(members(&common, "properties"));
        let names = T::PROPERTIES.iter().map(|name| ((*name).to_owned(), properties.remove(*name)));
        let listed: Map<_, _> = names.map(|(name, schema)| (name, schema.unwrap_or(Value::Bool(false)))).collect();
        let required = [&own, &common].into_iter().filter_map(|schema| schema.get("required")?.as_array());
        let required: Vec<_> = required.flatten().cloned().collect();
        json_schema!({
            "type": "object",
            "properties": listed,
            "required": required,
            "dependentRequired": { "ExternalId": ["RoleArn"] },
        })
    }
}

fn members(schema: &Schema, key: &str) -> Map<String, Value> {
    schema.get(key).and_then(Value::as_object).cloned().unwrap_or_default()
}

impl JsonSchema for StatementProperty {
    fn schema_name() -> Cow<'static, str> {
        "Statement".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let statement = Statement::json_schema(generator);
        json_schema!({
            "anyOf": [statement, { "type": "array", "items": statement, "minItems": 1, "maxItems": 999 }],
        })
    }
}

/// A statement as IAM writes it. What each kind of policy takes of it the function says.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html>
#[derive(JsonSchema)]
#[schemars(rename_all = "PascalCase")]
#[schemars(extend("oneOf" = [{"required": ["Action"]}, {"required": ["NotAction"]}]))]
#[expect(dead_code, reason = "only what is said of them is read")]
struct Statement {
    #[schemars(regex(pattern = "^[A-Za-z0-9]*$"))]
    sid: Option<String>,
    effect: Effect,
    #[schemars(with = "Option<Value>")]
    principal: (),
    #[schemars(with = "Option<Value>")]
    not_principal: (),
    action: Option<Strings>,
    not_action: Option<Strings>,
    resource: Option<Strings>,
    not_resource: Option<Strings>,
    condition: Option<Map<String, Value>>,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only their names are read")]
enum Effect {
    Allow,
    Deny,
}

#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only what is said of them is read")]
enum Strings {
    One(String),
    Several(#[schemars(length(min = 1))] Vec<String>),
}

/// `<target>#<mark>`, the target in the words of its schema's `x-ref`, or its kind.
impl<T: Target + JsonSchema> JsonSchema for StatementId<T> {
    fn schema_name() -> Cow<'static, str> {
        "StatementId".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let target = T::json_schema(generator);
        let words = target.get("x-ref").and_then(Value::as_str).map_or_else(|| format!("<{}>", T::KIND), str::to_owned);
        let sentence = format!("`{words}#<mark>`, or `<account>:{words}#<mark>` in another account.");
        json_schema!({ "type": "string", "description": sentence })
    }
}
