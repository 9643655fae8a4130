"""That EC2 in ministack, with the rules, shows participants what RAM shares with them: run with the servers' Python."""

import asyncio
import os
import unittest
import urllib.parse
import xml.etree.ElementTree
from unittest import mock

from ministack.core.responses import set_request_account_id
from ministack.services import ec2
from ministack.services.cloudformation import provisioners

import subnet_rules
from moto_case import MANAGEMENT, STANDALONE, MotoCase

OWNER = {"Key": "Name", "Value": "the owner's"}
OWN = {"Key": "Name", "Value": "the participant's"}


class SubnetRules(MotoCase):
    def setUp(self):
        super().setUp()
        subnet_rules._ram.cache_clear()
        self.enterContext(mock.patch.dict(os.environ, {"AWS_ENDPOINT_URL_RAM": self.endpoint}))
        self.ram = self.client("ram")
        self.ram.enable_sharing_with_aws_organization()
        made = self.organizations.create_account(AccountName="member", Email="aws+member@example.com")
        made = self.organizations.describe_create_account_status(
            CreateAccountRequestId=made["CreateAccountStatus"]["Id"]
        )
        self.member = made["CreateAccountStatus"]["AccountId"]
        self.vpc = self.ec2(MANAGEMENT, "CreateVpc", CidrBlock="10.0.0.0/16").findtext(".//{*}vpcId")
        made = self.ec2(MANAGEMENT, "CreateSubnet", VpcId=self.vpc, CidrBlock="10.0.0.0/24")
        self.subnet, self.arn = made.findtext(".//{*}subnetId"), made.findtext(".//{*}subnetArn")
        self.tag(MANAGEMENT, OWNER)

    def share(self):
        request = {"name": "share", "resourceArns": [self.arn], "principals": [self.member]}
        return self.ram.create_resource_share(**request)["resourceShare"]["resourceShareArn"]

    def ec2(self, account, action, **parameters):
        set_request_account_id(account)
        body = urllib.parse.urlencode({"Action": action, **parameters})
        _, _, answer = asyncio.run(ec2.handle_request("POST", "/", {}, body, {}))
        return xml.etree.ElementTree.fromstring(answer)

    def seen(self, account):
        answer = self.ec2(account, "DescribeSubnets", **{"Filter.1.Name": "subnet-id", "Filter.1.Value.1": self.subnet})
        return [subnet.text for subnet in answer.iterfind(".//{*}subnetId")]

    def tag(self, account, tag, action="CreateTags", resource=None):
        parts = {f"Tag.1.{part}": value for part, value in tag.items()}
        return self.ec2(account, action, **{"ResourceId.1": resource or self.subnet, **parts}).findtext(".//{*}Code")

    def names(self, account):
        answer = self.ec2(account, "DescribeSubnets", **{"SubnetId.1": self.subnet})
        return [value.text for value in answer.iterfind(".//{*}tagSet/{*}item/{*}value")]

    def test_a_participant_sees_a_subnet_and_its_vpc_for_as_long_as_they_are_shared(self):
        self.assertEqual(self.seen(self.member), [])
        arn = self.share()
        self.assertEqual(self.seen(self.member), [self.subnet])
        self.assertEqual(self.seen(STANDALONE), [])
        answer = self.ec2(self.member, "DescribeVpcs", **{"VpcId.1": self.vpc})
        self.assertEqual(answer.findtext(".//{*}ownerId"), MANAGEMENT)
        answer = self.ec2(self.member, "DescribeSubnets", **{"SubnetId.1": self.subnet})
        self.assertEqual((answer.findtext(".//{*}subnetArn"), answer.findtext(".//{*}ownerId")), (self.arn, MANAGEMENT))
        self.ram.delete_resource_share(resourceShareArn=arn)
        self.assertEqual(self.seen(self.member), [])

    def test_a_subnet_that_ram_shares_and_that_is_not_there_is_not_seen(self):
        self.share()
        self.ec2(MANAGEMENT, "DeleteSubnet", SubnetId=self.subnet)
        self.assertEqual(self.seen(self.member), [])

    def test_tags_are_each_account_s_own(self):
        self.share()
        self.assertEqual(self.names(self.member), [])
        self.assertIsNone(self.tag(self.member, OWN))
        self.assertEqual((self.names(self.member), self.names(MANAGEMENT)), ([OWN["Value"]], [OWNER["Value"]]))
        self.assertIsNone(self.tag(self.member, OWN, resource=self.vpc))
        self.assertIsNone(self.tag(self.member, OWN, "DeleteTags"))
        self.assertEqual((self.names(self.member), self.names(MANAGEMENT)), ([], [OWNER["Value"]]))

    def test_what_is_not_seen_is_not_tagged(self):
        for action in ("CreateTags", "DeleteTags"):
            self.assertEqual(self.tag(self.member, OWN, action), "InvalidSubnetID.NotFound")
            self.assertEqual(self.tag(self.member, OWN, action, self.vpc), "InvalidVpcID.NotFound")
        self.assertIsNone(self.tag(MANAGEMENT, OWN, resource="igw-11111111111111111"))

    def test_a_tag_that_is_named_with_a_value_goes_only_if_it_has_that(self):
        self.tag(MANAGEMENT, OWN, "DeleteTags")
        self.assertEqual(self.names(MANAGEMENT), [OWNER["Value"]])
        self.tag(MANAGEMENT, {"Key": "Name"}, "DeleteTags")
        self.assertEqual(self.names(MANAGEMENT), [])

    def test_a_template_reads_the_zone_s_id_of_a_subnet(self):
        set_request_account_id(MANAGEMENT)
        properties = {"VpcId": self.vpc, "CidrBlock": "10.0.1.0/24", "AvailabilityZone": "us-east-1b"}
        _, attributes = provisioners._RESOURCE_HANDLERS["AWS::EC2::Subnet"]["create"]("Subnet", properties, "stack")
        self.assertEqual(attributes["AvailabilityZoneId"], "use1-az2")


if __name__ == "__main__":
    unittest.main()
