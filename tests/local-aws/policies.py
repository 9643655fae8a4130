"""What template.yaml lets each function do, in an account and a Region."""

import functools
import re
from dataclasses import dataclass, field

from cfnlint.decode import cfn_yaml
from ministack.core.iam_evaluator import EvalContext, evaluate, parse_policy_document

# An installation that is open for all that it can be opened for.
OPEN = {
    "Functions": "All",
    "AssumableRoleArns": ["arn:aws:iam::*:role/*"],
    "RoleArns": ["arn:aws:iam::*:role/*"],
}
# What policies name by its attribute.
ARNS = {
    # Tables are told apart: a function writes into two.
    "AWS::DynamoDB::Table": "arn:aws:dynamodb:{region}:{account}:table/{name}",
    "AWS::Logs::LogGroup": "arn:aws:logs:{region}:{account}:log-group:*",
    "AWS::SQS::Queue": "arn:aws:sqs:{region}:{account}:*",
}


@dataclass(frozen=True)
class Permission:
    """One action of a statement on one of its resources."""

    effect: str
    sid: str
    action: str
    resource: str
    conditions: dict = field(hash=False)

    def __str__(self):
        return f"{self.action} on {self.resource} ({self.sid})"

    @functools.cached_property
    def _parsed(self):
        statement = {"Effect": self.effect, "Action": self.action, "Resource": self.resource}
        return parse_policy_document({"Statement": [{**statement, "Condition": self.conditions}]})

    def covers(self, call, resource, marks):
        """Whether IAM, as ministack plays it, finds that this is about the call, on a resource with these marks."""
        if call.action != self.action:
            return False
        looked_up = {f"aws:ResourceTag/{mark}": "mark" for mark in marks}
        context = EvalContext(
            principal_arn="",
            principal_type="AssumedRole",
            principal_account=call.account,
            action=call.action,
            resource_arn=resource,
            region=call.region,
            service_context={key.lower(): value for key, value in (looked_up | call.keys).items()},
        )
        return evaluate(context, [self._parsed]).decision == self.effect


class Template:
    """template.yaml as the stack `archipelago` with these parameters."""

    def __init__(self, path, parameters=OPEN):
        self.template = cfn_yaml.load(str(path))
        self.parameters = {
            name: declared.get("Default", "").split(",")
            if declared["Type"] == "CommaDelimitedList"
            else declared.get("Default")
            for name, declared in self.template["Parameters"].items()
        } | parameters

    def policies(self, account, region):
        """The permissions of each function, by the name of its binary."""
        resolve = functools.partial(self.resolved, account=account, region=region)
        policies = {}
        for role in self.template["Resources"].values():
            if role["Type"] == "AWS::IAM::Role":
                (policy,) = role["Properties"]["Policies"]
                statements = filter(None, map(resolve, policy["PolicyDocument"]["Statement"]))
                policies[policy["PolicyName"]] = [each for said in statements for each in _permissions(said)]
        return policies

    def resolved(self, value, account, region):
        """The value without intrinsic functions; None for AWS::NoValue."""
        resolve = functools.partial(self.resolved, account=account, region=region)
        values = {
            **self.parameters,
            "AWS::AccountId": account,
            "AWS::NoValue": None,
            "AWS::Partition": "aws",
            "AWS::Region": region,
            "AWS::StackName": "archipelago",
        }
        match value:
            case {"Ref": name}:
                return values[name]
            case {"Fn::GetAtt": [name, "Arn"]}:
                return ARNS[self.template["Resources"][name]["Type"]].format(account=account, region=region, name=name)
            case {"Fn::Sub": text}:
                return re.sub(r"\$\{([\w:.]+)\}", lambda found: self._named(found[1], values, resolve), text)
            case {"Fn::Join": [separator, parts]}:
                return separator.join(resolve(parts))
            case {"Fn::If": [condition, then, otherwise]}:
                return resolve(then if resolve(self.template["Conditions"][condition]) else otherwise)
            case {"Fn::Not": [condition]}:
                return not resolve(condition)
            case {"Fn::Equals": [one, other]}:
                return resolve(one) == resolve(other)
            case dict():
                return {key: resolve(inner) for key, inner in value.items()}
            case list():
                return [resolve(inner) for inner in value]
        return value

    @staticmethod
    def _named(name, values, resolve):
        """What `${name}` or `${name.Arn}` stands for."""
        resource, _, attribute = name.partition(".")
        return resolve({"Fn::GetAtt": [resource, attribute]}) if attribute else values[name]


def _permissions(statement):
    for action in _list(statement["Action"]):
        for resource in _list(statement["Resource"]):
            conditions = statement.get("Condition", {})
            yield Permission(statement["Effect"], statement["Sid"], action, resource, conditions)


def _list(value):
    return value if isinstance(value, list) else [value]
