"""Rules for cfn-lint: what a template says of Archipelago's types, by the schemas in schemas/ beside this folder.

cfn-lint --append-rules <this folder> -- template.yaml
"""

import json
import re
from collections import deque
from difflib import get_close_matches
from pathlib import Path

import cfnlint.jsonschema
import cfnlint.rules
import cfnlint.rules.jsonschema
from cfnlint.jsonschema._keywords_cfn import cfn_type

SOURCE = "https://github.com/aws-cloudformation/cfn-lint/blob/main/docs/getting_started/rules.md"
FOLDER = Path(__file__).resolve().parent.parent / "schemas"


def read(folder):
    """The schemas in a folder, by the type that each is about."""
    schemas = (json.loads(file.read_text(encoding="utf-8")) for file in sorted(folder.glob("[A-Z]*.json")))
    return {schema["title"]: schema for schema in schemas}


SCHEMAS = read(FOLDER)


def nearest(name, names):
    """What to say of a name that isn't there."""
    close = get_close_matches(name, names, 1)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"there are {', '.join(sorted(names))}" if names else "there are none"


def refused(message, **where):
    return cfnlint.jsonschema.ValidationError(message, **where)


def additional_properties(validator, allowed, instance, schema):
    """cfn-lint's own says it in the words of JSON Schema."""
    if allowed is not False or not validator.is_type(instance, "object"):
        return
    names, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    for name in instance:
        # Such are the variables of an Fn::Sub.
        if name in names or any(re.search(pattern, name) for pattern in patterns):
            continue
        yield refused(f"unknown property {name!r}; {nearest(name, names)}", path=deque([name]))


def pruned(value):
    """The conditions that decide whether a property is there, without what it is otherwise."""
    if isinstance(value, dict) and len(value) == 1:
        if isinstance(value.get("Fn::If"), list) and len(value["Fn::If"]) == 3:
            condition, *branches = value["Fn::If"]
            return {"Fn::If": [condition, *map(pruned, branches)]}
        if value.get("Ref") == "AWS::NoValue":
            return value
    return "there"


def presences(validator, names, instance):
    """Which of the names are there: one set for each way in which the template's conditions may turn out."""
    # cfn-lint leaves out the ways in which nothing is there.
    asked = {"always": "there"} | {name: pruned(instance[name]) for name in names if name in instance}
    holds = validator.context.conditions.status
    for found in validator.cfn.get_object_without_conditions(asked):
        scenario = found["Scenario"] or {}
        if all(scenario.get(condition, status) == status for condition, status in holds.items()):
            yield set(found["Object"])


def required(validator, names, instance, schema):
    """cfn-lint's own takes a property for there that a condition leaves out."""
    if validator.is_type(instance, "object"):
        for name in names:
            if not all(name in there for there in presences(validator, [name], instance)):
                yield refused(f"{name!r} is a required property")


def dependent_required(validator, dependencies, instance, schema):
    """The same of a property that another one needs."""
    for name, needed in dependencies.items() if validator.is_type(instance, "object") else ():
        for other in needed:
            if any(name in there and other not in there for there in presences(validator, [name, other], instance)):
                yield refused(f"{other!r} is a dependency of {name!r}")


def wording(choice):
    """How a choice of properties reads: `Path` without `ParentId`."""
    left_out = excluded(choice)
    without = f" without {' and '.join(map(repr, left_out))}" if left_out else ""
    return " and ".join(map(repr, choice["required"])) + without


def excluded(choice):
    return choice.get("not", {}).get("required", [])


def fits(choice, there):
    return there.issuperset(choice["required"]) and not (excluded(choice) and there.issuperset(excluded(choice)))


def one_of(validator, choices, instance, schema):
    """cfn-lint's own repeats the whole of the instance, and judges properties as there that a condition leaves out. The
    choices of our schemas are of properties that are there."""
    if not validator.is_type(instance, "object"):
        return
    names = {name for choice in choices for name in [*choice["required"], *excluded(choice)]}
    chosen = [sum(fits(choice, there) for choice in choices) for there in presences(validator, names, instance)]
    if any(count != 1 for count in chosen):
        yield refused("expected one and only one of " + "; ".join(map(wording, choices)))


def any_of(validator, choices, instance, schema):
    """Where the kind of the instance says which choice is meant, what is wrong with that one is said."""
    meant = [choice for choice in choices if not list(cfn_type(validator, choice["type"], instance, choice))]
    if len(meant) == 1:
        yield from validator.descend(instance, meant[0], schema_path=choices.index(meant[0]))
    else:
        expected = " or ".join(repr(first(choice["type"])) for choice in choices)
        yield refused(f"expected a value of type {expected}")


def first(kinds):
    """The type that is meant: a text may be any scalar."""
    return kinds if isinstance(kinds, str) else kinds[0]


def of_type(validator, kinds, instance, schema):
    """cfn-lint's own repeats the value."""
    for error in cfn_type(validator, kinds, instance, schema):
        error.message = f"expected a value of type {first(kinds)!r}"
        yield error


def enum(validator, names, instance, schema):
    """cfn-lint's own takes every text for a boolean."""
    is_scalar = not isinstance(instance, (dict, list))
    if is_scalar and not any(
        instance == name and isinstance(instance, bool) == isinstance(name, bool) for name in names
    ):
        known = dict.fromkeys(json.dumps(name).strip('"') for name in names)
        yield refused(f"expected one of {', '.join(known)}")


def pattern(validator, expected, instance, schema):
    """What the type says of the property reads better than the pattern."""
    for error in validator.validators["pattern in the words of JSON Schema"](validator, expected, instance, schema):
        if "description" in schema:
            error.message = f"{instance!r} is not taken; expected: {schema['description']}"
        yield error


class Unknown(cfnlint.rules.CloudFormationLintRule):
    id = "E9501"
    shortdesc = "Unknown property of an Archipelago type"
    description = "A property that the type doesn't know is refused when the stack is deployed"
    source_url = SOURCE


class Required(cfnlint.rules.CloudFormationLintRule):
    id = "E9502"
    shortdesc = "Missing or contradictory properties of an Archipelago type"
    description = "Properties that the type requires are there, and none that exclude each other"
    source_url = SOURCE


class Value(cfnlint.rules.CloudFormationLintRule):
    id = "E9503"
    shortdesc = "Value that an Archipelago type refuses"
    description = "Types, patterns, lengths and names of values are those that the type reads"
    source_url = SOURCE


class Properties(cfnlint.rules.jsonschema.CfnLintJsonSchema):
    """Hands the properties of our types to cfn-lint's validator, which knows what intrinsic functions may become."""

    id = "E9500"
    shortdesc = "Properties of Archipelago types"
    description = "The properties of Archipelago's types are those of their schemas"
    source_url = SOURCE

    def __init__(self):
        super().__init__(keywords=["Resources/*"], all_matches=True)
        self.rule_set = {"additionalProperties": "E9501"}
        self.rule_set |= dict.fromkeys(["required", "dependentRequired", "oneOf"], "E9502")
        values = ["type", "enum", "pattern", "minLength", "maxLength", "minItems", "maxItems", "minimum", "maximum"]
        self.rule_set |= dict.fromkeys([*values, "anyOf"], "E9503")
        self.child_rules = dict.fromkeys(["E9501", "E9502", "E9503"])

    def validate(self, validator, _, instance, schema):
        kind = instance.get("Type") if isinstance(instance, dict) else None
        properties = instance.get("Properties", {}) if kind else None
        if not isinstance(kind, str) or kind not in SCHEMAS or not isinstance(properties, dict):
            return
        condition = instance.get("Condition")
        holds = {condition: True} if isinstance(condition, str) else {}
        context = validator.context.evolve(
            functions=list(cfnlint.helpers.FUNCTIONS),
            strict_types=False,
            conditions=validator.context.conditions.evolve(holds),
            path=validator.context.path.evolve(cfn_path=deque(["Resources", kind, "Properties"])).descend(
                path="Properties"
            ),
        )
        words = {"additionalProperties": additional_properties, "anyOf": any_of, "enum": enum, "type": of_type}
        words |= {"oneOf": one_of, "required": required, "dependentRequired": dependent_required, "pattern": pattern}
        words["pattern in the words of JSON Schema"] = validator.validators["pattern"]
        validator = self.extend_validator(validator, SCHEMAS[kind], context, words)
        for error in self._validate(validator, properties):
            if not error.unknown:
                error.path.appendleft("Properties")
                yield error


class Attributes(cfnlint.rules.CloudFormationLintRule):
    """cfn-lint takes any attribute of a custom resource, since it knows none."""

    id = "E9504"
    shortdesc = "Attribute that an Archipelago type doesn't have"
    description = "Fn::GetAtt and Fn::Sub read attributes that the type returns"
    source_url = SOURCE

    def match(self, cfn):
        resources = cfn.get_resources(list(SCHEMAS))
        attributes = {name: SCHEMAS[resource["Type"]]["x-attributes"] for name, resource in resources.items()}
        for function, reads in (("Fn::GetAtt", got), ("Fn::Sub", substituted)):
            for *path, value in cfn.search_deep_keys(function):
                for name, attribute in reads(value):
                    known = attributes.get(name)
                    if known is not None and attribute not in known:
                        kind = resources[name]["Type"]
                        said = f"{kind} has no attribute {attribute!r}; {nearest(attribute, known)}"
                        yield cfnlint.rules.RuleMatch(path, said)


def got(value):
    """The logical id and the attribute of an Fn::GetAtt."""
    if isinstance(value, str):
        value = value.split(".", 1)
    if isinstance(value, list) and len(value) == 2 and all(isinstance(part, str) for part in value):
        yield tuple(value)


def substituted(value):
    """Those of the variables of an Fn::Sub that it doesn't define itself."""
    text, own = [*value, {}][:2] if isinstance(value, list) else (value, {})
    for variable in re.findall(r"\$\{([^!}][^}]*)\}", text if isinstance(text, str) else ""):
        if variable.strip() not in own and "." in variable:
            yield tuple(variable.strip().split(".", 1))
