"""The lives of all types."""

import json

from botocore.exceptions import ClientError

import stores
from beliefs import callers
from stores import as_text
from things import GONE, organization
from world import MEMBER

from .life import Life

SID = "Acceptance"
OWN = "archipelago:"
# What the life of Custom::Organization switches on and off, if that is allowed.
SWITCHED = "BACKUP_POLICY"


def _tags(world, **more):
    return [{"Key": key, "Value": value} for key, value in {**world.tags, **more}.items()]


# Statements: those of the first target, and those of the second.


def _statements(get):
    """What `look` shows of the policies of both targets: our statements, without the mark in their names."""

    def of(world, letter):
        try:
            text = get(world, letter)
        except ClientError as error:
            if GONE.search(error.response["Error"]["Code"]):
                return []
            raise
        statements = [each for each in json.loads(text)["Statement"] if each.get("Sid", "").startswith(SID)]
        return [{name: value for name, value in each.items() if name != "Sid"} for each in statements]

    return lambda world: {letter: of(world, letter) for letter in ("a", "b")}


def _statement(target, actions, resource=None):
    """The properties of a resource with one statement; the target is that of a letter."""

    def with_actions(letter, count):
        def properties(world):
            statement = {
                "Sid": SID,
                "Effect": "Allow",
                "Principal": {"AWS": world.member.root},
                "Action": actions[:count],
            }
            if resource:
                statement["Resource"] = resource(world, letter)
            return {**target(world, letter), "Statement": statement}

        return properties

    return {"first": with_actions("a", 1), "second": with_actions("a", 2), "elsewhere": with_actions("b", 2)}


def _bucket(world, letter):
    return f"{world.name(letter)}-{world.management.id}"


def _client(world, service):
    return world.management.client(service)


ECR = Life(
    "EcrPolicyStatement",
    "ecr-policy-statement",
    look=_statements(
        lambda world, letter: _client(world, "ecr").get_repository_policy(repositoryName=world.name(letter))[
            "policyText"
        ]
    ),
    **_statement(
        lambda world, letter: {"RepositoryName": world.name(letter)}, ["ecr:BatchGetImage", "ecr:DescribeImages"]
    ),
)
KMS = Life(
    "KmsPolicyStatement",
    "kms-policy-statement",
    look=_statements(
        lambda world, letter: _client(world, "kms").get_key_policy(
            KeyId=world.made["keys"][letter], PolicyName="default"
        )["Policy"]
    ),
    **_statement(
        lambda world, letter: {"KeyId": world.made["keys"][letter]},
        ["kms:Decrypt", "kms:DescribeKey"],
        lambda world, letter: "*",
    ),
)
S3 = Life(
    "S3PolicyStatement",
    "s3-policy-statement",
    look=_statements(
        lambda world, letter: _client(world, "s3").get_bucket_policy(Bucket=_bucket(world, letter))["Policy"]
    ),
    **_statement(
        lambda world, letter: {"BucketName": _bucket(world, letter)},
        ["s3:GetObject", "s3:GetObjectVersion"],
        lambda world, letter: f"arn:{world.management.partition}:s3:::{_bucket(world, letter)}/*",
    ),
)
TRUST = Life(
    "IamTrustStatement",
    "iam-trust-statement",
    look=_statements(
        lambda world, letter: as_text(
            _client(world, "iam").get_role(RoleName=world.name(letter))["Role"]["AssumeRolePolicyDocument"]
        )
    ),
    **_statement(lambda world, letter: {"RoleName": world.name(letter)}, ["sts:AssumeRole", "sts:TagSession"]),
)


def _inline(letter, count):
    def properties(world):
        statement = {
            "Sid": SID,
            "Effect": "Allow",
            "Action": ["s3:ListAllMyBuckets", "s3:GetAccountPublicAccessBlock"][:count],
            "Resource": "*",
        }
        return {"RoleName": world.name(letter), "PolicyName": "acceptance", "Statement": statement}

    return properties


INLINE = Life(
    "IamPolicyStatement",
    "iam-policy-statement",
    first=_inline("a", 1),
    second=_inline("a", 2),
    elsewhere=_inline("b", 2),
    look=_statements(
        lambda world, letter: as_text(
            _client(world, "iam").get_role_policy(RoleName=world.name(letter), PolicyName="acceptance")[
                "PolicyDocument"
            ]
        )
    ),
)


# Callers of the function of trust policies, which nobody else in a run lets in.


def _callers(world):
    """What is open to the member and to the run's unit: what of it is this life's, and who may use their aliases."""
    organization = _client(world, "organizations").describe_organization()["Organization"]["Id"]
    account, seen = world.management, {}
    function = (
        f"arn:{account.partition}:lambda:{account.region}:{account.id}:function:{world.name('iam-trust-statement')}"
    )
    (table,) = _client(world, "cloudformation").describe_stack_resources(
        StackName=world.prefix, LogicalResourceId="CallerTable"
    )["StackResources"]
    for caller in (world.member.id, f"{organization}-{world.made['parent']}"):
        grants = _client(world, "dynamodb").query(
            TableName=table["PhysicalResourceId"],
            KeyConditionExpression="Caller = :caller AND begins_with(#item, :grant)",
            # A reserved word.
            ExpressionAttributeNames={"#item": "Item"},
            ExpressionAttributeValues={":caller": {"S": caller}, ":grant": {"S": "grant "}},
            ConsistentRead=True,
        )["Items"]
        policy = stores.or_nothing(
            lambda caller=caller: _client(world, "lambda").get_resource_policy(
                ResourceArn=f"{function}:caller-{caller}"
            )["Policy"]
        )
        own = sorted(grant["Grant"]["S"] for grant in grants if f"role/{world.prefix}-" in grant["Grant"]["S"])
        seen[caller] = {"grants": own, "statements": policy and policy["Statement"]}
    return seen


def _caller(who, count):
    def properties(world):
        account = world.management
        return {
            **who(world),
            "Types": ["IamTrustStatement"],
            "Targets": [f"arn:{account.partition}:iam::{account.id}:role/{world.name('a')}"],
            "Actions": ["sts:AssumeRole", "sts:TagSession"][:count],
        }

    return properties


CALLER = Life(
    "Caller",
    "caller",
    first=_caller(lambda world: {"AccountId": world.member.id}, 1),
    second=_caller(lambda world: {"AccountId": world.member.id}, 2),
    elsewhere=_caller(lambda world: {"OrganizationalUnitId": world.made["parent"]}, 2),
    look=_callers,
)


# The organization, its units and accounts.


def _of_organization(world):
    organizations = _client(world, "organizations")
    root = organizations.list_roots()["Roots"][0]
    pages = organizations.get_paginator("list_aws_service_access_for_organization").paginate()
    return {
        "id": organizations.describe_organization()["Organization"]["Id"],
        # Others are switched on and off meanwhile, by checks.
        "type": [each["Status"] for each in root["PolicyTypes"] if each["Type"] == SWITCHED],
        "trusted": sorted(
            each["ServicePrincipal"]
            for page in pages
            for each in page["EnabledServicePrincipals"]
            if each["ServicePrincipal"] != organization.STACKSETS
        ),
    }


def _adopted(world):
    """Nothing in it is changed: it carries no prefix."""
    return {"ResourceSharing": "false"}


def _switched(world):
    """The one change, if it may be made, and if nobody else has made it."""
    if not world.change_organization:
        return None
    if "switches" not in world.made:
        root = _client(world, "organizations").list_roots()["Roots"][0]
        world.made["switches"] = SWITCHED not in [each["Type"] for each in root["PolicyTypes"]]
        if world.made["switches"]:
            world.making("policy type", SWITCHED)
    return {**_adopted(world), "PolicyTypes": [SWITCHED]} if world.made["switches"] else None


ORGANIZATION = Life(
    "Organization",
    "organization",
    first=_adopted,
    second=_switched,
    before_the_end=_adopted,
    look=_of_organization,
    never_updated=f"it needs --change-organization, and an organization in which {SWITCHED} is off",
    stays=True,
)


def _units(world):
    """The run's units below the root and below its parent, with their own tags."""
    organizations = _client(world, "organizations")
    seen = {}
    for place, parent in (("root", world.made["root"]), ("parent", world.made["parent"])):
        for unit in organization.children(organizations, parent):
            if unit["Name"].startswith(world.name("unit")):
                tags = organizations.list_tags_for_resource(ResourceId=unit["Id"])["Tags"]
                own = {tag["Key"]: tag["Value"] for tag in tags if not tag["Key"].startswith(OWN)}
                seen[f"{place}/{unit['Name']}"] = own
    return seen


def _unit(parent, stage):
    return lambda world: {
        "Name": world.name("unit"),
        "ParentId": world.made[parent],
        "Tags": _tags(world, stage=stage),
    }


UNIT = Life(
    "OrganizationalUnit",
    "organizational-unit",
    first=_unit("root", "one"),
    second=_unit("root", "two"),
    elsewhere=_unit("parent", "two"),
    look=_units,
)


def _accounts(world):
    organizations = _client(world, "organizations")
    seen = {}
    for member in organization.members(organizations):
        if member["Name"] == world.name("account") and organization.state(member) == "ACTIVE":
            parent = organizations.list_parents(ChildId=member["Id"])["Parents"][0]["Id"]
            seen[member["Id"]] = "root" if parent == world.made["root"] else "unit"
    return seen


def _account(parent):
    def properties(world):
        user, _, domain = world.mailbox.partition("@")
        return {
            # The stack makes it, and may be killed in the middle of that.
            "Name": world.making("account", world.name("account")),
            "Email": f"{user}+{world.prefix}@{domain}",
            "ParentId": world.made[parent],
            "CloseOnDelete": "true",
            "Tags": _tags(world),
        }

    return properties


ACCOUNT = Life(
    "Account",
    "account",
    first=_account("root"),
    second=_account("parent"),
    look=_accounts,
    hindrance=lambda world: None if world.make_accounts else "it needs --make-accounts",
    rolls_back=False,
    renamed=lambda world: {"AdoptExisting": "true"},
    once_updated=callers.look_when_moved,
    # A unit that holds a closed account can't be deleted for 90 days.
    before_the_end=_account("root"),
)


# Shares.


def _not_shared(world):
    return world.made["not-shared"].seen if "not-shared" in world.made else None


def _associations(ram, share):
    seen = []
    for kind in ("PRINCIPAL", "RESOURCE"):
        pages = ram.get_paginator("get_resource_share_associations").paginate(
            associationType=kind, resourceShareArns=[share]
        )
        there = [each for page in pages for each in page["resourceShareAssociations"]]
        seen += [each["associatedEntity"] for each in there if each["status"] in ("ASSOCIATED", "ASSOCIATING")]
    return sorted(seen)


def _shares(world):
    ram = _client(world, "ram")
    pages = ram.get_paginator("get_resource_shares").paginate(resourceOwner="SELF")
    shares = [share for page in pages for share in page["resourceShares"] if share["name"] == world.name("share")]
    return [_associations(ram, each["resourceShareArn"]) for each in shares if each["status"] == "ACTIVE"]


def _share(count):
    return lambda world: {
        "Name": world.name("share"),
        "SubnetIds": world.made["subnets"][:count],
        "Principals": [world.member.id],
        "Tags": _tags(world),
    }


SHARE = Life(
    "SubnetShare",
    "subnet-share",
    first=_share(1),
    second=_share(2),
    look=_shares,
    hindrance=_not_shared,
)
PRINCIPAL = Life(
    "SubnetSharePrincipal",
    "subnet-share-principal",
    first=lambda world: {"ShareArn": world.made["principals"], "Principal": world.member.id},
    elsewhere=lambda world: {"ShareArn": world.made["principals"], "Principal": world.made["parent-arn"]},
    look=lambda world: _associations(_client(world, "ram"), world.made["principals"]),
    hindrance=_not_shared,
)


def _subnet_tags(world):
    subnets = world.made["subnets"][1:]
    shown = world.member.client("ec2").describe_tags(Filters=[{"Name": "resource-id", "Values": subnets}])["Tags"]
    return sorted((subnets.index(tag["ResourceId"]), tag["Key"], tag["Value"]) for tag in shown if tag["Key"] == "Name")


def _named(at, name):
    return lambda world: {
        "SubnetIds": [world.made["subnets"][at]],
        "Tags": [{"Key": "Name", "Value": world.name(name)}],
    }


NAMES = Life(
    "SharedSubnetTags",
    "shared-subnet-tags",
    first=_named(1, "one"),
    second=_named(1, "two"),
    look=_subnet_tags,
    hindrance=_not_shared,
    where=MEMBER,
)

# What takes longest goes first.
ALL = [ACCOUNT, ORGANIZATION, UNIT, SHARE, PRINCIPAL, NAMES, ECR, KMS, S3, TRUST, INLINE, CALLER]
