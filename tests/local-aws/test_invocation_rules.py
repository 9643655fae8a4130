"""That ministack, with the rules, lets stacks reach a function of another account, and not a step further."""

import base64
import io
import os
import threading
import unittest
import zipfile
from unittest import mock
from urllib.parse import urlsplit

from ministack.core.responses import request_scope
from ministack.services import lambda_svc
from ministack.services.cloudformation import custom_resource

import membership
import ministack_rules  # noqa: F401
from moto_case import MANAGEMENT, STANDALONE, MotoCase

REGION = "us-east-1"
FUNCTION = f"arn:aws:lambda:{REGION}:{MANAGEMENT}:function:statement"
QUEUE = f"arn:aws:sqs:{REGION}:{MANAGEMENT}:failures"


class InvocationRules(MotoCase):
    def setUp(self):
        super().setUp()
        membership.organizations.cache_clear()
        self.enterContext(mock.patch.dict(os.environ, {"AWS_ENDPOINT_URL_ORGANIZATIONS": self.endpoint}))
        self.organization = self.organizations.describe_organization()["Organization"]["Id"]
        made = self.organizations.create_account(AccountName="member", Email="aws+member@example.com")
        made = self.organizations.describe_create_account_status(
            CreateAccountRequestId=made["CreateAccountStatus"]["Id"]
        )
        self.member = made["CreateAccountStatus"]["AccountId"]
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as written:
            written.writestr("index.py", "")
        code = {"ZipFile": base64.b64encode(archive.getvalue()).decode()}
        made = {"FunctionName": "statement", "Runtime": "python3.11", "Handler": "index.handler", "Code": code}
        self.owner(lambda_svc._create_function, {**made, "Role": f"arn:aws:iam::{MANAGEMENT}:role/statement"})
        self.addCleanup(lambda: self.owner(lambda_svc._functions.pop, "statement"))
        self.aliases = {account: self.alias(account) for account in (self.member, STANDALONE)}

    def owner(self, operation, *arguments):
        with request_scope(MANAGEMENT, REGION):
            return operation(*arguments)

    def alias(self, account):
        name = f"caller-{account}"
        self.owner(lambda_svc._create_alias, "statement", {"Name": name, "FunctionVersion": "$LATEST"})
        settings = {"MaximumRetryAttempts": 0, "DestinationConfig": {"OnFailure": {"Destination": QUEUE}}}
        self.owner(lambda_svc._put_event_invoke_config, "statement", name, settings)
        return f"{FUNCTION}:{name}"

    def permit(self, account):
        permission = {"StatementId": account, "Action": "lambda:InvokeFunction", "Principal": account}
        permission["PrincipalOrgID"] = self.organization
        self.owner(lambda_svc._add_permission, "statement", permission, None, f"caller-{account}")

    def invoked(self, account, token):
        """What runs in which account when a stack of the account has a resource with this ServiceToken."""
        seen = []

        def run(function, event):
            seen.append((lambda_svc.get_account_id(), function["config"]["FunctionArn"]))
            custom_resource.deliver_response(
                urlsplit(event["ResponseURL"]).path.rpartition("/")[2], {"Status": "SUCCESS"}
            )
            return {"body": None}

        stack = f"arn:aws:cloudformation:{REGION}:{account}:stack/workload/1f0a"
        with request_scope(account, REGION), mock.patch.object(lambda_svc, "_execute_function", run):
            properties = {"ServiceToken": token, "ServiceTimeout": "10"}
            custom_resource.invoke_custom_resource("Create", "Pull", properties, "workload", stack, "Custom::Statement")
        return seen

    def refused(self, account, token):
        with self.assertRaises(PermissionError) as raised:
            self.invoked(account, token)
        self.assertEqual(
            str(raised.exception),
            f"User: arn:aws:iam::{account}:root is not authorized to perform: lambda:InvokeFunction "
            f"on resource: {token} because no resource-based policy allows the lambda:InvokeFunction action",
        )

    def test_a_stack_reaches_a_function_of_another_account_by_the_alias_that_is_open_to_it(self):
        alias = self.aliases[self.member]
        self.refused(self.member, alias)
        self.permit(self.member)
        self.assertEqual(self.invoked(self.member, alias), [(MANAGEMENT, alias)])

    def test_it_reaches_nothing_else_of_that_account(self):
        self.permit(self.member)
        self.permit(STANDALONE)
        for token in (
            FUNCTION,
            self.aliases[STANDALONE],
            f"{FUNCTION}:nothing",
            FUNCTION.replace("statement", "other"),
        ):
            self.refused(self.member, token)

    def test_an_account_outside_the_organization_is_refused_for_all_its_permission(self):
        self.permit(STANDALONE)
        self.refused(STANDALONE, self.aliases[STANDALONE])

    def test_a_stack_reaches_its_own_account_s_functions_as_before(self):
        self.assertEqual(self.invoked(MANAGEMENT, FUNCTION), [(MANAGEMENT, FUNCTION)])
        alias = self.aliases[self.member]
        self.assertEqual(self.invoked(MANAGEMENT, alias), [(MANAGEMENT, alias)])

    def test_what_fails_behind_an_alias_goes_where_the_alias_says_and_is_not_tried_again(self):
        runs, routed, ended = [], [], threading.Event()

        def fail(function, event):
            runs.append(event)
            return {"error": True}

        def route(destination, *_):
            routed.append(destination)
            ended.set()

        with (
            mock.patch.object(lambda_svc, "_execute_function", fail),
            mock.patch.object(lambda_svc, "_route_async_failure", route),
        ):
            function, _, _ = self.owner(lambda_svc._get_func_record_for_ref, self.aliases[self.member])
            self.owner(lambda_svc.invoke_async_with_retry, function, {"RequestType": "Create"})
            self.assertTrue(ended.wait(10))
        self.assertEqual((len(runs), routed), (1, [QUEUE]))


if __name__ == "__main__":
    unittest.main()
