"""The kinds of things that a run makes: how each is removed, and how those that carry prefix and tag are found."""

import contextlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass

from botocore.exceptions import ClientError

from journal import Thing
from world import MANAGEMENT, TAG

# What checks switch on and off: a type without a service, and one that wants its service trusted first.
TRIED_TYPE, SERVICE_TYPE = "AISERVICES_OPT_OUT_POLICY", "SECURITYHUB_POLICY"
GONE = re.compile("NoSuch|NotFound|DoesNotExist|UnknownResource|AlreadyClosed")


@dataclass(frozen=True)
class Kind:
    """How things of a kind are removed by name or id, and found. Kinds of the management account are nowhere else."""

    remove: Callable
    find: Callable
    everywhere: bool = True


def remove(world, thing):
    """Removes the thing, which may be gone; what isn't ours, whatever a journal says, stays."""
    account = world.account_of(thing)
    if account is None:
        raise LookupError(f"{thing.kind} {thing.name} is in account {thing.account}, which neither profile leads to")
    if thing.region != account.region:
        raise LookupError(
            f"{thing.kind} {thing.name} is in Region {thing.region}, and the profile's is {account.region}"
        )
    try:
        KINDS[thing.kind].remove(world, account, thing.name)
    except ClientError as error:
        if not GONE.search(error.response["Error"]["Code"]) and "does not exist" not in str(error):
            raise


def found(world):
    """What carries the prefix in its name and the run's tag, in both accounts."""
    things = []
    for role, account in world.accounts.items():
        for name, kind in KINDS.items():
            if kind.everywhere or role == MANAGEMENT:
                things += [Thing(name, account.id, account.region, each) for each in kind.find(world, account)]
    return things


def _tagged(world, tags):
    """Whether tags, in any of the forms in which services show them, hold the run's."""
    pairs = {tag.get("Key", tag.get("key", tag.get("TagKey"))): tag for tag in tags}
    tag = pairs.get(TAG, {})
    return world.prefix in (tag.get("Value"), tag.get("value"), tag.get("TagValue"))


# Buckets.


def _remove_bucket(world, account, name):
    s3 = account.client("s3")
    try:
        _only(world, name, s3.get_bucket_tagging(Bucket=name)["TagSet"])
    except ClientError as error:
        # A bucket gets its tag a moment after it is made; without any it is ours if it is empty.
        if error.response["Error"]["Code"] != "NoSuchTagSet":
            raise
        _only(world, name)
        s3.delete_bucket(Bucket=name)
        return
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=name)
    for page in pages:
        versions = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        for version in versions:
            s3.delete_object(Bucket=name, Key=version["Key"], VersionId=version["VersionId"])
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=name):
        for there in page.get("Contents", []):
            s3.delete_object(Bucket=name, Key=there["Key"])
    s3.delete_bucket(Bucket=name)


def _buckets(world, account):
    s3 = account.client("s3")
    for bucket in s3.list_buckets()["Buckets"]:
        if world.is_ours(bucket["Name"]):
            with contextlib.suppress(ClientError):
                if _tagged(world, s3.get_bucket_tagging(Bucket=bucket["Name"])["TagSet"]):
                    yield bucket["Name"]


# Repositories.


def _remove_repository(world, account, name):
    ecr = account.client("ecr")
    (repository,) = ecr.describe_repositories(repositoryNames=[name])["repositories"]
    _only(world, name, ecr.list_tags_for_resource(resourceArn=repository["repositoryArn"])["tags"])
    ecr.delete_repository(repositoryName=name, force=True)


def _repositories(world, account):
    ecr = account.client("ecr")
    for page in ecr.get_paginator("describe_repositories").paginate():
        for repository in page["repositories"]:
            tags = ecr.list_tags_for_resource
            if world.is_ours(repository["repositoryName"]) and _tagged(
                world, tags(resourceArn=repository["repositoryArn"])["tags"]
            ):
                yield repository["repositoryName"]


# Keys have no names: the prefix is a word of their descriptions.


def _remove_key(world, account, key):
    kms = account.client("kms")
    described = kms.describe_key(KeyId=key)["KeyMetadata"]
    _only(world, _name_of(world, described), kms.list_resource_tags(KeyId=key)["Tags"])
    if described["KeyState"] != "PendingDeletion":
        kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)


def _keys(world, account):
    kms = account.client("kms")
    for page in kms.get_paginator("list_keys").paginate():
        for key in page["Keys"]:
            # Keys of AWS's services may be closed to everybody else.
            with contextlib.suppress(ClientError):
                described = kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]
                if not world.is_ours(_name_of(world, described)):
                    continue
                tags = kms.list_resource_tags(KeyId=key["KeyId"])["Tags"]
                if described["KeyState"] != "PendingDeletion" and _tagged(world, tags):
                    yield key["KeyId"]


def _name_of(world, described):
    """The word of its description that carries the prefix, or else the first one."""
    words = re.split(r"[^a-z0-9-]+", described.get("Description", ""))
    return next((word for word in words if world.is_ours(word)), words[0])


# Roles.


def _remove_role(world, account, name):
    iam = account.client("iam")
    _only(world, name, iam.list_role_tags(RoleName=name)["Tags"])
    for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
        iam.delete_role_policy(RoleName=name, PolicyName=policy)
    iam.delete_role(RoleName=name)


def _roles(world, account):
    iam = account.client("iam")
    for page in iam.get_paginator("list_roles").paginate():
        for role in page["Roles"]:
            if world.is_ours(role["RoleName"]) and _tagged(
                world, iam.list_role_tags(RoleName=role["RoleName"])["Tags"]
            ):
                yield role["RoleName"]


# Stacks go first: what they hold goes with them. What they keep is found by its own kind.


def _remove_stack(world, account, name):
    cloudformation = account.client("cloudformation")
    stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    _only(world, name, stack.get("Tags", []))
    identity = stack["StackId"]
    _write_down_retained(world, account, identity)

    def status():
        return cloudformation.describe_stacks(StackName=identity)["Stacks"][0]["StackStatus"]

    retained = {}
    for _ in range(3):
        # What a killed run has begun comes to its end first.
        _at_rest(world, status)
        cloudformation.delete_stack(StackName=identity, **retained)
        _at_rest(world, status)
        if status() == "DELETE_COMPLETE":
            return
        retained = _unanswered(cloudformation, identity)
    raise RuntimeError(f"the stack {name} is {status()}")


# What stacks keep when they are deleted, by its type.
RETAINED = {"AWS::S3::Bucket": "bucket", "AWS::ECR::Repository": "repository", "AWS::KMS::Key": "key"}


def _write_down_retained(world, account, stack):
    """What a stack of ours may keep is ours: it is written down, and gets the tag if the stack's didn't reach it."""
    for each in _resources(account.client("cloudformation"), stack):
        kind, name = RETAINED.get(each["ResourceType"]), each.get("PhysicalResourceId")
        if kind and name and each["ResourceStatus"] != "DELETE_COMPLETE":
            world.journal.making(Thing(kind, account.id, account.region, name))
            with contextlib.suppress(ClientError):
                _tag(world, account, kind, name)


def _resources(cloudformation, stack):
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
    return [each for page in pages for each in page["StackResourceSummaries"]]


def _tag(world, account, kind, name):
    tags = [{"Key": key, "Value": value} for key, value in world.tags.items()]
    if kind == "repository":
        ecr = account.client("ecr")
        (repository,) = ecr.describe_repositories(repositoryNames=[name])["repositories"]
        ecr.tag_resource(resourceArn=repository["repositoryArn"], tags=tags)
    elif kind == "key":
        of_key = [{"TagKey": tag["Key"], "TagValue": tag["Value"]} for tag in tags]
        account.client("kms").tag_resource(KeyId=name, Tags=of_key)
    else:
        s3, there = account.client("s3"), []
        with contextlib.suppress(ClientError):
            there = s3.get_bucket_tagging(Bucket=name)["TagSet"]
        # It takes all tags at once, and those of CloudFormation can't be given.
        if not _tagged(world, there):
            s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tags})


def _unanswered(cloudformation, stack):
    """Custom resources whose function is gone; what they made goes by its own kind."""
    failed = [
        each["LogicalResourceId"]
        for each in _resources(cloudformation, stack)
        if each["ResourceStatus"] == "DELETE_FAILED" and each["ResourceType"].startswith("Custom::")
    ]
    return {"RetainResources": failed} if failed else {}


def _at_rest(world, status):
    """A change set that nobody has executed is no operation: its stack may wait for that for ever."""
    world.until(lambda: status() == "REVIEW_IN_PROGRESS" or not status().endswith("IN_PROGRESS"), world.patience)


def _stacks(world, account):
    cloudformation = account.client("cloudformation")
    for page in cloudformation.get_paginator("describe_stacks").paginate():
        for stack in page["Stacks"]:
            is_ours = world.is_ours(stack["StackName"]) and _tagged(world, stack.get("Tags", []))
            if is_ours and stack["StackStatus"] != "DELETE_COMPLETE":
                yield stack["StackName"]


# Shares.


def _remove_share(world, account, name):
    ram = account.client("ram")
    for share in _shares_of(ram):
        if share["name"] == name and share["status"] not in ("DELETING", "DELETED"):
            _only(world, name, share.get("tags", []))
            ram.delete_resource_share(resourceShareArn=share["resourceShareArn"])
    # Subnets can't be deleted while they are shared.
    world.until(lambda: not [each for each in _shares_of(ram) if each["name"] == name and each["status"] != "DELETED"])


def _shares(world, account):
    for share in _shares_of(account.client("ram")):
        is_there = world.is_ours(share["name"]) and share["status"] not in ("DELETING", "DELETED")
        if is_there and _tagged(world, share.get("tags", [])):
            yield share["name"]


def _shares_of(ram):
    pages = ram.get_paginator("get_resource_shares").paginate(resourceOwner="SELF")
    return [share for page in pages for share in page["resourceShares"]]


# Units are named by their path below the root, the prefix first.


def _remove_unit(world, account, name):
    organizations = account.client("organizations")
    for unit in units(organizations):
        if unit["Name"] == name:
            _only(world, name, organizations.list_tags_for_resource(ResourceId=unit["Id"])["Tags"])
            _remove_tree(organizations, unit["Id"])


def _remove_tree(organizations, unit):
    for child in children(organizations, unit):
        _remove_tree(organizations, child["Id"])
    organizations.delete_organizational_unit(OrganizationalUnitId=unit)


def _units(world, account):
    organizations = account.client("organizations")
    for unit in units(organizations):
        if world.is_ours(unit["Name"]):
            tags = organizations.list_tags_for_resource(ResourceId=unit["Id"])["Tags"]
            if _tagged(world, tags):
                yield unit["Name"]


def units(organizations):
    """The units right below the root."""
    return children(organizations, _root(organizations))


def children(organizations, parent):
    pages = organizations.get_paginator("list_organizational_units_for_parent").paginate(ParentId=parent)
    return [unit for page in pages for unit in page["OrganizationalUnits"]]


# Accounts can only be closed; they stay for 90 days, in the root, since a unit that holds one can't be deleted.


def _remove_account(world, account, name):
    organizations = account.client("organizations")
    for member in members(organizations):
        if member["Name"] != name:
            continue
        _only(world, name, organizations.list_tags_for_resource(ResourceId=member["Id"])["Tags"])
        root, parent = _root(organizations), _parent(organizations, member)
        if parent != root:
            organizations.move_account(AccountId=member["Id"], SourceParentId=parent, DestinationParentId=root)
        if state(member) == "ACTIVE":
            organizations.close_account(AccountId=member["Id"])


def _accounts(world, account):
    """Those that are open, or closed and in the way of their unit's end."""
    organizations = account.client("organizations")
    for member in members(organizations):
        if world.is_ours(member["Name"]):
            is_left = state(member) == "ACTIVE" or _parent(organizations, member) != _root(organizations)
            if is_left and _tagged(world, organizations.list_tags_for_resource(ResourceId=member["Id"])["Tags"]):
                yield member["Name"]


def _root(organizations):
    return organizations.list_roots()["Roots"][0]["Id"]


def _parent(organizations, member):
    return organizations.list_parents(ChildId=member["Id"])["Parents"][0]["Id"]


def members(organizations):
    pages = organizations.get_paginator("list_accounts").paginate()
    return [member for page in pages for member in page["Accounts"]]


def state(member):
    """real-aws O14: `State`, and where there is none `Status`."""
    return member.get("State", member.get("Status"))


# What a run switched on.


def _remove_policy_type(world, account, name):
    organizations = account.client("organizations")
    root = _root(organizations)
    with contextlib.suppress(organizations.exceptions.PolicyTypeNotEnabledException):
        organizations.disable_policy_type(RootId=root, PolicyType=name)


def _only(world, name, tags=None):
    """Whatever a journal says: what lacks the prefix or the tag is somebody else's, and stays."""
    if not world.is_ours(name):
        raise ValueError(f"{json.dumps(name)} doesn't carry the prefix {world.prefix}: it is left alone")
    if tags is not None and not _tagged(world, tags):
        raise ValueError(f"{json.dumps(name)} doesn't carry the tag {TAG}={world.prefix}: it is left alone")


# In the order in which they are removed, but for stacks (cleaning.py): units after the accounts in them.
KINDS = {
    "stack": Kind(_remove_stack, _stacks),
    "share": Kind(_remove_share, _shares),
    "bucket": Kind(_remove_bucket, _buckets),
    "repository": Kind(_remove_repository, _repositories),
    "key": Kind(_remove_key, _keys),
    "role": Kind(_remove_role, _roles),
    "account": Kind(_remove_account, _accounts, everywhere=False),
    "unit": Kind(_remove_unit, _units, everywhere=False),
    # A type has no prefix: it is in the journal only if this run switched it on.
    "policy type": Kind(_remove_policy_type, lambda world, account: [], everywhere=False),
}
