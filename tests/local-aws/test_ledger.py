"""The table of template.yaml that says which statements there are: who may write it, and what looks after them."""

import json
import tomllib
import unittest

from cfnlint.data import AdditionalSpecs
from cfnlint.helpers import load_resource
from ministack.core.iam_evaluator import EvalContext, evaluate, parse_policy_document
from ministack.services import eventbridge

from calls import Call
from local_aws import ROOT
from policies import Template
from test_privilege import CALLER, target

TEMPLATE = Template(ROOT / "template.yaml")
RESOURCES = TEMPLATE.template["Resources"]
LEDGER = RESOURCES["Ledger"]
KEPT_BY = {
    "ecr-policy-statement": ("repository app", "repository 222222222222:team/app"),
    "kms-policy-statement": ("key 1f0a",),
    "s3-policy-statement": ("bucket app",),
    "iam-trust-statement": ("role app", "role 222222222222:app"),
    "iam-policy-statement": ("role app/grants", "role 222222222222:app/grants"),
}
FUNCTIONS = {
    name: function
    for name, function in RESOURCES.items()
    if "LEDGER_TABLE" in function["Properties"].get("Environment", {}).get("Variables", {})
}


# What writes items: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/rbac-iam-actions.html
WRITES = {
    f"dynamodb:{name}"
    for name in load_resource(AdditionalSpecs, "Policies.json")["dynamodb"]["Actions"]
    if name.endswith("item") or name.startswith("partiql")
} - {"dynamodb:getitem", "dynamodb:batchgetitem", "dynamodb:conditioncheckitem", "dynamodb:partiqlselect"}


def role(name, path):
    return f"arn:aws:iam::{CALLER}:role{path}{name}"


def roles():
    """The ARN of the role of each function, by the function's logical name."""
    for name, resource in RESOURCES.items():
        if resource["Type"] == "AWS::IAM::Role":
            path = TEMPLATE.resolved(resource["Properties"]["Path"], CALLER, "us-east-1")
            yield name.removesuffix("Role"), role(f"archipelago-{name}-1A2B", path)


def effect(table, principal, action):
    """What the policy of a table of the template says to a principal; `ImplicitDeny` where it says nothing."""
    document = RESOURCES[table]["Properties"]["ResourcePolicy"]["PolicyDocument"]
    policy = parse_policy_document(TEMPLATE.resolved(document, CALLER, "us-east-1"))
    context = EvalContext(
        principal_arn=principal,
        principal_type="AssumedRole",
        principal_account=CALLER,
        action=action,
        resource_arn=f"arn:aws:dynamodb:us-east-1:{CALLER}:table/archipelago-{table}-1A2B",
        region="us-east-1",
    )
    return evaluate(context, [policy]).decision


class Table(unittest.TestCase):
    def test_nothing_takes_it_away_by_mistake(self):
        self.assertEqual((LEDGER["DeletionPolicy"], LEDGER["UpdateReplacePolicy"]), ("Retain", "Retain"))
        properties = LEDGER["Properties"]
        self.assertTrue(properties["DeletionProtectionEnabled"])
        self.assertTrue(properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"])

    def test_items_are_written_by_the_roles_of_the_functions_for_statements_and_by_nobody_else(self):
        self.assertEqual(len(WRITES), 7, WRITES)
        for function, principal in roles():
            for action in WRITES:
                said = "ImplicitDeny" if function in FUNCTIONS else "Deny"
                self.assertEqual(effect("Ledger", principal, action), said, (function, action))
        for principal in (
            role("Administrator", "/"),
            role("archipelago-EcrPolicyStatementRole-1A2B", "/archipelago-test/statements/"),
            f"arn:aws:iam::{CALLER}:user/archipelago/statements/somebody",
            "arn:aws:iam::222222222222:role/archipelago/statements/somebody",
            f"arn:aws:iam::{CALLER}:root",
        ):
            for action in WRITES:
                self.assertEqual(effect("Ledger", principal, action), "Deny", (principal, action))

    def test_an_administrator_may_read_it_restore_it_and_take_the_policy_away(self):
        for action in ("Scan", "DeleteResourcePolicy", "PutResourcePolicy", "RestoreTableToPointInTime", "UpdateTable"):
            self.assertNotEqual(effect("Ledger", role("Administrator", "/"), f"dynamodb:{action}"), "Deny", action)

    def test_the_policy_is_as_small_as_dynamodb_wants_it(self):
        """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-dynamodb-table-resourcepolicy.html"""
        self.assertLess(len(json.dumps(LEDGER["Properties"]["ResourcePolicy"]["PolicyDocument"])), 20480)


class Roles(unittest.TestCase):
    def may(self, function, operation, policy, **given):
        """Whether the role of a function allows a call on the ledger, and on nothing else."""
        call = Call.read(
            target(
                "dynamodb",
                operation,
                TableName="Ledger",
                Key={"Policy": {"S": policy}, "Item": {"S": "lease"}},
                **given,
            )
        )
        permissions = TEMPLATE.policies(CALLER, "us-east-1")[function]
        return any(each.covers(call, call.resources[0], ()) for each in permissions)

    def test_a_function_keeps_the_policies_of_its_type_alone(self):
        for function in KEPT_BY:
            for other, policies in KEPT_BY.items():
                for policy in policies:
                    for operation in ("BatchGetItem", "GetItem", "Query", "UpdateItem"):
                        said = (function, operation, policy)
                        self.assertEqual(self.may(function, operation, policy), function == other, said)
            for operation in ("DeleteItem", "PutItem", "Scan", "BatchWriteItem"):
                self.assertFalse(self.may(function, operation, KEPT_BY[function][0]), (function, operation))

    def test_a_function_lists_its_own_type_alone(self):
        for function in FUNCTIONS:
            name = RESOURCES[function]["Metadata"]["BuildProperties"]["Binary"]
            for other in FUNCTIONS:
                values = {":type": {"S": f"Custom::{other}"}}
                asked = {"KeyConditionExpression": "Type = :type", "ExpressionAttributeValues": values}
                call = Call.read(target("dynamodb", "Query", TableName="Ledger", IndexName="ByType", **asked))
                permissions = TEMPLATE.policies(CALLER, "us-east-1")[name]
                may = any(each.covers(call, call.resources[0], ()) for each in permissions)
                self.assertEqual(may, function == other, (function, other))


# What a function hears of, by its service: https://docs.aws.amazon.com/eventbridge/latest/ref/events.html
HEARS = {
    "EcrPolicyStatement": ("ecr", {"CreateRepository", "DeleteRepositoryPolicy", "SetRepositoryPolicy"}),
    "KmsPolicyStatement": ("kms", {"PutKeyPolicy"}),
    "S3PolicyStatement": ("s3", {"CreateBucket", "DeleteBucketPolicy", "PutBucketPolicy"}),
    "IamTrustStatement": ("iam", {"CreateRole", "UpdateAssumeRolePolicy"}),
    "IamPolicyStatement": ("iam", {"CreateRole", "DeleteRolePolicy", "PutRolePolicy"}),
}


class Rules(unittest.TestCase):
    def rules(self, function, kind):
        rules = {
            name: rule["Properties"]
            for name, rule in RESOURCES.items()
            if rule["Type"] == "AWS::Events::Rule"
            and rule["Properties"]["Targets"][0]["Arn"] == {"Fn::GetAtt": [function, "Arn"]}
            and kind in rule["Properties"]
        }
        self.assertEqual(len(rules), 1, (function, kind))
        return next(iter(rules.items()))

    def test_a_function_hears_of_the_changes_of_its_policies_that_aws_let_happen_and_of_nothing_else(self):
        for function, (service, names) in HEARS.items():
            _, rule = self.rules(function, "EventPattern")
            pattern = json.dumps(rule["EventPattern"])
            for other, others in HEARS.values():
                for name in {*others, "DeleteBucket", "GetRolePolicy"}:
                    event = {
                        "Source": f"aws.{other}",
                        "DetailType": "AWS API Call via CloudTrail",
                        "Detail": json.dumps({"eventSource": f"{other}.amazonaws.com", "eventName": name}),
                    }
                    heard = eventbridge._matches_pattern(pattern, event)
                    self.assertEqual(heard, other == service and name in names, (function, other, name))
                    refused = {**json.loads(event["Detail"]), "errorCode": "AccessDenied"}
                    self.assertFalse(eventbridge._matches_pattern(pattern, {**event, "Detail": json.dumps(refused)}))

    def test_a_function_looks_at_all_each_hour(self):
        for function in FUNCTIONS:
            _, rule = self.rules(function, "ScheduleExpression")
            self.assertEqual(rule["ScheduleExpression"], "rate(1 hour)")
            self.assertEqual(json.loads(rule["Targets"][0]["Input"]), {"RequestType": "Reconcile"})

    def test_each_rule_may_invoke_its_function_and_no_other_rule_may(self):
        invoked = set()
        for permission in RESOURCES.values():
            if permission["Type"] == "AWS::Lambda::Permission":
                properties = permission["Properties"]
                self.assertEqual(properties["Principal"], "events.amazonaws.com")
                invoked.add((properties["FunctionName"]["Ref"], properties["SourceArn"]["Fn::GetAtt"][0]))
                self.assertEqual(permission["Condition"], "Reconciles")
        kinds = ("EventPattern", "ScheduleExpression")
        self.assertEqual(invoked, {(name, self.rules(name, kind)[0]) for name in FUNCTIONS for kind in kinds})


class Guards(unittest.TestCase):
    """What `make guards` switches off is there: a guard that nobody finds any more is one that nobody tries."""

    def test_each_is_in_the_source_once(self):
        source = ROOT / "shared" / "policy-statement" / "src"
        for guard in tomllib.loads((ROOT / "tests" / "guards" / "guards.toml").read_text())["guard"]:
            with self.subTest(guard["name"]):
                self.assertEqual((source / guard["file"]).read_text().count(guard["from"]), 1)


if __name__ == "__main__":
    unittest.main()
