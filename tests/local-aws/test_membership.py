"""That conditions read of an account where it is in its organization by now."""

import os
import unittest
from unittest import mock

import membership
from moto_case import MANAGEMENT, STANDALONE, MotoCase

NONE = {"aws:principalorgid": None, "aws:principalorgpaths": None}


class Membership(MotoCase):
    def setUp(self):
        super().setUp()
        membership.organizations.cache_clear()
        self.enterContext(mock.patch.dict(os.environ, {"AWS_ENDPOINT_URL_ORGANIZATIONS": self.endpoint}))
        self.organization = self.organizations.describe_organization()["Organization"]["Id"]

    def account(self, **tags):
        tags = [{"Key": f"local:{key}-seconds", "Value": value} for key, value in tags.items()]
        made = self.organizations.create_account(AccountName="member", Email="aws+member@example.com", Tags=tags)
        request = {"CreateAccountRequestId": made["CreateAccountStatus"]["Id"]}
        return self.organizations.describe_create_account_status(**request)["CreateAccountStatus"]["AccountId"]

    def unit(self, parent, name):
        made = self.organizations.create_organizational_unit(ParentId=parent, Name=name)
        return made["OrganizationalUnit"]["Id"]

    def path(self, account):
        keys = membership.condition_keys(account)
        self.assertEqual(keys["aws:principalorgid"], self.organization)
        (path,) = keys["aws:principalorgpaths"]
        return path.removeprefix(f"{self.organization}/")

    def test_an_account_has_the_path_of_all_units_above_it_and_another_one_after_a_move(self):
        workloads = self.unit(self.root, "Workloads")
        application = self.unit(workloads, "app")
        account = self.account()
        self.assertEqual(self.path(account), f"{self.root}/")
        self.assertEqual(self.path(MANAGEMENT), f"{self.root}/")
        move = {"AccountId": account, "SourceParentId": self.root, "DestinationParentId": application}
        self.organizations.move_account(**move)
        self.assertEqual(self.path(account), f"{self.root}/{workloads}/{application}/")
        move = {"AccountId": account, "SourceParentId": application, "DestinationParentId": workloads}
        self.organizations.move_account(**move)
        self.assertEqual(self.path(account), f"{self.root}/{workloads}/")

    def test_an_account_without_an_organization_has_no_path(self):
        self.assertEqual(membership.condition_keys(STANDALONE), NONE)
        account = self.account()
        self.organizations.remove_account_from_organization(AccountId=account)
        self.assertEqual(membership.condition_keys(account), NONE)

    def test_an_account_that_does_not_know_its_organization_yet_has_no_path(self):
        account = self.account(known="60")
        self.assertEqual(membership.condition_keys(account), NONE)
        self.clock.now += 61
        self.assertEqual(self.path(account), f"{self.root}/")


if __name__ == "__main__":
    unittest.main()
