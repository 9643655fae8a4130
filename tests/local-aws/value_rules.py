"""Refuses, as AWS does and in its words, what a custom resource answered where a template takes strings alone.

ministack makes strings of numbers there. What `!GetAtt` reads of AWS's own types isn't judged: ministack's types of
them are its own.
"""

import re

from ministack.services.cloudformation import changesets, engine, handlers, stacks

from rules import replaced

# https://github.com/aws-cloudformation/cfn-lint/issues/3013
IN_OUTPUTS = "Template format error: Every Value member must be a string."
# https://github.com/aws-cloudformation/cfn-lint/issues/390
IN_SUB = "Template error: variable {} in Fn::Sub expression does not resolve to a string"
# https://github.com/aws/aws-cdk/issues/4808
IN_JOIN = (
    "Template error: every Fn::Join object requires two parameters, (1) a string delimiter and (2) a list of strings "
    "to be joined or a function that returns a list of strings (such as Fn::GetAZs) to be joined."
)
VARIABLE = re.compile(r"\$\{([^!}][^}]*)\}")


@replaced(engine)
def _resolve_refs(resolve, value, resources, *context):
    if isinstance(value, dict) and len(value) == 1:
        _judge_sub(value.get("Fn::Sub"), resources)
        _judge_join(value.get("Fn::Join"), resources)
    return resolve(value, resources, *context)


for module in (changesets, handlers, stacks):
    module._resolve_refs = engine._resolve_refs


@replaced(stacks)
def _resolve_stack_outputs(resolve, outputs, conditions, resources, *context):
    for output in outputs.values():
        is_there = conditions.get(output.get("Condition"), True)
        if is_there and not isinstance(_answered(output.get("Value"), resources), str):
            raise ValueError(IN_OUTPUTS)
    return resolve(outputs, conditions, resources, *context)


def _judge_sub(sub, resources):
    text, values = sub if isinstance(sub, list) else (sub, {})
    for name in VARIABLE.findall(text) if isinstance(text, str) else []:
        value = values.get(name, {"Fn::GetAtt": name.split(".", 1)})
        if not isinstance(_answered(value, resources), str):
            raise ValueError(IN_SUB.format(name))


def _judge_join(join, resources):
    if join is None:
        return
    _, items = join
    # A list of functions that return strings, or a function that returns a list.
    if isinstance(items, list):
        items = [_answered(item, resources) for item in items]
    else:
        items = _answered(items, resources, [])
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise ValueError(IN_JOIN)


def _answered(value, resources, otherwise=""):
    """The attribute that a custom resource answered; of any other value, what does no harm here."""
    if not isinstance(value, dict) or "Fn::GetAtt" not in value:
        return otherwise
    name = value["Fn::GetAtt"]
    logical_id, *attribute = name.split(".", 1) if isinstance(name, str) else name
    resource = resources.get(logical_id, {})
    is_custom = resource.get("ResourceType", "").startswith(("Custom::", "AWS::CloudFormation::CustomResource"))
    if not is_custom or not attribute or not isinstance(attribute[0], str):
        return otherwise
    return resource.get("Attributes", {}).get(attribute[0], otherwise)
