"""That ministack, with the rules, lets stacks reach a function of another account, and not a step further."""

import json
import unittest

from botocore.exceptions import ClientError
from ministack.services import lambda_svc

from lambda_case import FUNCTION, NAME, LambdaCase
from moto_case import MANAGEMENT, STANDALONE


class InvocationRules(LambdaCase):
    def setUp(self):
        super().setUp()
        self.account = self.member()
        self.aliases = {account: self.alias(account) for account in (self.account, STANDALONE)}

    def alias(self, caller):
        name = f"caller-{caller}"
        self.owner(lambda_svc._create_alias, NAME, {"Name": name, "FunctionVersion": "$LATEST"})
        return f"{FUNCTION}:{name}"

    def permit(self, account):
        permission = {"StatementId": account, "Action": "lambda:InvokeFunction", "Principal": account}
        permission["PrincipalOrgID"] = self.organization
        self.owner(lambda_svc._add_permission, NAME, permission, None, f"caller-{account}")

    def open(self, unit, alias=None, **elements):
        """Writes the whole policy of an alias for the accounts of a unit."""
        alias = alias or self.alias(f"{self.organization}-{unit}")
        root = unit.split("-")[1]
        statement = {
            "Effect": "Allow",
            "Principal": {"AWS": "*"},
            "Action": "lambda:InvokeFunction",
            "Resource": alias,
            "Condition": {
                "StringEquals": {"aws:PrincipalOrgID": self.organization},
                "ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": f"{self.organization}/r-{root}/*{unit}/*"},
            },
            **elements,
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self.functions().put_resource_policy(ResourceArn=alias, Policy=policy)
        return alias

    def test_a_stack_reaches_a_function_of_another_account_by_the_alias_that_is_open_to_it(self):
        alias = self.aliases[self.account]
        self.not_invoked(self.account, alias)
        self.permit(self.account)
        self.assertEqual(self.invoked(self.account, alias), [(MANAGEMENT, alias)])

    def test_it_reaches_nothing_else_of_that_account(self):
        self.permit(self.account)
        self.permit(STANDALONE)
        for token in (
            FUNCTION,
            self.aliases[STANDALONE],
            f"{FUNCTION}:nothing",
            FUNCTION.replace(NAME, "other"),
        ):
            self.not_invoked(self.account, token)

    def test_an_account_outside_the_organization_is_refused_for_all_its_permission(self):
        self.permit(STANDALONE)
        self.not_invoked(STANDALONE, self.aliases[STANDALONE])

    def test_an_account_is_served_as_long_as_it_is_in_the_unit(self):
        unit, other = self.unit("app"), self.unit("other")
        alias = self.open(unit)
        self.not_invoked(self.account, alias)
        self.move(self.account, self.root, unit)
        self.assertEqual(self.invoked(self.account, alias), [(MANAGEMENT, alias)])
        self.move(self.account, unit, other)
        self.not_invoked(self.account, alias)

    def test_an_account_in_a_unit_below_is_served_and_one_above_is_refused(self):
        above = self.unit("Workloads")
        unit = self.unit("app", above)
        below = self.unit("team", unit)
        alias = self.open(unit)
        self.move(self.account, self.root, below)
        self.assertEqual(self.invoked(self.account, alias), [(MANAGEMENT, alias)])
        self.move(self.account, below, above)
        self.not_invoked(self.account, alias)

    def test_a_unit_opens_its_own_alias_alone(self):
        unit, other = self.unit("app"), self.unit("other")
        alias = self.open(unit)
        self.move(self.account, self.root, other)
        self.assertEqual(self.invoked(self.account, self.open(other))[0][0], MANAGEMENT)
        for token in (alias, FUNCTION, self.aliases[self.account]):
            self.not_invoked(self.account, token)

    def test_who_is_in_no_organization_or_has_left_it_is_refused_behind_a_unit_s_alias(self):
        unit = self.unit("app")
        alias = self.open(unit)
        self.not_invoked(STANDALONE, alias)
        self.move(self.account, self.root, unit)
        self.organizations.remove_account_from_organization(AccountId=self.account)
        self.not_invoked(self.account, alias)

    def test_a_principal_is_everybody_or_an_account_and_a_path_is_one_of_several_values(self):
        unit = self.unit("app")
        self.move(self.account, self.root, unit)
        alias = self.open(unit)
        organization, path = self.organization, f"{self.organization}/{self.root}/{unit}/"
        for served, elements in (
            (True, {"Principal": "*"}),
            (True, {"Principal": {"AWS": self.account}}),
            (True, {"Principal": {"AWS": [STANDALONE, f"arn:aws:iam::{self.account}:root"]}}),
            (False, {"Principal": {"AWS": STANDALONE}}),
            (False, {"Action": "lambda:GetFunction"}),
            (True, {"Condition": {"ForAnyValue:StringEquals": {"aws:PrincipalOrgPaths": [path]}}}),
            (False, {"Condition": {"ForAnyValue:StringEquals": {"aws:PrincipalOrgPaths": f"{organization}/*"}}}),
            # The key has several values, which an operator for one doesn't compare.
            (False, {"Condition": {"StringLike": {"aws:PrincipalOrgPaths": f"{organization}/*"}}}),
            (False, {"Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-exampleorgid"}}}),
        ):
            self.open(unit, alias, **elements)
            if served:
                self.assertEqual(self.invoked(self.account, alias), [(MANAGEMENT, alias)], elements)
            else:
                self.not_invoked(self.account, alias)

    def test_the_function_s_own_policy_may_open_and_close_all_its_aliases(self):
        alias = self.aliases[self.account]
        statement = {"Principal": {"AWS": self.account}, "Action": "lambda:InvokeFunction"}
        for effect, resource, served in (
            ("Allow", f"{FUNCTION}:*", True),
            ("Allow", FUNCTION, False),
            ("Deny", f"{FUNCTION}:*", False),
        ):
            policy = json.dumps({"Statement": [{**statement, "Effect": effect, "Resource": resource}]})
            self.functions().put_resource_policy(ResourceArn=FUNCTION, Policy=policy)
            if effect == "Deny":
                self.permit(self.account)
            if served:
                self.assertEqual(self.invoked(self.account, alias), [(MANAGEMENT, alias)])
            else:
                self.not_invoked(self.account, alias)

    def test_whoever_invokes_a_function_of_another_account_is_judged_like_a_stack(self):
        client, alias = self.functions(self.account), self.aliases[self.account]

        def invoke(arn):
            return client.invoke(FunctionName=arn, InvocationType="DryRun")["StatusCode"]

        with self.assertRaisesRegex(ClientError, f"AccessDenied.*is not authorized to perform.* on resource: {alias} "):
            invoke(alias)
        self.permit(self.account)
        self.assertEqual(invoke(alias), 204)
        for other in (FUNCTION, self.aliases[STANDALONE], f"{FUNCTION}:nothing"):
            with self.assertRaisesRegex(ClientError, "AccessDenied"):
                invoke(other)
        own = self.functions().invoke(FunctionName=alias, InvocationType="DryRun")
        self.assertEqual(own["StatusCode"], 204)

    def test_a_stack_reaches_its_own_account_s_functions_as_before(self):
        self.assertEqual(self.invoked(MANAGEMENT, FUNCTION), [(MANAGEMENT, FUNCTION)])
        alias = self.aliases[self.account]
        self.assertEqual(self.invoked(MANAGEMENT, alias), [(MANAGEMENT, alias)])


if __name__ == "__main__":
    unittest.main()
