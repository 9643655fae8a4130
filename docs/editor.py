"""Makes one schema of a whole template for editors, of the schemas of the types.

An editor reads `!Ref Parent` as the text `Parent`, so a text may stand for any value here, and no text is judged. Left
are names, their places and what they mean. cfn-lint, with the rules in cfn-lint/, judges the values.
"""

FUNCTION = {
    "description": "An intrinsic function, whose short form an editor reads as a text.",
    "anyOf": [
        {"type": ["string", "number", "boolean"]},
        {"type": "object", "minProperties": 1, "maxProperties": 1, "propertyNames": {"pattern": "^(Ref|Fn::.+)$"}},
    ],
}
JUDGED = {"pattern", "minLength", "maxLength", "minimum", "maximum", "minItems", "maxItems"}


def loosened(schema):
    """The schema of a value that may be an intrinsic function."""
    if schema is True:
        return schema
    said = {key: value for key, value in schema.items() if key in ("description", "default")}
    return said | {"anyOf": [kept(schema), {"$ref": "#/definitions/Function"}]}


def kept(schema):
    """The schema without what judges texts."""
    rest = {key: value for key, value in schema.items() if key not in JUDGED and not key.startswith(("x-", "$"))}
    if "properties" in rest:
        rest["properties"] = {name: loosened(each) for name, each in rest["properties"].items()}
    if "items" in rest:
        rest["items"] = loosened(rest["items"])
    if "anyOf" in rest:
        rest["anyOf"] = [kept(each) for each in rest["anyOf"]]
    return rest


def of_type(name):
    """What holds for a resource of the type."""
    is_it = {"properties": {"Type": {"const": f"Custom::{name}"}}, "required": ["Type"]}
    its = {"properties": {"Properties": {"$ref": f"#/definitions/{name}"}}, "required": ["Properties"]}
    return {"if": is_it, "then": its}


def template(schemas):
    """The schema of a template; what isn't about the types of `schemas`, by their names, it takes as it is."""
    names = [f"Custom::{name}" for name in schemas]
    kind = {"properties": {"Type": {"anyOf": [{"enum": names}, {"type": "string"}]}}}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Archipelago's types in a template of CloudFormation",
        "type": "object",
        "properties": {
            "Resources": {"type": "object", "additionalProperties": {"allOf": [kind, *map(of_type, schemas)]}}
        },
        "definitions": {"Function": FUNCTION} | {name: kept(schema) for name, schema in schemas.items()},
    }
