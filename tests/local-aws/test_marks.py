"""That the record of the calls knows which of our marks things carry."""

import unittest

from marks import carried
from moto_case import MotoCase

MARK = "archipelago:owner"


class Marks(MotoCase):
    def test_a_unit_an_account_and_a_share_are_told_with_the_marks_that_they_carry(self):
        tags = [{"Key": MARK, "Value": "a"}, {"Key": "stage", "Value": "b"}]
        unit = self.organizations.create_organizational_unit(ParentId=self.root, Name="Workloads", Tags=tags)
        unit = unit["OrganizationalUnit"]["Id"]
        made = self.organizations.create_account(Email="a@example.com", AccountName="a")["CreateAccountStatus"]["Id"]
        account = self.organizations.describe_create_account_status(CreateAccountRequestId=made)
        account = account["CreateAccountStatus"]["AccountId"]
        share = self.client("ram").create_resource_share(name="net", tags=[{"key": MARK, "value": "a"}])
        share = share["resourceShare"]["resourceShareArn"]
        quoted = share.replace(":", "%3A").replace("/", "%2F")
        self.assertEqual(carried("", f"{unit} {account}"), {unit: [MARK], account: []})
        self.assertEqual(carried(f"resourceShareArn={quoted}", "")[share], [MARK])
        self.assertEqual(carried("", b"others"), {})


if __name__ == "__main__":
    unittest.main()
