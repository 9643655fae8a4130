"""What the lives are about: repositories, keys, buckets, roles, subnets, a unit and shares of the run's own."""

import refusal
from outcome import not_tried
from stacks import Stack
from stores import pairs

LETTERS = ("a", "b")
ZONES = ("a", "b", "c")


def template(world):
    """Two of each, so that a resource can be replaced by one with another target."""
    account = world.management
    own = {"Effect": "Allow", "Principal": {"AWS": account.root}, "Action": "kms:*", "Resource": "*"}
    trust = {"Effect": "Allow", "Principal": {"AWS": account.root}, "Action": "sts:AssumeRole"}
    policy = {"Version": "2012-10-17", "Statement": [{"Sid": "Administration", **own}]}
    document = {"Version": "2012-10-17", "Statement": [{"Sid": "Own", **trust}]}
    resources = {
        "Network": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.91.0.0/16", "Tags": pairs(world)}}
    }
    outputs = {}
    for letter in LETTERS:
        end = letter.upper()
        named = {
            f"Repository{end}": ("AWS::ECR::Repository", {"RepositoryName": world.name(letter), "Tags": pairs(world)}),
            f"Key{end}": (
                "AWS::KMS::Key",
                {
                    "Description": f"{world.name(letter)} of lives",
                    "PendingWindowInDays": 7,
                    "KeyPolicy": policy,
                    "Tags": pairs(world),
                },
            ),
            f"Bucket{end}": (
                "AWS::S3::Bucket",
                {"BucketName": f"{world.name(letter)}-{account.id}", "Tags": pairs(world)},
            ),
            f"Role{end}": (
                "AWS::IAM::Role",
                {"RoleName": world.name(letter), "AssumeRolePolicyDocument": document, "Tags": pairs(world)},
            ),
        }
        resources |= {name: {"Type": kind, "Properties": said} for name, (kind, said) in named.items()}
        outputs[f"Key{end}"] = {"Value": {"Fn::GetAtt": [f"Key{end}", "Arn"]}}
    for n, zone in enumerate(ZONES):
        end = zone.upper()
        subnet = {
            "VpcId": {"Ref": "Network"},
            "CidrBlock": f"10.91.{n}.0/24",
            "AvailabilityZone": {"Fn::Select": [n % 2, {"Fn::GetAZs": ""}]},
            "Tags": pairs(world),
        }
        resources[f"Subnet{end}"] = {"Type": "AWS::EC2::Subnet", "Properties": subnet}
        outputs[f"Subnet{end}"] = {"Value": {"Ref": f"Subnet{end}"}}
    outputs["Network"] = {"Value": {"Ref": "Network"}}
    return {"Resources": resources, "Outputs": outputs}


def make(world):
    """Makes them, and notes in the world what they are called."""
    ended = Stack(world, "fixtures").create(template(world))
    if ended.status != "CREATE_COMPLETE":
        raise RuntimeError(f"the stack of the fixtures is {ended}")
    made, account = ended.outputs, world.management
    subnets = [made[f"Subnet{zone.upper()}"] for zone in ZONES]
    arn = f"arn:{account.partition}:ec2:{account.region}:{account.id}:subnet"
    world.made |= {
        "keys": {letter: made[f"Key{letter.upper()}"] for letter in LETTERS},
        "network": made["Network"],
        "subnets": subnets,
        "subnet-arns": [f"{arn}/{subnet}" for subnet in subnets],
    }
    _make_unit(world)
    _share(world)


def _make_unit(world):
    organizations = world.management.client("organizations")
    root = organizations.list_roots()["Roots"][0]["Id"]
    name = world.making("unit", world.name("parent"))
    unit = organizations.create_organizational_unit(ParentId=root, Name=name, Tags=pairs(world))["OrganizationalUnit"]
    world.made |= {"root": root, "parent": unit["Id"], "parent-arn": unit["Arn"]}


def _share(world):
    """A share without principals, and one with the member; or why there are none."""
    organizations, ram = world.management.client("organizations"), world.management.client("ram")
    pages = organizations.get_paginator("list_aws_service_access_for_organization").paginate()
    trusted = [each["ServicePrincipal"] for page in pages for each in page["EnabledServicePrincipals"]]
    if "ram.amazonaws.com" not in trusted:
        if not world.change_organization:
            why = "sharing inside the organization is off; --change-organization switches it on, for good"
            world.made["not-shared"] = not_tried(why)
            return
        ram.enable_sharing_with_aws_organization()
    arns = world.made["subnet-arns"]
    principals = {"principals": ([arns[0]], []), "participants": (arns[1:], [world.member.id])}
    for of, (resources, with_) in principals.items():
        request = {
            "name": world.making("share", world.name(of)),
            "resourceArns": resources,
            "principals": with_,
            "allowExternalPrincipals": False,
            "tags": [{"key": key, "value": value} for key, value in world.tags.items()],
        }
        made = {}

        def is_made(request=request, made=made):
            # RAM learns of the organization some minutes after sharing was switched on.
            refused = refusal.of(lambda: made.update(ram.create_resource_share(**request)))
            return refused.code is None

        if world.until(is_made) is None:
            world.made["not-shared"] = not_tried("RAM doesn't know the organization after ten minutes")
            return
        world.made[of] = made["resourceShare"]["resourceShareArn"]

    def is_seen():
        return refusal.of(world.member.client("ec2").describe_subnets, SubnetIds=world.made["subnets"][1:]).code is None

    if world.until(is_seen) is None:
        raise RuntimeError("after ten minutes the member doesn't see the subnets that are shared with it")
    world.made["shared"] = True
