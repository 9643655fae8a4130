"""That CloudFormation in ministack, with the rules, gives StackSets access to an organization in moto, and takes it."""

import asyncio
import os
import re
import unittest
from unittest import mock

from ministack.core.responses import request_scope
from ministack.services import cloudformation

import membership
import stack_set_rules
from moto_case import MANAGEMENT, STANDALONE, MotoCase

SERVICE = stack_set_rules.SERVICE
INVALID = "InvalidOperationException"


class StackSetRules(MotoCase):
    def setUp(self):
        super().setUp()
        membership.organizations.cache_clear()
        stack_set_rules._activated.clear()
        self.enterContext(mock.patch.dict(os.environ, {"AWS_ENDPOINT_URL_ORGANIZATIONS": self.endpoint}))

    def asked(self, verb, account=MANAGEMENT, region="us-east-1"):
        """The status or the code that an answer holds, if any."""
        form = {"Action": [f"{verb}OrganizationsAccess"]}
        with request_scope(account, region):
            status, _, body = asyncio.run(cloudformation.handle_request("POST", "/", {}, b"", form))
        found = re.search("<(Status|Code)>(.*?)</", body.decode())
        self.assertEqual(status, 400 if found and found[1] == "Code" else 200)
        return found and found[2]

    def trusted(self):
        listed = self.organizations.list_aws_service_access_for_organization()["EnabledServicePrincipals"]
        return [each["ServicePrincipal"] for each in listed]

    def member(self):
        made = self.organizations.create_account(AccountName="member", Email="aws+member@example.com")
        request = {"CreateAccountRequestId": made["CreateAccountStatus"]["Id"]}
        return self.organizations.describe_create_account_status(**request)["CreateAccountStatus"]["AccountId"]

    def test_that_the_service_is_trusted_gives_no_access(self):
        self.organizations.enable_aws_service_access(ServicePrincipal=SERVICE)
        self.assertEqual(self.asked("Describe"), "DISABLED")

    def test_the_access_comes_and_goes_with_the_trust_in_the_service(self):
        self.assertEqual((self.asked("Describe"), self.trusted()), ("DISABLED", []))
        for _ in range(2):
            self.assertIsNone(self.asked("Activate"))
            self.assertEqual((self.asked("Describe"), self.trusted()), ("ENABLED", [SERVICE]))
        self.assertIsNone(self.asked("Deactivate"))
        self.assertEqual((self.asked("Describe"), self.trusted()), ("DISABLED", []))
        self.assertEqual(self.asked("Deactivate"), INVALID)

    def test_it_is_the_same_in_every_region(self):
        self.asked("Activate", region="eu-west-1")
        self.assertEqual(self.asked("Describe", region="ap-southeast-2"), "ENABLED")

    def test_delegated_administrators_keep_it(self):
        self.asked("Activate")
        delegated = {"AccountId": self.member(), "ServicePrincipal": SERVICE}
        self.organizations.register_delegated_administrator(**delegated)
        self.assertEqual(self.asked("Deactivate"), INVALID)
        self.organizations.deregister_delegated_administrator(**delegated)
        self.assertIsNone(self.asked("Deactivate"))

    def test_only_the_management_account_of_an_organization_with_all_features_may_ask(self):
        self.client("organizations", "333333333333").create_organization(FeatureSet="CONSOLIDATED_BILLING")
        for account in (self.member(), STANDALONE, "333333333333"):
            for verb in ("Describe", "Activate", "Deactivate"):
                self.assertEqual(self.asked(verb, account), INVALID)


if __name__ == "__main__":
    unittest.main()
