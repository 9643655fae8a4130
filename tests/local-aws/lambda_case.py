"""A function in ministack, with the rules, beside an organization in moto, for the tests of what it plays."""

import asyncio
import base64
import io
import os
import zipfile
from types import SimpleNamespace
from unittest import mock
from urllib.parse import parse_qs, urlsplit

import boto3
from botocore.awsrequest import AWSResponse
from ministack.core.responses import request_scope
from ministack.services import lambda_svc
from ministack.services.cloudformation import custom_resource

import membership
import ministack_rules  # noqa: F401
from moto_case import MANAGEMENT, MotoCase

REGION = "us-east-1"
NAME = "statement"
FUNCTION = f"arn:aws:lambda:{REGION}:{MANAGEMENT}:function:{NAME}"


class LambdaCase(MotoCase):
    """The management account owns the function."""

    def setUp(self):
        super().setUp()
        membership.organizations.cache_clear()
        self.enterContext(mock.patch.dict(os.environ, {"AWS_ENDPOINT_URL_ORGANIZATIONS": self.endpoint}))
        self.organization = self.organizations.describe_organization()["Organization"]["Id"]
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as written:
            written.writestr("index.py", "")
        code = {"ZipFile": base64.b64encode(archive.getvalue()).decode()}
        made = {"FunctionName": NAME, "Runtime": "python3.11", "Handler": "index.handler", "Code": code}
        self.owner(lambda_svc._create_function, {**made, "Role": f"arn:aws:iam::{MANAGEMENT}:role/statement"})
        self.addCleanup(lambda: self.owner(lambda_svc._functions.pop, NAME))

    def owner(self, operation, *arguments):
        with request_scope(MANAGEMENT, REGION):
            return operation(*arguments)

    def functions(self, account=MANAGEMENT):
        """Lambda, as a client of the account asks it."""
        client = boto3.client(
            "lambda", REGION, aws_access_key_id=account, aws_secret_access_key="local", endpoint_url="http://ministack"
        )
        client.meta.events.register("before-send.lambda", lambda request, **_: _answered(account, request))
        return client

    def member(self, name="member", parent=None):
        """A new account of the organization, under the root or in a unit."""
        made = self.organizations.create_account(AccountName=name, Email=f"aws+{name}@example.com")
        request = {"CreateAccountRequestId": made["CreateAccountStatus"]["Id"]}
        status = self.organizations.describe_create_account_status(**request)["CreateAccountStatus"]
        if parent:
            self.move(status["AccountId"], self.root, parent)
        return status["AccountId"]

    def unit(self, name, parent=None):
        made = self.organizations.create_organizational_unit(ParentId=parent or self.root, Name=name)
        return made["OrganizationalUnit"]["Id"]

    def move(self, account, source, destination):
        move = {"SourceParentId": source, "DestinationParentId": destination}
        self.organizations.move_account(AccountId=account, **move)

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

    def not_invoked(self, account, token):
        with self.assertRaises(PermissionError) as raised:
            self.invoked(account, token)
        self.assertEqual(
            str(raised.exception),
            f"User: arn:aws:iam::{account}:root is not authorized to perform: lambda:InvokeFunction "
            f"on resource: {token} because no resource-based policy allows the lambda:InvokeFunction action",
        )


def _answered(account, request):
    """What ministack answers to the request, without a server between."""
    url, headers = urlsplit(request.url), {}
    for name, value in request.headers.items():
        headers[name.lower()] = value.decode() if isinstance(value, bytes) else value
    with request_scope(account, REGION):
        asked = lambda_svc.handle_request(request.method, url.path, headers, request.body or b"", parse_qs(url.query))
        status, headers, body = asyncio.run(asked)
    return AWSResponse(request.url, status, headers, SimpleNamespace(stream=lambda: [body]))
