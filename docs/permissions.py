"""What template.yaml lets the function of a type do, for its page."""

import json
import re

from cfnlint.decode import cfn_yaml


class Permissions:
    """The statements of the functions' roles."""

    def __init__(self, template, types):
        resources = cfn_yaml.load(str(template))["Resources"]
        self.statements = {name: list(statements(resources[f"{name}Role"])) for name in types}
        sids = [{statement["Sid"] for statement in each} for each in self.statements.values()]
        self.common = set.intersection(*sids)

    def of(self, name):
        """The parts of a page: a row for each statement that not every function has."""
        # What all may is said in a sentence, what none may is worth a row.
        shared = {each["Sid"] for each in self.statements[name] if each["Effect"] == "Allow"} & self.common
        own = [statement for statement in self.statements[name] if statement["Sid"] not in shared]
        others = [statement for statement in self.statements[name] if statement["Sid"] in shared]
        yield "## Permissions"
        yield "What the function's role in `template.yaml` may do:"
        yield "\n".join(["| | actions | resources | if |", "|---|---|---|---|", *map(row, own)])
        actions = sorted({action for each in others for action in listed(each["Action"])})
        yield f"and, for its own log, queue and continuation, {words(actions)}."


def statements(role):
    """Those of a role's one policy, with those that a parameter switches on."""
    (policy,) = role["Properties"]["Policies"]
    for statement in policy["PolicyDocument"]["Statement"]:
        yield statement["Fn::If"][1] if "Fn::If" in statement else statement


def row(statement):
    condition = f"`{json.dumps(statement['Condition'])}`" if "Condition" in statement else ""
    return f"| {statement['Effect']} | {words(statement['Action'])} | {words(statement['Resource'])} | {condition} |"


def listed(value):
    return value if isinstance(value, list) else [value]


def words(value):
    return ", ".join(dict.fromkeys(word for each in listed(value) for word in spelt(each)))


def spelt(value):
    """The values that an intrinsic function may have, parameters and resources by their names."""
    match value:
        case str():
            yield f"`{value}`"
        case {"Ref": name}:
            yield f"those of `{name}`"
        case {"Fn::Sub": text}:
            yield f"`{re.sub(r'AWS::', '', text)}`"
        case {"Fn::GetAtt": [name, _]}:
            yield f"`{name}`"
        case {"Fn::If": [_, then, otherwise]}:
            yield f"{words(then)}, or without any {words(otherwise)}"
        case _:
            raise ValueError(f"a page can't say {value}")
