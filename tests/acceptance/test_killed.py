"""What a killed run has left is removed by the next one: on a local AWS, with the functions that were built."""

import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import warnings
from pathlib import Path

import local
from journal import Journal
from things import organization
from world import MANAGEMENT, MEMBER, TAG, Account

HERE = Path(__file__).resolve().parent
PREFIX = "killed-run"
SOMEBODY_ELSES = "killed-runner"
PATIENCE = 300
# Of each kind of thing that is made, something.
SOME = "^(Account|EcrPolicyStatement|Landing|OrganizationalUnit|SubnetShare|C1|N1|O5|P6)"


class KilledTest(unittest.TestCase):
    def setUp(self):
        # The local AWS is stopped by its pid, which Python isn't told.
        self.enterContext(warnings.catch_warnings())
        warnings.simplefilter("ignore", ResourceWarning)
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        before = dict(os.environ)
        self.addCleanup(lambda: (os.environ.clear(), os.environ.update(before)))
        profiles = self.enterContext(local.running(self.folder))
        self.accounts = [Account(role, name) for role, name in zip((MANAGEMENT, MEMBER), profiles, strict=True)]
        self.journal = Journal(self.folder / f"{PREFIX}.journal")

    def run_suite(self, *more):
        command = [sys.executable, HERE / "acceptance.py", "--local", "--local-state", self.folder / "aws"]
        command += ["--prefix", PREFIX, "--folder", self.folder, "--only", SOME, *more]
        log = (self.folder / "log").open("ab")
        self.addCleanup(log.close)
        return subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)

    def until_making(self, name, run):
        """Returns once the run has written down that it makes this."""
        deadline = time.monotonic() + PATIENCE
        while not any(name in thing.name for thing in self.journal.left()):
            self.assertIsNone(run.poll(), self.log())
            self.assertLess(time.monotonic(), deadline, self.log())
            time.sleep(0.05)

    def log(self):
        return (self.folder / "log").read_text()[-3000:]

    def there(self):
        """All that is in both accounts and carries the prefix, whatever its tags say."""
        seen = []
        for account in self.accounts:
            called = {
                "stacks": [
                    stack["StackName"]
                    for stack in account.client("cloudformation").describe_stacks()["Stacks"]
                    if stack["StackStatus"] != "DELETE_COMPLETE"
                ],
                "buckets": [bucket["Name"] for bucket in account.client("s3").list_buckets()["Buckets"]],
                "roles": [role["RoleName"] for role in account.client("iam").list_roles()["Roles"]],
                "repositories": [
                    each["repositoryName"] for each in account.client("ecr").describe_repositories()["repositories"]
                ],
                "tables": account.client("dynamodb").list_tables()["TableNames"],
                "functions": [each["FunctionName"] for each in account.client("lambda").list_functions()["Functions"]],
                "shares": [
                    share["name"]
                    for share in account.client("ram").get_resource_shares(resourceOwner="SELF")["resourceShares"]
                    if share["status"] != "DELETED"
                ],
                "keys": self.keys(account.client("kms")),
            }
            seen += [f"{kind}: {name}" for kind, names in called.items() for name in names if PREFIX in name]
        organizations = self.accounts[0].client("organizations")
        seen += [f"unit: {unit['Name']}" for unit in organization.units(organizations)]
        open_accounts = [each for each in organization.members(organizations) if organization.state(each) == "ACTIVE"]
        return seen + [f"account: {each['Name']}" for each in open_accounts if PREFIX in each["Name"]]

    def keys(self, kms):
        described = [kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"] for key in kms.list_keys()["Keys"]]
        return [each["Description"] for each in described if each["KeyState"] != "PendingDeletion"]

    def kill_while_making(self, name):
        run = self.run_suite()
        self.until_making(name, run)
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
        self.assertTrue(self.there())

    def test_a_second_run_removes_what_one_that_was_killed_while_it_deployed_has_left(self):
        self.kill_while_making(f"{PREFIX}-functions")
        self.assertEqual(self.run_suite("--clean").wait(), 0, self.log())
        self.assertEqual(self.there(), [])
        self.assertFalse(self.journal.path.exists())

    def test_without_a_journal_it_is_found_by_prefix_and_tag(self):
        self.kill_while_making(f"{PREFIX}-life-account")
        self.journal.path.unlink()
        self.assertEqual(self.run_suite("--clean").wait(), 0, self.log())
        self.assertEqual(self.there(), [])

    def test_a_closed_account_is_not_in_the_way_of_its_unit(self):
        organizations, tags = self.accounts[0].client("organizations"), [{"Key": TAG, "Value": PREFIX}]
        root = organizations.list_roots()["Roots"][0]["Id"]
        unit = organizations.create_organizational_unit(ParentId=root, Name=f"{PREFIX}-parent", Tags=tags)
        unit, name = unit["OrganizationalUnit"]["Id"], f"{PREFIX}-account"
        organizations.create_account(Email="killed@acceptance.test", AccountName=name, Tags=tags)
        (made,) = [each["Id"] for each in organization.members(organizations) if each["Name"] == name]
        organizations.move_account(AccountId=made, SourceParentId=root, DestinationParentId=unit)
        organizations.close_account(AccountId=made)
        self.assertEqual(self.run_suite("--clean").wait(), 0, self.log())
        self.assertEqual(self.there(), [])

    def test_a_run_that_is_told_to_end_removes_what_it_has_made(self):
        run = self.run_suite()
        self.until_making(f"{PREFIX}-life-account", run)
        os.kill(run.pid, signal.SIGTERM)
        self.assertEqual(run.wait(), 1, self.log())
        self.assertIn("the run was stopped", (self.folder / "report.txt").read_text())
        self.assertEqual(self.there(), [])

    def test_what_is_somebody_elses_stays(self):
        iam = self.accounts[0].client("iam")
        # One name without the prefix, and one with it but without the tag.
        for name in (SOMEBODY_ELSES, f"{PREFIX}-untagged"):
            iam.create_role(RoleName=name, AssumeRolePolicyDocument='{"Version": "2012-10-17", "Statement": []}')
        self.assertEqual(self.run_suite("--clean").wait(), 0, self.log())
        names = [role["RoleName"] for role in iam.list_roles()["Roles"]]
        self.assertLessEqual({SOMEBODY_ELSES, f"{PREFIX}-untagged"}, set(names))


if __name__ == "__main__":
    unittest.main()
