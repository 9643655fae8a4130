//! What a template may say of a statement, as JSON Schema.

use std::{borrow::Cow, marker::PhantomData};

use archipelago::schema::{Retried, text_as};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use crate::{Attributes, PolicyStore, Properties, Resources, Rules, StatementId, triage::PRINCIPAL_SEEN_WITHIN};

/// The schema of the type whose policies `S` keeps, which retries more than what all of them do: see `archipelago::schema::text`.
#[must_use]
pub fn text<S: PolicyStore>(description: &str, retried: &Retried<'_>) -> String
where
    S::Target: JsonSchema,
{
    let appears = S::APPEARS_WITHIN.map(|within| ("APPEARS_WITHIN", within));
    let principals = S::RULES.principals.then_some(("PRINCIPAL_SEEN_WITHIN", PRINCIPAL_SEEN_WITHIN));
    let waits: Vec<_> = retried.waits.iter().copied().chain(appears).chain(principals).collect();
    text_as::<RawProperties<S>, StatementId<S::Target>, Attributes>(description, &Retried { waits: &waits, ..*retried })
}

/// What the properties of all statement types are, as they are written.
#[derive(JsonSchema)]
#[schemars(rename_all = "PascalCase")]
#[expect(dead_code, reason = "only what is said of them is read")]
struct Common {
    /// One statement or a list of them, as IAM writes them. `Sid` is optional: the one that the policy gets begins with its
    /// letters and digits.
    statement: Value,
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
    /// Whether an Allow to everyone is let through that has no `Condition`, or one that everyone passes.
    #[schemars(default)]
    allow_public: bool,
}

/// The properties as they are written: those that the target is read from, and those that all have.
struct RawProperties<S>(PhantomData<S>);

impl<S: PolicyStore> JsonSchema for RawProperties<S>
where
    S::Target: JsonSchema,
{
    fn schema_name() -> Cow<'static, str> {
        "Properties".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let (own, common) = (S::Target::json_schema(generator), Common::json_schema(generator));
        let mut properties = members(&own, "properties");
        properties.extend(members(&common, "properties"));
        let statement = statement(&S::RULES, Statement::json_schema(generator));
        let list = json!({ "type": "array", "items": statement, "minItems": 1, "maxItems": 999 });
        properties["Statement"] =
            json!({ "description": properties["Statement"]["description"], "anyOf": [statement, list] });
        let names = Properties::<S::Target>::NAMES.iter().map(|name| ((*name).to_owned(), properties.remove(*name)));
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

/// In an ARN: an account, or anything that isn't like one that was mangled.
const ACCOUNT: &str = "([0-9]{12}|(?![0-9][0-9.eE+-]*:)[^:]*)";

/// Makes of any statement one that the policy takes, as `Rules::check` finds it.
fn statement(rules: &Rules, mut schema: Schema) -> Schema {
    let mut either = vec![["Action", "NotAction"]];
    let mut elements = members(&schema, "properties");
    let actions = actions(rules);
    for name in ["Action", "NotAction"] {
        limit(&mut elements[name], &actions.0, &actions.1);
    }
    if rules.principals {
        either.push(["Principal", "NotPrincipal"]);
    } else {
        elements.retain(|name, _| !name.ends_with("Principal"));
    }
    match rules.resources {
        Resources::None => elements.retain(|name, _| !name.ends_with("Resource")),
        Resources::Star => {
            elements.remove("NotResource");
            limit(&mut elements["Resource"], r"^\*$", "`*`");
            schema.insert("required".to_owned(), json!(["Effect", "Resource"]));
        }
        Resources::Of(service) => {
            either.push(["Resource", "NotResource"]);
            let (pattern, words) =
                (format!(r"^(\*$|arn:[^:]*:{service}:[^:]*:{ACCOUNT}:)"), format!("`*` or ARNs of `{service}`"));
            for name in ["Resource", "NotResource"] {
                limit(&mut elements[name], &pattern, &words);
            }
        }
        Resources::Any => {
            either.push(["Resource", "NotResource"]);
            let pattern = format!(r"^(\*$|arn:([^:]*:){{3}}{ACCOUNT}:)");
            for name in ["Resource", "NotResource"] {
                limit(&mut elements[name], &pattern, "`*` or ARNs");
            }
        }
    }
    let either = either.iter().map(|[one, other]| json!({ "oneOf": [{ "required": [one] }, { "required": [other] }] }));
    schema.insert("allOf".to_owned(), either.collect());
    schema.insert("properties".to_owned(), elements.into());
    schema
}

/// The pattern of the actions that the policy takes, and the words for it.
fn actions(rules: &Rules) -> (String, String) {
    let services: Vec<_> = rules.services.iter().map(|service| in_any_case(service)).collect();
    let service = if services.is_empty() { "[A-Za-z0-9-]+".to_owned() } else { services.join("|") };
    let refused = rules.refused.iter().map(|(action, _)| format!("(?!{}$)", in_any_case(action)));
    let refused = refused.collect::<Vec<_>>().concat();
    let every = if rules.every_action { r"\*|" } else { "" };
    let known = match rules.services {
        [] => "Actions, such as `s3:GetObject`".to_owned(),
        services => format!("Actions of `{}`", services.join("` or `")),
    };
    let unknown = rules.refused.iter().map(|(action, _)| format!(", but not `{action}`"));
    let words = [known].into_iter().chain(unknown).collect::<Vec<_>>().concat();
    (format!("^{refused}({every}({service}):[A-Za-z0-9*?]+)$"), words)
}

/// AWS reads actions so.
fn in_any_case(text: &str) -> String {
    let letter = |letter: char| {
        if letter.is_ascii_alphabetic() {
            format!("[{}{}]", letter.to_ascii_lowercase(), letter.to_ascii_uppercase())
        } else {
            letter.to_string()
        }
    };
    text.chars().map(letter).collect()
}

/// Gives a pattern to each string that there may be.
fn limit(schema: &mut Value, pattern: &str, words: &str) {
    let Value::Object(schema) = schema else { return };
    if schema.get("type").is_some_and(|kind| kind == "string") {
        schema.insert("description".to_owned(), words.into());
        schema.insert("pattern".to_owned(), pattern.into());
    }
    for choice in schema.get_mut("anyOf").and_then(Value::as_array_mut).into_iter().flatten() {
        limit(choice, pattern, words);
    }
    schema.get_mut("items").into_iter().for_each(|items| limit(items, pattern, words));
}

/// A statement as IAM writes it.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html>
#[derive(JsonSchema)]
#[schemars(rename_all = "PascalCase")]
#[expect(dead_code, reason = "only what is said of them is read")]
struct Statement {
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
