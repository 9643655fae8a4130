"""The table of template.yaml with what callers may have: who writes and reads it, and what aliases its writer makes."""

import unittest

from calls import Call
from test_ledger import RESOURCES, TEMPLATE, WRITES, effect, role, roles
from test_privilege import CALLER, target

TABLE = RESOURCES["CallerTable"]
# Whose statements callers may have.
OPEN = {"EcrPolicyStatement", "KmsPolicyStatement", "S3PolicyStatement", "IamTrustStatement"}
NAMES = {
    name: function["Metadata"]["BuildProperties"]["Binary"]
    for name, function in RESOURCES.items()
    if function["Type"] == "AWS::Serverless::Function"
}


def may(function, call):
    """Whether the role of a function allows a call."""
    permissions = TEMPLATE.policies(CALLER, "us-east-1")[NAMES[function]]
    effects = {each.effect for each in permissions if each.covers(call, call.resources[0], ())}
    return effects == {"Allow"}


class Table(unittest.TestCase):
    def test_nothing_takes_it_away_by_mistake(self):
        self.assertEqual((TABLE["DeletionPolicy"], TABLE["UpdateReplacePolicy"]), ("Retain", "Retain"))
        properties = TABLE["Properties"]
        self.assertTrue(properties["DeletionProtectionEnabled"])
        self.assertTrue(properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"])

    def test_items_are_written_by_the_role_of_the_function_for_callers_and_by_nobody_else(self):
        for function, principal in roles():
            for action in WRITES:
                said = "ImplicitDeny" if function == "Caller" else "Deny"
                self.assertEqual(effect("CallerTable", principal, action), said, (function, action))
        for principal in (
            role("Administrator", "/"),
            role("archipelago-CallerRole-1A2B", "/archipelago-test/callers/"),
            f"arn:aws:iam::{CALLER}:user/archipelago/callers/somebody",
            "arn:aws:iam::222222222222:role/archipelago/callers/somebody",
            f"arn:aws:iam::{CALLER}:root",
        ):
            for action in WRITES:
                self.assertEqual(effect("CallerTable", principal, action), "Deny", (principal, action))

    def test_an_administrator_may_read_it_restore_it_and_take_the_policy_away(self):
        for action in ("Scan", "DeleteResourcePolicy", "PutResourcePolicy", "RestoreTableToPointInTime", "UpdateTable"):
            said = effect("CallerTable", role("Administrator", "/"), f"dynamodb:{action}")
            self.assertNotEqual(said, "Deny", action)


class Roles(unittest.TestCase):
    def test_the_types_that_callers_may_have_read_it_and_the_others_know_nothing_of_it(self):
        writes = {"DeleteItem", "PutItem", "UpdateItem"}
        for function in NAMES:
            variables = RESOURCES[function]["Properties"].get("Environment", {}).get("Variables", {})
            self.assertEqual("CALLER_TABLE" in variables, function in OPEN | {"Caller"}, function)
            for operation in ("Query", "GetItem", "Scan", "BatchWriteItem", *writes):
                key = {"Caller": {"S": "222222222222"}, "Item": {"S": "lease"}}
                call = Call.read(target("dynamodb", operation, TableName="CallerTable", Key=key))
                expected = function in OPEN if operation == "Query" else False
                expected |= function == "Caller" and operation in writes | {"Query"}
                self.assertEqual(may(function, call), expected, (function, operation))

    def allows(self, operation, resource):
        """Whether the function for callers may call an operation of Lambda on a resource."""
        return may("Caller", Call("caller", CALLER, "us-east-1", f"lambda:{operation}", (resource,), {}, {}))

    def test_aliases_are_made_on_the_functions_that_callers_may_use_and_on_no_other(self):
        for function, name in NAMES.items():
            arn = f"arn:aws:lambda:us-east-1:{CALLER}:function:archipelago-{name}"
            for operation in ("CreateAlias", "DeleteAlias", "GetAlias", "UpdateAlias"):
                self.assertEqual(self.allows(operation, arn), function in OPEN, (operation, arn))

    def test_whoever_is_let_in_is_let_in_by_an_alias_of_a_caller(self):
        for function, name in NAMES.items():
            arn = f"arn:aws:lambda:us-east-1:{CALLER}:function:archipelago-{name}"
            for operation in (
                "AddPermission",
                "DeleteFunctionEventInvokeConfig",
                "DeleteResourcePolicy",
                "PutFunctionEventInvokeConfig",
                "PutResourcePolicy",
                "RemovePermission",
            ):
                for caller in ("222222222222", "o-exampleorgid-ou-abcd-12345678"):
                    alias = f"{arn}:caller-{caller}"
                    self.assertEqual(self.allows(operation, alias), function in OPEN, (operation, alias))
                for other in (arn, f"{arn}:live", f"{arn}:$LATEST", f"{arn}-caller-2:7"):
                    self.assertFalse(self.allows(operation, other), (operation, other))


if __name__ == "__main__":
    unittest.main()
