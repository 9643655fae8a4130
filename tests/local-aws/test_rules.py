"""That moto, with the rules, does to an organization what AWS does: run with the servers' Python."""

import json
import os
import unittest
import urllib.request
from unittest import mock

from botocore.exceptions import ClientError

from moto_case import MANAGEMENT, STANDALONE, WHILE, MotoCase
from organizations_rules import MODEL


class Rules(MotoCase):
    def create(self, name, email=None, **more):
        request = {"AccountName": name, "Email": email or f"aws+{name}@example.com", **more}
        return self.organizations.create_account(**request)["CreateAccountStatus"]

    def status(self, request):
        found = self.organizations.describe_create_account_status(CreateAccountRequestId=request["Id"])
        return found["CreateAccountStatus"]

    def account(self, name, **more):
        return self.status(self.create(name, **more))["AccountId"]

    def unit(self, name, parent=None):
        made = self.organizations.create_organizational_unit(ParentId=parent or self.root, Name=name)
        return made["OrganizationalUnit"]["Id"]

    def names(self):
        pages = self.organizations.get_paginator("list_accounts").paginate()
        return [account["Name"] for page in pages for account in page["Accounts"]]

    def state(self, account):
        return self.organizations.describe_account(AccountId=account)["Account"]["State"]

    def test_a_unit_has_fifty_tags_at_most(self):
        unit = self.unit("tagged")
        tags = [{"Key": str(number), "Value": ""} for number in range(50)]
        self.organizations.tag_resource(ResourceId=unit, Tags=tags)
        self.organizations.tag_resource(ResourceId=unit, Tags=[{"Key": "0", "Value": "again"}])
        with self.assertRaises(ClientError) as refused:
            self.organizations.tag_resource(ResourceId=unit, Tags=[{"Key": "one more", "Value": ""}])
        self.assertEqual(refused.exception.response["Error"]["Code"], "ConstraintViolationException")

    def test_a_creation_is_in_progress_until_its_time_has_come(self):
        made = self.create("slow", Tags=takes("creation", WHILE))
        self.assertEqual(made["State"], "IN_PROGRESS")
        self.assertNotIn("AccountId", made)
        self.assertEqual(self.status(made)["State"], "IN_PROGRESS")
        self.assertNotIn("slow", self.names())
        self.clock.now += WHILE
        made = self.status(made)
        self.assertEqual(made["State"], "SUCCEEDED")
        self.assertIn("slow", self.names())
        (parent,) = self.organizations.list_parents(ChildId=made["AccountId"])["Parents"]
        self.assertEqual(parent, {"Id": self.root, "Type": "ROOT"})

    def test_a_creation_awaits_a_unit_if_its_account_says_so(self):
        made = self.create("waits", Tags=[{"Key": "local:creation-awaits", "Value": "there"}])
        self.clock.now += 60
        self.assertEqual(self.status(made)["State"], "IN_PROGRESS")
        self.unit("there")
        self.assertEqual(self.status(made)["State"], "SUCCEEDED")

    def test_a_creation_is_in_progress_first_even_if_it_takes_no_time(self):
        made = self.create("quick")
        self.assertEqual(made["State"], "IN_PROGRESS")
        self.assertEqual(self.status(made)["State"], "SUCCEEDED")

    def test_an_account_has_the_tags_that_it_was_created_with(self):
        account = self.account("tagged", Tags=[{"Key": "stage", "Value": "test"}])
        tags = self.organizations.list_tags_for_resource(ResourceId=account)["Tags"]
        self.assertEqual(tags, [{"Key": "stage", "Value": "test"}])

    def test_an_address_is_taken_once_in_any_case_and_in_any_organization(self):
        self.account("one", email="aws+one@example.com")
        again = self.status(self.create("two", email="AWS+One@example.com"))
        self.assertEqual((again["State"], again["FailureReason"]), ("FAILED", "EMAIL_ALREADY_EXISTS"))
        self.assertNotIn("AccountId", again)
        self.assertNotIn("two", self.names())
        other = self.client("organizations", STANDALONE)
        other.create_organization(FeatureSet="ALL")
        made = other.create_account(AccountName="three", Email="aws+one@example.com")["CreateAccountStatus"]
        made = other.describe_create_account_status(CreateAccountRequestId=made["Id"])["CreateAccountStatus"]
        self.assertEqual(made["FailureReason"], "EMAIL_ALREADY_EXISTS")

    def test_an_address_is_taken_while_its_account_is_being_made(self):
        self.create("one", Tags=takes("creation", 60))
        again = self.status(self.create("two", email="aws+one@example.com"))
        self.assertEqual(again["FailureReason"], "EMAIL_ALREADY_EXISTS")

    def test_five_accounts_are_made_at_a_time(self):
        for number in range(5):
            self.create(f"account-{number}", Tags=takes("creation", WHILE))
        with self.assertRaises(ClientError) as raised:
            self.create("one-more")
        self.assertEqual(raised.exception.response["Reason"], "ACCOUNT_CREATION_RATE_LIMIT_EXCEEDED")
        self.clock.now += WHILE
        self.create("one-more")

    def test_requests_are_listed_by_state_and_the_management_account_is_none(self):
        slow = self.create("slow", Tags=takes("creation", 60))
        done = self.create("done")
        failed = self.create("failed", email="aws+done@example.com")
        for state, request in (("IN_PROGRESS", slow), ("SUCCEEDED", done), ("FAILED", failed)):
            listed = self.organizations.list_create_account_status(States=[state])["CreateAccountStatuses"]
            self.assertEqual([each["Id"] for each in listed], [request["Id"]], state)
        self.assertEqual(len(self.organizations.list_create_account_status()["CreateAccountStatuses"]), 3)

    def test_lists_come_in_pages_and_are_whole(self):
        for number in range(45):
            self.create(f"account-{number}")
        first = self.organizations.list_accounts()
        self.assertEqual((len(first["Accounts"]), "NextToken" in first), (20, True))
        self.assertEqual(len(set(self.names())), 46)
        pages = self.organizations.get_paginator("list_create_account_status").paginate()
        self.assertEqual(len({each["Id"] for page in pages for each in page["CreateAccountStatuses"]}), 45)

    def test_an_unknown_request_is_not_found(self):
        code = self.refused(self.organizations.describe_create_account_status, CreateAccountRequestId="car-00000000")
        self.assertEqual(code, "CreateAccountStatusNotFoundException")

    def test_an_account_closes_in_two_steps_and_once(self):
        account = self.account("old", Tags=takes("closing", WHILE))
        self.organizations.close_account(AccountId=account)
        self.assertEqual(self.state(account), "PENDING_CLOSURE")
        self.assertEqual(
            self.refused(self.organizations.close_account, AccountId=account), "AccountAlreadyClosedException"
        )
        self.clock.now += WHILE
        self.assertEqual(self.state(account), "SUSPENDED")
        self.assertEqual(
            self.refused(self.organizations.close_account, AccountId=account), "AccountAlreadyClosedException"
        )
        self.assertEqual(
            self.refused(self.organizations.close_account, AccountId="999999999999"), "AccountNotFoundException"
        )

    def test_the_management_account_is_not_closed(self):
        with self.assertRaises(ClientError) as raised:
            self.organizations.close_account(AccountId=MANAGEMENT)
        self.assertEqual(raised.exception.response["Reason"], "CANNOT_CLOSE_MANAGEMENT_ACCOUNT")

    def test_an_account_has_a_state_and_no_status(self):
        account = self.account("one")
        for operation, request in (("ListAccounts", {}), ("DescribeAccount", {"AccountId": account})):
            answer = self.raw(operation, request)
            for described in answer.get("Accounts", [answer.get("Account")]):
                self.assertEqual((described["State"], "Status" in described), ("ACTIVE", False), operation)

    def test_a_move_is_refused_with_what_is_wrong_with_it(self):
        account, here, there = self.account("one"), self.unit("here"), self.unit("there")
        gone = f"{here[:-8]}00000000"

        def move(code, source, destination, account=account):
            request = {"AccountId": account, "SourceParentId": source, "DestinationParentId": destination}
            self.assertEqual(self.refused(self.organizations.move_account, **request), code)

        self.organizations.move_account(AccountId=account, SourceParentId=self.root, DestinationParentId=here)
        move("DuplicateAccountException", self.root, here)
        move("SourceParentNotFoundException", self.root, there)
        move("SourceParentNotFoundException", gone, there)
        move("DestinationParentNotFoundException", here, gone)
        move("AccountNotFoundException", here, there, "999999999999")

    def test_a_unit_is_named_once_below_its_parent_and_deleted_when_it_is_empty(self):
        outer = self.unit("Outer")
        inner = self.unit("Inner", outer)
        request = {"ParentId": self.root, "Name": "Outer"}
        self.assertEqual(
            self.refused(self.organizations.create_organizational_unit, **request),
            "DuplicateOrganizationalUnitException",
        )
        self.unit("Outer", outer)
        request = {"OrganizationalUnitId": inner, "Name": "Outer"}
        self.assertEqual(
            self.refused(self.organizations.update_organizational_unit, **request),
            "DuplicateOrganizationalUnitException",
        )
        self.assertEqual(
            self.refused(self.organizations.delete_organizational_unit, OrganizationalUnitId=outer),
            "OrganizationalUnitNotEmptyException",
        )

    def test_a_new_unit_is_unknown_as_a_parent_for_a_while(self):
        self.enterContext(mock.patch.dict(os.environ, {"UNIT_KNOWN_SECONDS": str(WHILE)}))
        account, unit = self.account("one"), self.unit("new")
        inner = {"ParentId": unit, "Name": "Inner"}
        move = {"AccountId": account, "SourceParentId": self.root, "DestinationParentId": unit}
        self.assertEqual(
            self.refused(self.organizations.create_organizational_unit, **inner), "ParentNotFoundException"
        )
        self.assertEqual(self.refused(self.organizations.move_account, **move), "DestinationParentNotFoundException")
        self.clock.now += WHILE
        self.organizations.create_organizational_unit(**inner)
        self.organizations.move_account(**move)

    def test_a_member_reads_units_and_accounts_as_long_as_it_is_a_delegated_administrator(self):
        unit = self.organizations.create_organizational_unit(ParentId=self.root, Name="app")["OrganizationalUnit"]
        account = self.account("member")
        member = self.client("organizations", account)
        delegated = {"AccountId": account, "ServicePrincipal": "ssm.amazonaws.com"}
        asked = (
            (member.describe_organizational_unit, {"OrganizationalUnitId": unit["Id"]}),
            (member.describe_account, {"AccountId": account}),
            (member.list_parents, {"ChildId": account}),
            (member.list_roots, {}),
        )
        for call, request in asked:
            self.assertEqual(self.refused(call, **request), "AccessDeniedException")
        self.organizations.register_delegated_administrator(**delegated)
        for call, request in asked:
            call(**request)
        self.assertEqual(member.describe_organizational_unit(**asked[0][1])["OrganizationalUnit"]["Arn"], unit["Arn"])
        for call, request in (
            (member.create_organizational_unit, {"ParentId": self.root, "Name": "other"}),
            (member.close_account, {"AccountId": account}),
        ):
            self.assertEqual(self.refused(call, **request), "AccessDeniedException")
        self.organizations.deregister_delegated_administrator(**delegated)
        self.assertEqual(self.refused(asked[0][0], **asked[0][1]), "AccessDeniedException")

    def test_a_member_sees_its_organization_and_may_not_manage_it(self):
        member = self.client("organizations", self.account("member"))
        described = member.describe_organization()["Organization"]
        self.assertEqual(described["MasterAccountId"], MANAGEMENT)
        for call in (member.list_roots, member.list_accounts, member.list_aws_service_access_for_organization):
            self.assertEqual(self.refused(call), "AccessDeniedException")
        self.assertEqual(self.refused(member.create_organization, FeatureSet="ALL"), "AlreadyInOrganizationException")

    def test_an_account_in_no_organization_is_told_so(self):
        alone = self.client("organizations", STANDALONE)
        for call in (alone.describe_organization, alone.list_roots, alone.list_accounts):
            self.assertEqual(self.refused(call), "AWSOrganizationsNotInUseException")

    def types(self):
        types = self.organizations.list_roots()["Roots"][0]["PolicyTypes"]
        self.assertEqual({each["Status"] for each in types}, {"ENABLED"})
        return [each["Type"] for each in types]

    def test_policy_types_are_enabled_and_disabled_once(self):
        self.assertEqual(self.types(), ["SERVICE_CONTROL_POLICY"])
        for kind in ("TAG_POLICY", "DECLARATIVE_POLICY_EC2"):
            request = {"RootId": self.root, "PolicyType": kind}
            self.organizations.enable_policy_type(**request)
            self.assertIn(kind, self.types())
            self.assertEqual(
                self.refused(self.organizations.enable_policy_type, **request), "PolicyTypeAlreadyEnabledException"
            )
            self.organizations.disable_policy_type(**request)
            self.assertNotIn(kind, self.types())
            self.assertEqual(
                self.refused(self.organizations.disable_policy_type, **request), "PolicyTypeNotEnabledException"
            )
        request = {"RootId": "r-0000", "PolicyType": "TAG_POLICY"}
        self.assertEqual(self.refused(self.organizations.enable_policy_type, **request), "RootNotFoundException")
        request = {"RootId": self.root, "PolicyType": "NO_POLICY"}
        self.assertEqual(self.refused(self.organizations.enable_policy_type, **request), "InvalidInputException")

    def test_a_policy_type_is_switched_in_the_background_and_no_other_one_meanwhile(self):
        self.enterContext(mock.patch.dict(os.environ, {"POLICY_TYPE_SECONDS": str(WHILE)}))
        request = {"RootId": self.root, "PolicyType": "TAG_POLICY"}
        for switch, status in (
            (self.organizations.enable_policy_type, "PENDING_ENABLE"),
            (self.organizations.disable_policy_type, "PENDING_DISABLE"),
        ):
            answered = switch(**request)["Root"]["PolicyTypes"]
            for listed in (answered, self.organizations.list_roots()["Roots"][0]["PolicyTypes"]):
                self.assertIn({"Type": "TAG_POLICY", "Status": status}, listed)
            for other in (self.organizations.enable_policy_type, self.organizations.disable_policy_type):
                self.assertEqual(self.refused(other, **request), "PolicyChangesInProgressException")
            self.clock.now += WHILE
            self.assertEqual("TAG_POLICY" in self.types(), status == "PENDING_ENABLE")

    def test_a_policy_type_of_a_service_is_on_only_while_the_service_is_trusted(self):
        policy_type = {"RootId": self.root, "PolicyType": "SECURITYHUB_POLICY"}
        service = {"ServicePrincipal": "securityhub.amazonaws.com"}

        def violated(call, request):
            with self.assertRaises(ClientError) as raised:
                call(**request)
            return raised.exception.response["Reason"]

        self.assertEqual(violated(self.organizations.enable_policy_type, policy_type), "SERVICE_ACCESS_NOT_ENABLED")
        self.organizations.enable_aws_service_access(**service)
        self.organizations.enable_policy_type(**policy_type)
        self.assertEqual(
            violated(self.organizations.disable_aws_service_access, service), "POLICY_TYPE_ENABLED_FOR_THIS_SERVICE"
        )
        self.organizations.disable_policy_type(**policy_type)
        self.organizations.disable_aws_service_access(**service)
        self.assertEqual(self.trusted(), [])

    def test_consolidated_billing_has_no_policies_and_shares_nothing(self):
        other = self.client("organizations", STANDALONE)
        other.create_organization(FeatureSet="CONSOLIDATED_BILLING")
        root = other.list_roots()["Roots"][0]
        self.assertEqual(root["PolicyTypes"], [])
        self.assertEqual(
            self.refused(other.enable_policy_type, RootId=root["Id"], PolicyType="TAG_POLICY"),
            "PolicyTypeNotAvailableForOrganizationException",
        )
        ram = self.client("ram", STANDALONE)
        self.assertEqual(self.refused(ram.enable_sharing_with_aws_organization), "OperationNotPermittedException")

    def trusted(self):
        listed = self.organizations.list_aws_service_access_for_organization()["EnabledServicePrincipals"]
        return [each["ServicePrincipal"] for each in listed]

    def test_services_are_trusted_by_name_and_twice_is_once(self):
        for _ in range(2):
            self.organizations.enable_aws_service_access(ServicePrincipal="config.amazonaws.com")
        self.assertEqual(self.trusted(), ["config.amazonaws.com"])
        request = {"ServicePrincipal": "no-such-service.amazonaws.com"}
        self.assertEqual(self.refused(self.organizations.enable_aws_service_access, **request), "InvalidInputException")
        self.organizations.disable_aws_service_access(ServicePrincipal="config.amazonaws.com")
        self.assertEqual(self.trusted(), [])

    def test_sharing_is_switched_on_by_the_management_account_and_trusts_ram(self):
        self.assertTrue(self.client("ram").enable_sharing_with_aws_organization()["returnValue"])
        self.assertEqual(self.trusted(), ["ram.amazonaws.com"])
        for account in (self.account("member"), STANDALONE):
            ram = self.client("ram", account)
            self.assertEqual(self.refused(ram.enable_sharing_with_aws_organization), "OperationNotPermittedException")

    def assume(self, account):
        arn = f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole"
        return self.client("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]

    def test_whoever_assumes_a_role_is_in_its_account(self):
        account = self.account("one")
        keys = self.assume(account)
        identity = self.client("sts", keys["AccessKeyId"], keys["SessionToken"]).get_caller_identity()
        self.assertEqual(identity["Account"], account)
        self.assertTrue(identity["Arn"].endswith(":assumed-role/OrganizationAccountAccessRole/test"), identity["Arn"])

    def test_the_role_of_an_account_that_is_not_there_or_not_ready_is_out_of_reach(self):
        unready = self.account("unready", Tags=takes("ready", WHILE))
        closed = self.account("closed")
        self.organizations.close_account(AccountId=closed)
        for account in (unready, closed, "999999999999"):
            with self.assertRaises(ClientError) as raised:
                self.assume(account)
            self.assertEqual(raised.exception.response["Error"]["Code"], "AccessDenied")
        self.clock.now += WHILE
        self.assume(unready)

    def test_a_region_that_is_off_in_a_member_assumes_no_role_there_and_the_management_account_has_none(self):
        account = self.account("one")
        for region, code in (("eu-south-1", "RegionDisabledException"), ("eu-west-1", None)):
            sts = self.client("sts", region=region)
            request = {
                "RoleArn": f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole",
                "RoleSessionName": "test",
            }
            if code:
                self.assertEqual(self.refused(sts.assume_role, **request), code)
            else:
                sts.assume_role(**request)
        with self.assertRaises(ClientError) as raised:
            self.assume(MANAGEMENT)
        self.assertEqual(raised.exception.response["Error"]["Code"], "AccessDenied")

    def test_a_member_is_renamed_once_account_management_is_trusted(self):
        rename = self.client("account").put_account_name
        account = self.account("old")
        request = {"AccountId": account, "AccountName": "new"}
        self.assertEqual(self.refused(rename, **request), "AccessDeniedException")
        self.organizations.enable_aws_service_access(ServicePrincipal="account.amazonaws.com")
        rename(**request)
        self.assertIn("new", self.names())
        for name in ("a<b", "a>b", "x" * 51):
            self.assertEqual(self.refused(rename, AccountId=account, AccountName=name), "ValidationException")
        for other in (MANAGEMENT, STANDALONE):
            self.assertEqual(self.refused(rename, AccountId=other, AccountName="new"), "AccessDeniedException")

    def test_answers_have_no_member_that_the_service_s_model_lacks(self):
        unit = self.unit("Unit")
        account = self.account("one")
        request = self.create("two")["Id"]
        for operation, body in (
            ("DescribeOrganization", {}),
            ("ListRoots", {}),
            ("ListAccounts", {}),
            ("DescribeAccount", {"AccountId": account}),
            ("CreateAccount", {"AccountName": "three", "Email": "aws+three@example.com"}),
            ("DescribeCreateAccountStatus", {"CreateAccountRequestId": request}),
            ("ListCreateAccountStatus", {}),
            ("ListParents", {"ChildId": account}),
            ("ListAccountsForParent", {"ParentId": self.root}),
            ("ListOrganizationalUnitsForParent", {"ParentId": self.root}),
            ("ListTagsForResource", {"ResourceId": unit}),
            ("ListAWSServiceAccessForOrganization", {}),
        ):
            shape = MODEL.operation_model(operation).output_shape
            self.assertEqual(strangers(self.raw(operation, body), shape, operation), [])

    def raw(self, operation, body):
        """An answer as it is, before an SDK has taken away what it doesn't know."""
        headers = {
            "content-type": "application/x-amz-json-1.1",
            "x-amz-target": f"AWSOrganizationsV20161128.{operation}",
            "authorization": f"AWS4-HMAC-SHA256 Credential={MANAGEMENT}/20260101/us-east-1/organizations/aws4_request",
        }
        request = urllib.request.Request(self.endpoint, json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)


def takes(what, seconds):
    return [{"Key": f"local:{what}-seconds", "Value": str(seconds)}]


def strangers(value, shape, path):
    """The paths of members that a shape doesn't have."""
    if shape.type_name == "structure":
        found = [f"{path}.{name}" for name in value if name not in shape.members]
        for name, member in shape.members.items():
            if value.get(name) is not None:
                found += strangers(value[name], member, f"{path}.{name}")
        return found
    if shape.type_name == "list":
        return [found for part in value for found in strangers(part, shape.member, path)]
    return []


if __name__ == "__main__":
    unittest.main()
