"""That moto, with the rules, shares resources as AWS does: run with the servers' Python."""

import datetime
import json
import os
import unittest
from unittest import mock

from botocore.exceptions import ClientError

from moto_case import MANAGEMENT, STANDALONE, WHILE, MotoCase

SUBNET = f"arn:aws:ec2:us-east-1:{MANAGEMENT}:subnet/subnet-11111111111111111"
OTHER_SUBNET = f"arn:aws:ec2:us-east-1:{MANAGEMENT}:subnet/subnet-22222222222222222"
RULE = f"arn:aws:route53resolver:us-east-1:{MANAGEMENT}:resolver-rule/rslvr-rr-1"
NOWHERE = f"arn:aws:ram:us-east-1:{MANAGEMENT}:resource-share/00000000-0000-0000-0000-000000000000"
# The API's model requires no member of an answer; without these, none says anything.
ALWAYS = {
    "ResourceShare": {"resourceShareArn", "name", "owningAccountId", "allowExternalPrincipals", "status"},
    "ResourceShareAssociation": {
        "resourceShareArn",
        "resourceShareName",
        "associatedEntity",
        "associationType",
        "status",
        "external",
    },
    "Resource": {"arn", "type", "resourceShareArn", "status"},
    "GetResourceSharesResponse": {"resourceShares"},
    "GetResourceShareAssociationsResponse": {"resourceShareAssociations"},
    "ListResourcesResponse": {"resources"},
    "CreateResourceShareResponse": {"resourceShare"},
    "UpdateResourceShareResponse": {"resourceShare"},
    "AssociateResourceShareResponse": {"resourceShareAssociations"},
    "DisassociateResourceShareResponse": {"resourceShareAssociations"},
    "DeleteResourceShareResponse": {"returnValue"},
}
TYPES = {
    "string": str,
    "boolean": bool,
    "list": list,
    "structure": dict,
    "timestamp": (int, float),
}


class RamRules(MotoCase):
    def setUp(self):
        super().setUp()
        self.answered = set()
        self.ram = self.client("ram")
        self.ram.enable_sharing_with_aws_organization()
        unit = self.organizations.create_organizational_unit(ParentId=self.root, Name="Unit")["OrganizationalUnit"]
        self.unit = unit["Arn"]
        self.organization = self.organizations.describe_organization()["Organization"]["Arn"]
        self.member = self.account("member")

    def client(self, service, account=MANAGEMENT, token=None):
        client = super().client(service, account, token)
        client.meta.events.register("after-call.ram", self.is_as_modelled)
        return client

    def is_as_modelled(self, http_response, model, **_):
        """Every answer in these tests, as it is before the SDK takes away what it doesn't know."""
        if http_response.status_code == 200:
            self.answered.add(model.name)
            answer = json.loads(http_response.content)
            self.assertEqual(departures(answer, model.output_shape, model.name), [])

    def account(self, name):
        request = {"AccountName": name, "Email": f"aws+{name}@example.com"}
        made = self.organizations.create_account(**request)["CreateAccountStatus"]
        made = self.organizations.describe_create_account_status(CreateAccountRequestId=made["Id"])
        return made["CreateAccountStatus"]["AccountId"]

    def create(self, name="share", **more):
        return self.ram.create_resource_share(name=name, **more)["resourceShare"]["resourceShareArn"]

    def move(self, account, unit):
        self.organizations.move_account(AccountId=account, SourceParentId=self.root, DestinationParentId=unit)

    def resources(self, account, owner="OTHER-ACCOUNTS", **filters):
        pages = self.client("ram", account).get_paginator("list_resources").paginate(resourceOwner=owner, **filters)
        return [resource["arn"] for page in pages for resource in page["resources"]]

    def shares(self, ram=None, **filters):
        pages = (ram or self.ram).get_paginator("get_resource_shares").paginate(resourceOwner="SELF", **filters)
        return [share for page in pages for share in page["resourceShares"]]

    def status(self, arn):
        (share,) = self.shares(resourceShareArns=[arn])
        return share["status"]

    def associations(self, kind, **filters):
        pages = self.ram.get_paginator("get_resource_share_associations").paginate(associationType=kind, **filters)
        return [association for page in pages for association in page["resourceShareAssociations"]]

    def statuses(self, arn):
        found = [
            each for kind in ("PRINCIPAL", "RESOURCE") for each in self.associations(kind, resourceShareArns=[arn])
        ]
        return {each["associatedEntity"]: each["status"] for each in found}

    def message(self, call, code, **request):
        """What the refusal says, which must be of that code."""
        with self.assertRaises(ClientError) as raised:
            call(**request)
        self.assertEqual(self.refused(call, **request), code)
        return raised.exception.response["Error"]["Message"]

    def test_a_new_account_is_no_member_to_ram_for_a_while_and_knows_no_organization(self):
        with mock.patch.dict(os.environ, {"ACCOUNT_KNOWN_SECONDS": "60"}):
            new = self.account("new")
        closed = {"name": "share", "allowExternalPrincipals": False, "principals": [new]}
        said = self.message(self.ram.create_resource_share, "InvalidParameterException", **closed)
        self.assertTrue(said.startswith(f"Principal {new} is not in your AWS organization."), said)
        describe = self.client("organizations", new).describe_organization
        self.assertEqual(self.refused(describe), "AWSOrganizationsNotInUseException")
        self.clock.now += 60
        self.ram.create_resource_share(**closed)
        self.assertEqual(describe()["Organization"]["Arn"], self.organization)

    def test_a_share_is_active_with_all_that_it_was_created_with(self):
        tags = [{"key": "stage", "value": "test"}]
        arn = self.create(tags=tags, principals=[self.member, self.unit, self.organization], resourceArns=[SUBNET])
        (share,) = self.shares()
        self.assertEqual((share["status"], share["tags"], share["allowExternalPrincipals"]), ("ACTIVE", tags, True))
        self.assertEqual(share["owningAccountId"], MANAGEMENT)
        self.assertIsInstance(share["creationTime"], datetime.datetime)
        entities = [self.member, self.unit, self.organization, SUBNET]
        self.assertEqual(self.statuses(arn), dict.fromkeys(entities, "ASSOCIATED"))

    def test_a_share_and_its_associations_take_their_time_to_come_and_to_go(self):
        arn = self.create(tags=takes(share=WHILE, association=WHILE), principals=[self.unit], resourceArns=[SUBNET])
        self.assertEqual((self.status(arn), self.statuses(arn)[SUBNET]), ("PENDING", "ASSOCIATING"))
        code = self.refused(self.ram.associate_resource_share, resourceShareArn=arn, principals=[self.member])
        self.assertEqual(code, "InvalidStateTransitionException")
        self.clock.now += WHILE
        self.assertEqual((self.status(arn), self.statuses(arn)[SUBNET]), ("ACTIVE", "ASSOCIATING"))
        code = self.refused(self.ram.delete_resource_share, resourceShareArn=arn)
        self.assertEqual(code, "InvalidStateTransitionException")
        self.clock.now += WHILE
        self.assertEqual(self.statuses(arn), {self.unit: "ASSOCIATED", SUBNET: "ASSOCIATED"})
        self.assertTrue(self.ram.delete_resource_share(resourceShareArn=arn)["returnValue"])
        self.assertEqual((self.status(arn), self.statuses(arn)[SUBNET]), ("DELETING", "DISASSOCIATING"))
        self.clock.now += WHILE
        self.assertEqual((self.status(arn), self.statuses(arn)[SUBNET]), ("DELETED", "DISASSOCIATED"))
        for gone in (*self.shares(), *self.associations("RESOURCE")):
            self.assertGreater(gone["lastUpdatedTime"] - gone["creationTime"], datetime.timedelta(seconds=2 * WHILE))

    def test_the_times_of_all_shares_are_told_by_the_environment(self):
        with mock.patch.dict(os.environ, {"RAM_SHARE_SECONDS": "60", "RAM_ASSOCIATION_SECONDS": "60"}):
            slow = self.create()
            quick = self.create(tags=takes(share=0))
            self.ram.associate_resource_share(resourceShareArn=quick, principals=[self.member])
        self.assertEqual((self.status(slow), self.status(quick)), ("PENDING", "ACTIVE"))
        self.assertEqual(self.statuses(quick), {self.member: "ASSOCIATING"})

    def test_what_is_gone_lingers_until_its_time_has_come(self):
        arn = self.create(tags=takes(linger=WHILE), principals=[self.member])
        self.ram.disassociate_resource_share(resourceShareArn=arn, principals=[self.member])
        self.assertEqual(self.statuses(arn), {self.member: "DISASSOCIATED"})
        self.clock.now += WHILE
        self.assertEqual(self.statuses(arn), {})
        self.ram.delete_resource_share(resourceShareArn=arn)
        self.assertEqual([share["status"] for share in self.shares()], ["DELETED"])
        for call in (self.ram.delete_resource_share, self.ram.update_resource_share):
            self.assertEqual(self.refused(call, resourceShareArn=arn), "UnknownResourceException")
        self.clock.now += WHILE
        self.assertEqual(self.shares(), [])

    def test_a_client_token_makes_one_share_and_takes_no_other_parameters(self):
        arn = self.create(clientToken="token", principals=[self.unit])
        self.assertEqual(self.create(clientToken="token", principals=[self.unit]), arn)
        self.assertEqual(len(self.shares()), 1)
        code = self.refused(self.ram.create_resource_share, name="share", clientToken="token")
        self.assertEqual(code, "IdempotentParameterMismatchException")
        self.assertNotEqual(self.create(clientToken="another"), arn)
        answer = self.ram.associate_resource_share(resourceShareArn=arn, principals=[self.member], clientToken="token")
        self.assertEqual(answer["clientToken"], "token")

    def test_an_association_begins_is_there_once_ends_and_comes_again(self):
        arn = self.create(principals=[self.unit])
        request = {"resourceShareArn": arn, "principals": [self.unit, self.member], "resourceArns": [SUBNET]}
        begun = self.ram.associate_resource_share(**request)["resourceShareAssociations"]
        self.assertEqual([each["status"] for each in begun], ["ASSOCIATED", "ASSOCIATING", "ASSOCIATING"])
        self.assertEqual(self.statuses(arn), dict.fromkeys([self.unit, self.member, SUBNET], "ASSOCIATED"))
        ended = self.ram.disassociate_resource_share(**request)["resourceShareAssociations"]
        self.assertEqual({each["status"] for each in ended}, {"DISASSOCIATING"})
        self.assertEqual(set(self.statuses(arn).values()), {"DISASSOCIATED"})
        code = self.refused(self.ram.disassociate_resource_share, **request)
        self.assertEqual(code, "UnknownResourceException")
        self.ram.associate_resource_share(**request)
        self.assertEqual(set(self.statuses(arn).values()), {"ASSOCIATED"})

    def test_an_association_in_transition_is_left_alone(self):
        arn = self.create(tags=takes(association=60), principals=[self.member])
        request = {"resourceShareArn": arn, "principals": [self.member]}
        said = self.message(self.ram.disassociate_resource_share, "InvalidStateTransitionException", **request)
        self.assertEqual(said, "At least one of the associations in the resource share is in ASSOCIATING status.")
        arn = self.create(principals=[self.member])
        self.ram.tag_resource(resourceShareArn=arn, tags=takes(association=60))
        request = {"resourceShareArn": arn, "principals": [self.member]}
        self.ram.disassociate_resource_share(**request)
        for call in (self.ram.associate_resource_share, self.ram.disassociate_resource_share):
            self.assertEqual(self.refused(call, **request), "InvalidStateTransitionException")

    def test_an_association_fails_if_the_share_says_so_and_may_be_tried_again(self):
        arn = self.create(tags=[{"key": "local:fails", "value": SUBNET}], resourceArns=[SUBNET, OTHER_SUBNET])
        failed, other = self.associations("RESOURCE", resourceShareArns=[arn])
        self.assertEqual((failed["status"], other["status"]), ("FAILED", "ASSOCIATED"))
        self.assertIn(SUBNET, failed["statusMessage"])
        self.assertNotIn("statusMessage", other)
        self.ram.untag_resource(resourceShareArn=arn, tagKeys=["local:fails"])
        self.ram.associate_resource_share(resourceShareArn=arn, resourceArns=[SUBNET])
        self.assertEqual(self.statuses(arn)[SUBNET], "ASSOCIATED")

    def test_an_account_outside_the_organization_is_waited_for(self):
        arn = self.create(principals=[STANDALONE, self.member], resourceArns=[RULE])
        self.assertEqual(self.statuses(arn), {STANDALONE: "ASSOCIATING", self.member: "ASSOCIATED", RULE: "ASSOCIATED"})
        external = {each["associatedEntity"]: each["external"] for each in self.associations("PRINCIPAL")}
        self.assertEqual(external, {STANDALONE: True, self.member: False})
        self.ram.delete_resource_share(resourceShareArn=arn)
        self.assertEqual(self.statuses(arn)[STANDALONE], "DISASSOCIATED")

    def test_an_account_outside_the_organization_is_refused_where_none_may_be(self):
        request = {"name": "share", "principals": [STANDALONE], "allowExternalPrincipals": False}
        said = self.message(self.ram.create_resource_share, "InvalidParameterException", **request)
        self.assertIn(f"Principal {STANDALONE} is not in your AWS organization.", said)
        request = {"name": "share", "principals": [STANDALONE], "resourceArns": [SUBNET]}
        self.assertEqual(self.refused(self.ram.create_resource_share, **request), "OperationNotPermittedException")
        for before, after in (("principals", "resourceArns"), ("resourceArns", "principals")):
            arn = self.create(**{before: request[before]})
            later = {"resourceShareArn": arn, after: request[after]}
            self.assertEqual(self.refused(self.ram.associate_resource_share, **later), "OperationNotPermittedException")
        self.assertEqual(len(self.shares()), 2)

    def test_a_principal_is_an_account_or_an_arn_of_the_organization(self):
        for bare in (self.organization.split("/")[-1], self.unit.split("/")[-1], self.root):
            request = {"name": "share", "principals": [bare]}
            said = self.message(self.ram.create_resource_share, "InvalidParameterException", **request)
            self.assertEqual(said, f"Principal ID {bare} is malformed. Verify the ID and try again.")
        elsewhere = self.organization.replace(MANAGEMENT, self.member)
        request = {"name": "share", "principals": [elsewhere]}
        said = self.message(self.ram.create_resource_share, "UnknownResourceException", **request)
        self.assertEqual(said, f"Organization {elsewhere.split('/')[-1]} could not be found.")
        for unit in (self.unit.replace(MANAGEMENT, self.member), f"{self.unit[:-8]}00000000"):
            request = {"name": "share", "principals": [unit]}
            said = self.message(self.ram.create_resource_share, "UnknownResourceException", **request)
            self.assertIn("in unknown organization could not be found.", said)

    def test_a_member_shares_what_it_owns_with_its_organization(self):
        ram = self.client("ram", self.member)
        subnet = SUBNET.replace(MANAGEMENT, self.member)
        inner = self.organizations.create_organizational_unit(ParentId=self.unit.split("/")[-1], Name="Inner")
        principals = [MANAGEMENT, self.organization, inner["OrganizationalUnit"]["Arn"]]
        ram.create_resource_share(name="share", principals=principals, resourceArns=[subnet])
        self.assertEqual(len(self.shares(ram)), 1)
        self.assertEqual(self.shares(), [])

    def test_a_participant_lists_what_is_shared_with_it_its_units_and_its_organization(self):
        inner = self.organizations.create_organizational_unit(ParentId=self.unit.split("/")[-1], Name="Inner")
        self.move(self.member, inner["OrganizationalUnit"]["Id"])
        other = self.account("other")
        for principal, participants in (
            (self.member, {self.member}),
            (self.unit, {self.member}),
            (self.organization, {self.member, other}),
            (other, {other}),
        ):
            arn = self.create(principals=[principal], resourceArns=[SUBNET])
            seen = {account for account in (self.member, other, STANDALONE) if self.resources(account) == [SUBNET]}
            self.assertEqual(seen, participants, principal)
            self.ram.delete_resource_share(resourceShareArn=arn)
        self.create(principals=[self.unit], resourceArns=[SUBNET, RULE])
        self.assertEqual(self.resources(self.member), [SUBNET, RULE])
        self.assertEqual(self.resources(self.member, resourceType="ec2:Subnet"), [SUBNET])
        self.assertEqual(self.resources(self.member, resourceType="route53resolver:ResolverRule"), [RULE])
        self.assertEqual(self.resources(MANAGEMENT), [], "its own are no others'")
        self.assertEqual(self.resources(MANAGEMENT, "SELF", resourceType="ec2:Subnet"), [SUBNET])

    def test_a_participant_sees_what_is_associated_and_nothing_else(self):
        arn = self.create(tags=takes(association=WHILE), principals=[self.member], resourceArns=[SUBNET])
        self.assertEqual(self.resources(self.member), [])
        self.clock.now += WHILE
        self.assertEqual(self.resources(self.member), [SUBNET])
        self.ram.disassociate_resource_share(resourceShareArn=arn, resourceArns=[SUBNET])
        self.assertEqual(self.resources(self.member), [])

    def test_nothing_is_shared_within_the_organization_before_that_is_enabled(self):
        self.organizations.disable_aws_service_access(ServicePrincipal="ram.amazonaws.com")
        arn = self.create()
        calls = [
            (self.ram.create_resource_share, {"name": "share"}, "OperationNotPermittedException"),
            (self.ram.associate_resource_share, {"resourceShareArn": arn}, "InvalidParameterException"),
        ]
        for call, request, code in calls:
            said = self.message(call, code, resourceArns=[SUBNET], **request)
            self.assertIn("or that onboarding process is still in progress.", said)
            for principal in (self.organization, self.unit):
                refused = self.refused(call, principals=[principal], **request)
                self.assertEqual(refused, "UnknownResourceException", principal)
        self.ram.enable_sharing_with_aws_organization()
        self.ram.associate_resource_share(resourceShareArn=arn, principals=[self.organization])

    def test_trust_alone_does_not_enable_sharing(self):
        organizations, ram = self.client("organizations", STANDALONE), self.client("ram", STANDALONE)
        organizations.create_organization(FeatureSet="ALL")
        organizations.enable_aws_service_access(ServicePrincipal="ram.amazonaws.com")
        principal = organizations.describe_organization()["Organization"]["Arn"]
        request = {"name": "share", "principals": [principal]}
        self.assertEqual(self.refused(ram.create_resource_share, **request), "UnknownResourceException")
        ram.enable_sharing_with_aws_organization()
        ram.create_resource_share(**request)

    def test_a_resource_is_an_arn_of_the_account_s_own(self):
        request = {"name": "share", "resourceArns": ["subnet-11111111111111111"]}
        self.assertEqual(self.refused(self.ram.create_resource_share, **request), "MalformedArnException")
        request = {"name": "share", "resourceArns": [SUBNET.replace(MANAGEMENT, self.member)]}
        self.assertEqual(self.refused(self.ram.create_resource_share, **request), "InvalidParameterException")
        request = {"name": "share", "resourceArns": [f"{SUBNET[:-3]}{number}" for number in range(100, 201)]}
        self.assertEqual(self.refused(self.ram.create_resource_share, **request), "ResourceShareLimitExceededException")
        self.assertEqual(self.shares(), [])

    def test_a_subnet_of_a_default_vpc_is_not_shared(self):
        ec2 = self.client("ec2")
        default = ec2.describe_subnets()["Subnets"][0]["SubnetArn"]
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        other = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetArn"]
        request = {"name": "share", "resourceArns": [other, default]}
        said = self.message(self.ram.create_resource_share, "InvalidParameterException", **request)
        self.assertIn("default VPC", said)
        self.create(resourceArns=[other])

    def test_a_share_that_is_not_there_is_unknown(self):
        for arn, code in ((NOWHERE, "UnknownResourceException"), ("share", "MalformedArnException")):
            for call, request in (
                (self.ram.associate_resource_share, {"resourceShareArn": arn}),
                (self.ram.disassociate_resource_share, {"resourceShareArn": arn}),
                (self.ram.update_resource_share, {"resourceShareArn": arn}),
                (self.ram.delete_resource_share, {"resourceShareArn": arn}),
                (self.ram.tag_resource, {"resourceShareArn": arn, "tags": []}),
                (self.ram.untag_resource, {"resourceShareArn": arn, "tagKeys": []}),
                (self.ram.get_resource_shares, {"resourceOwner": "SELF", "resourceShareArns": [arn]}),
                (
                    self.ram.get_resource_share_associations,
                    {"associationType": "RESOURCE", "resourceShareArns": [arn]},
                ),
            ):
                self.assertEqual(self.refused(call, **request), code, call)

    def test_an_update_changes_what_it_names_and_no_more(self):
        arn = self.create(allowExternalPrincipals=False)
        updated = self.ram.update_resource_share(resourceShareArn=arn, name="renamed")["resourceShare"]
        self.assertEqual((updated["name"], updated["allowExternalPrincipals"]), ("renamed", False))
        updated = self.ram.update_resource_share(resourceShareArn=arn, allowExternalPrincipals=True)["resourceShare"]
        self.assertEqual((updated["name"], updated["allowExternalPrincipals"]), ("renamed", True))

    def test_tags_are_set_and_removed_by_key_and_some_are_reserved(self):
        arn = self.create(tags=[{"key": "one", "value": "1"}])
        self.ram.tag_resource(resourceShareArn=arn, tags=[{"key": "two", "value": ""}, {"key": "one", "value": "2"}])
        self.assertEqual(self.shares()[0]["tags"], [{"key": "one", "value": "2"}, {"key": "two", "value": ""}])
        self.ram.untag_resource(resourceShareArn=arn, tagKeys=["one", "three"])
        self.assertEqual(self.shares()[0]["tags"], [{"key": "two", "value": ""}])
        reserved = [{"key": "aws:cloudformation:stack-id", "value": "1"}]
        for call, request in (
            (self.ram.tag_resource, {"resourceShareArn": arn}),
            (self.ram.create_resource_share, {"name": "share"}),
        ):
            self.assertEqual(self.refused(call, tags=reserved, **request), "TagPolicyViolationException")

    def test_shares_are_found_by_name_tag_arn_and_status(self):
        one = self.create("one", tags=[{"key": "a", "value": "1"}])
        two = self.create("two", tags=[{"key": "a", "value": "2"}, {"key": "b", "value": "1"}])
        gone = self.create("two")
        self.ram.delete_resource_share(resourceShareArn=gone)
        for filters, found in (
            ({}, [one, two, gone]),
            ({"name": "two"}, [two, gone]),
            ({"name": "tw"}, []),
            ({"name": "two", "resourceShareStatus": "ACTIVE"}, [two]),
            ({"resourceShareStatus": "DELETED"}, [gone]),
            ({"resourceShareArns": [one]}, [one]),
            ({"tagFilters": [{"tagKey": "a"}]}, [one, two]),
            ({"tagFilters": [{"tagKey": "a", "tagValues": ["1"]}]}, [one]),
            # Of several filters, one is enough.
            ({"tagFilters": [{"tagKey": "a", "tagValues": ["1"]}, {"tagKey": "b"}]}, [one, two]),
            ({"tagFilters": [{"tagKey": "c"}]}, []),
        ):
            self.assertEqual([share["resourceShareArn"] for share in self.shares(**filters)], found, filters)

    def test_associations_are_found_by_share_principal_resource_and_status(self):
        one = self.create("one", principals=[self.unit, self.member], resourceArns=[SUBNET])
        two = self.create("two", principals=[self.unit], resourceArns=[OTHER_SUBNET])
        self.ram.disassociate_resource_share(resourceShareArn=two, principals=[self.unit])
        for kind, filters, found in (
            ("PRINCIPAL", {}, [(one, self.unit), (one, self.member), (two, self.unit)]),
            ("RESOURCE", {}, [(one, SUBNET), (two, OTHER_SUBNET)]),
            ("PRINCIPAL", {"resourceShareArns": [two]}, [(two, self.unit)]),
            ("PRINCIPAL", {"principal": self.member}, [(one, self.member)]),
            ("PRINCIPAL", {"principal": self.unit.split("/")[-1]}, [(one, self.unit), (two, self.unit)]),
            ("PRINCIPAL", {"associationStatus": "DISASSOCIATED"}, [(two, self.unit)]),
            ("RESOURCE", {"resourceArn": SUBNET}, [(one, SUBNET)]),
            ("RESOURCE", {"associationStatus": "FAILED"}, []),
        ):
            associations = self.associations(kind, **filters)
            self.assertEqual(
                [(each["resourceShareArn"], each["associatedEntity"]) for each in associations], found, filters
            )
        for kind, filters in (("PRINCIPAL", {"resourceArn": SUBNET}), ("RESOURCE", {"principal": self.unit})):
            code = self.refused(self.ram.get_resource_share_associations, associationType=kind, **filters)
            self.assertEqual(code, "InvalidParameterException")

    def test_lists_begin_with_an_empty_page_go_on_with_small_ones_and_are_whole(self):
        subnets = [f"{SUBNET[:-2]}{number}" for number in range(10, 22)]
        for _ in range(12):
            arn = self.create(resourceArns=subnets)
        lists = [
            (self.ram.get_resource_shares, "resourceShares", {"resourceOwner": "SELF"}),
            (
                self.ram.get_resource_share_associations,
                "resourceShareAssociations",
                {"associationType": "RESOURCE", "resourceShareArns": [arn]},
            ),
        ]
        for call, name, request in lists:
            for size, lengths in (({}, [0, 5, 5, 2]), ({"maxResults": 4}, [0, 4, 4, 4])):
                pages = [call(**request, **size)]
                while "nextToken" in pages[-1]:
                    pages.append(call(**request, **size, nextToken=pages[-1]["nextToken"]))
                self.assertEqual([len(page[name]) for page in pages], lengths, name)
            self.assertEqual(self.refused(call, nextToken="no", **request), "InvalidNextTokenException")

    def test_every_operation_answers_as_the_service_s_model_says(self):
        arn = self.create(principals=[self.unit], tags=[{"key": "a", "value": "1"}])
        self.ram.associate_resource_share(resourceShareArn=arn, resourceArns=[SUBNET])
        self.ram.disassociate_resource_share(resourceShareArn=arn, principals=[self.unit])
        self.ram.update_resource_share(resourceShareArn=arn, name="renamed")
        self.ram.tag_resource(resourceShareArn=arn, tags=[{"key": "b", "value": "2"}])
        self.ram.untag_resource(resourceShareArn=arn, tagKeys=["a"])
        self.shares()
        self.associations("RESOURCE")
        self.resources(MANAGEMENT, "SELF")
        self.ram.delete_resource_share(resourceShareArn=arn)
        operations = {
            "CreateResourceShare",
            "AssociateResourceShare",
            "DisassociateResourceShare",
            "UpdateResourceShare",
            "TagResource",
            "UntagResource",
            "GetResourceShares",
            "GetResourceShareAssociations",
            "ListResources",
            "DeleteResourceShare",
            "EnableSharingWithAwsOrganization",
        }
        self.assertEqual(self.answered, operations)

    def test_an_answer_that_departs_from_the_service_s_model_is_seen(self):
        shape = self.ram.meta.service_model.operation_model("GetResourceShares").output_shape
        share = {**dict.fromkeys(ALWAYS["ResourceShare"], "text"), "allowExternalPrincipals": True, "status": "ACTIVE"}
        self.assertEqual(departures({"resourceShares": [share]}, shape, "answer"), [])
        for wrong in (
            {"resourceShares": [{**share, "status": "READY"}]},
            {"resourceShares": [{**share, "colour": "blue"}]},
            {"resourceShares": [{**share, "name": 1}]},
            {"resourceShares": [{name: share[name] for name in share if name != "status"}]},
            {"resourceShares": share},
            {},
        ):
            self.assertEqual(len(departures(wrong, shape, "answer")), 1, wrong)


def takes(**seconds):
    return [{"key": f"local:{what}-seconds", "value": str(value)} for what, value in seconds.items()]


def departures(value, shape, path):
    """The paths at which a value isn't what its shape says, or says too little."""
    if not isinstance(value, TYPES[shape.type_name]) or (getattr(shape, "enum", None) and value not in shape.enum):
        return [f"{path}: {value}"]
    if shape.type_name == "list":
        return [found for part in value for found in departures(part, shape.member, path)]
    if shape.type_name != "structure":
        return []
    found = [f"{path}.{name}" for name in value.keys() - shape.members | ALWAYS.get(shape.name, set()) - value.keys()]
    for name in value.keys() & shape.members:
        found += departures(value[name], shape.members[name], f"{path}.{name}")
    return found


if __name__ == "__main__":
    unittest.main()
