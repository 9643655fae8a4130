"""What RAM says of principals and shares, and what participants see."""

import refusal
from belief import MEMBER, SUBNETS, Table
from outcome import held

TABLE = Table()
RAM = "https://docs.aws.amazon.com/ram/latest/userguide"
VPC = "https://docs.aws.amazon.com/vpc/latest/userguide/vpc-sharing.html"
# An account that no organization of a user has: AWS's documentation has it.
FOREIGN = "123456789012"


def _share(world, of, principals):
    """How a share of a subnet with these principals is refused."""
    name = world.making("share", world.name(of))
    return refusal.of(
        world.management.client("ram").create_resource_share,
        name=name,
        resourceArns=[world.made["subnet-arns"][2]],
        principals=principals,
        allowExternalPrincipals=False,
        tags=[{"key": key, "value": value} for key, value in world.tags.items()],
    )


@TABLE.belief(
    "N1",
    "RAM refuses a principal outside of the organization where external ones aren't allowed, and says so",
    f"{RAM}/tshoot-sharing-outside-org.html; {VPC}",
    needs=(SUBNETS,),
)
def a_foreign_account(world):
    refused = _share(world, "n1", [FOREIGN])
    codes = ("OperationNotPermittedException", "InvalidParameterException", "UnknownResourceException")
    return held(refused.code in codes and refused.says("rganization"), str(refused))


@TABLE.belief(
    "N1-bare",
    "RAM refuses the id of an organization where it wants an ARN: malformed",
    "https://github.com/aws/aws-cdk/issues/14131",
    needs=(SUBNETS,),
)
def a_bare_id(world):
    organization = world.management.client("organizations").describe_organization()["Organization"]["Id"]
    refused = _share(world, "n1-bare", [organization])
    return held(refused.code in ("InvalidParameterException", "MalformedArnException"), str(refused))


@TABLE.belief(
    "N11",
    "A share that isn't there is told by UnknownResourceException",
    "https://docs.aws.amazon.com/ram/latest/APIReference/API_DeleteResourceShare.html",
)
def a_share_that_is_gone(world):
    account = world.management
    nothing = "00000000-0000-0000-0000-000000000000"
    arn = f"arn:{account.partition}:ram:{account.region}:{account.id}:resource-share/{nothing}"
    refused = refusal.of(account.client("ram").delete_resource_share, resourceShareArn=arn)
    return held(refused.code == "UnknownResourceException", str(refused))


@TABLE.belief(
    "N12",
    "A participant sees a shared subnet, and none of the tags that its owner gave it",
    VPC,
    needs=(MEMBER, SUBNETS),
)
def tags_stay_with_their_owner(world):
    if "shared" not in world.made:
        return world.made["not-shared"]
    subnet = world.made["subnets"][1]
    seen = []

    def is_seen():
        ec2 = world.member.client("ec2")
        answered = refusal.of(lambda: seen.append(ec2.describe_subnets(SubnetIds=[subnet])["Subnets"]))
        return answered.code is None and bool(seen[-1])

    after = world.until(is_seen)
    owner = world.management.client("ec2").describe_subnets(SubnetIds=[subnet])["Subnets"][0]
    tags = seen[-1][0].get("Tags", []) if after is not None else None
    return held(
        after is not None and not [tag for tag in tags if tag["Key"] in world.tags] and bool(owner.get("Tags")),
        f"{'never seen' if after is None else f'seen after {after:.0f} s'}; of the owner's tags the participant sees "
        f"{len([tag for tag in tags or [] if tag in owner.get('Tags', [])])} of {len(owner.get('Tags', []))}",
    )


@TABLE.belief(
    "N2",
    "CloudFormation has types of its own for one principal and one resource of a share",
    "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/AWS_RAM.html",
    local="has no register of types",
)
def there_are_native_types(world):
    cloudformation = world.management.client("cloudformation")
    names = ("AWS::RAM::PrincipalAssociation", "AWS::RAM::ResourceAssociation")
    seen = {name: refusal.of(cloudformation.describe_type, Type="RESOURCE", TypeName=name) for name in names}
    missing = [f"{name}: {refused}" for name, refused in seen.items() if refused.code]
    return held(not missing, "; ".join(missing) or "both are there")
