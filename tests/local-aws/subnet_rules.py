"""EC2 as participants see it: with the subnets that others share with them, and with tags of their own on these."""

import contextvars
import functools
import itertools

import boto3
from ministack.core.responses import AccountRegionScopedDict, get_account_id, get_region
from ministack.services import ec2
from ministack.services.cloudformation import provisioners

from rules import replaced

# The subnets that others share with who makes the call.
_shared = contextvars.ContextVar("shared", default=())


class Subnets(AccountRegionScopedDict):
    """The subnets of an account and, in a call that sees them, those that are shared with it."""

    def __contains__(self, key):
        return super().__contains__(key) or key in self.shared()

    def values(self):
        return [*super().values(), *self.shared().values()]

    def shared(self):
        return {subnet["SubnetId"]: subnet for subnet in _shared.get()}


class Vpcs(Subnets):
    """The same of VPCs: who sees a subnet sees the VPC that it is in."""

    def shared(self):
        region, vpcs = get_region(), {(subnet["OwnerId"], subnet["VpcId"]) for subnet in _shared.get()}
        return {vpc: self.get_scoped(owner, region, vpc) for owner, vpc in vpcs}


ec2._subnets = Subnets.from_dict(ec2._subnets.to_dict())
ec2._vpcs = Vpcs.from_dict(ec2._vpcs.to_dict())
NOT_FOUND = {
    "subnet": (ec2._subnets, "InvalidSubnetID.NotFound", "The subnet ID '{}' does not exist"),
    "vpc": (ec2._vpcs, "InvalidVpcID.NotFound", "The vpc ID '{}' does not exist"),
}


def seeing(action):
    """Has EC2's action see what is shared, and refuse to tag subnets and VPCs that who calls it doesn't see."""

    def decorator(act):
        @functools.wraps(act)
        def answer(parameters):
            token = _shared.set(_shared_with(get_account_id(), get_region()))
            try:
                return _refusal(ec2._parse_member_list(parameters, "ResourceId")) or act(parameters)
            finally:
                _shared.reset(token)

        ec2._ACTION_MAP[action] = answer
        return act

    return decorator


def _refusal(ids):
    for kind, (seen, code, message) in NOT_FOUND.items():
        for name in ids:
            if name.startswith(f"{kind}-") and name not in seen:
                return ec2._error(code, message.format(name), 400)
    return None


for action in ("DescribeSubnets", "DescribeVpcs", "CreateTags"):
    seeing(action)(ec2._ACTION_MAP[action])


@seeing("DeleteTags")
def delete_tags(parameters):
    """Of a tag that is named with a value, only one of that value goes."""
    for name in ec2._parse_member_list(parameters, "ResourceId"):
        for number in itertools.count(1):
            key, value = (parameters.get(f"Tag.{number}.{part}", [None])[0] for part in ("Key", "Value"))
            if key is None:
                break
            tags = ec2._tags.get(name, [])
            ec2._tags[name] = [tag for tag in tags if tag["Key"] != key or value not in (None, tag["Value"])]
    return ec2._xml(200, "DeleteTagsResponse", "<return>true</return>")


@replaced(ec2)
def _subnet_xml(original, subnet):
    """A subnet's ARN is the same for all who see it."""
    return original(subnet).replace(f":{get_account_id()}:subnet/", f":{subnet['OwnerId']}:subnet/")


def _shared_with(account, region):
    pages = _ram(account, region).get_paginator("list_resources")
    pages = pages.paginate(resourceOwner="OTHER-ACCOUNTS", resourceType="ec2:Subnet")
    arns = {resource["arn"] for page in pages for resource in page["resources"]}
    subnets = [ec2._subnets.get_scoped(arn.split(":")[4], region, arn.split("/")[1]) for arn in sorted(arns)]
    # RAM takes the ARN of a subnet that isn't there.
    return [subnet for subnet in subnets if subnet is not None]


@functools.cache
def _ram(account, region):
    return boto3.client("ram", region, aws_access_key_id=account, aws_secret_access_key="local")


def _with_zone_id(provision):
    """`!GetAtt Subnet.AvailabilityZoneId`, which ministack knows and doesn't hand out."""

    @functools.wraps(provision)
    def provisioned(*arguments, **named):
        subnet_id, attributes, *more = provision(*arguments, **named)
        return subnet_id, {**attributes, "AvailabilityZoneId": ec2._subnets[subnet_id]["AvailabilityZoneId"]}, *more

    return provisioned


of_subnets = provisioners._RESOURCE_HANDLERS["AWS::EC2::Subnet"]
of_subnets |= {verb: _with_zone_id(of_subnets[verb]) for verb in ("create", "update")}
