"""Joins lists in the conditions of a template, as AWS does; ministack compares such a function as it is written.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-conditions.html
"""

from ministack.services.cloudformation import changesets, engine, handlers, stacks

from rules import replaced


@replaced(engine)
def _evaluate_conditions(evaluate, template, parameters):
    conditions = _joined(template.get("Conditions", {}), parameters)
    return evaluate({**template, "Conditions": conditions}, parameters)


for module in (changesets, handlers, stacks):
    module._evaluate_conditions = engine._evaluate_conditions


def _joined(value, parameters):
    """What is there with each Fn::Join of a parameter that is a list as the text that it makes."""
    if isinstance(value, list):
        return [_joined(each, parameters) for each in value]
    if not isinstance(value, dict):
        return value
    delimiter, items = value.get("Fn::Join", (None, None))
    if isinstance(items, dict) and items.get("Ref") in parameters:
        return parameters[items["Ref"]]["Value"].replace(",", delimiter)
    return {name: _joined(each, parameters) for name, each in value.items()}
