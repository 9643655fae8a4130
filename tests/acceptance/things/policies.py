"""What has policies: buckets, repositories, keys and roles."""

import contextlib
import re

from botocore.exceptions import ClientError

from .ownership import only, tagged

# Buckets.


def remove_bucket(world, account, name):
    s3 = account.client("s3")
    try:
        only(world, name, s3.get_bucket_tagging(Bucket=name)["TagSet"])
    except ClientError as error:
        # A bucket gets its tag a moment after it is made; without any it is ours if it is empty.
        if error.response["Error"]["Code"] != "NoSuchTagSet":
            raise
        only(world, name)
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


def buckets(world, account):
    s3 = account.client("s3")
    for bucket in s3.list_buckets()["Buckets"]:
        if world.is_ours(bucket["Name"]):
            with contextlib.suppress(ClientError):
                if tagged(world, s3.get_bucket_tagging(Bucket=bucket["Name"])["TagSet"]):
                    yield bucket["Name"]


# Repositories.


def remove_repository(world, account, name):
    ecr = account.client("ecr")
    (repository,) = ecr.describe_repositories(repositoryNames=[name])["repositories"]
    only(world, name, ecr.list_tags_for_resource(resourceArn=repository["repositoryArn"])["tags"])
    ecr.delete_repository(repositoryName=name, force=True)


def repositories(world, account):
    ecr = account.client("ecr")
    for page in ecr.get_paginator("describe_repositories").paginate():
        for repository in page["repositories"]:
            tags = ecr.list_tags_for_resource
            if world.is_ours(repository["repositoryName"]) and tagged(
                world, tags(resourceArn=repository["repositoryArn"])["tags"]
            ):
                yield repository["repositoryName"]


# Keys have no names: the prefix is a word of their descriptions.


def remove_key(world, account, key):
    kms = account.client("kms")
    described = kms.describe_key(KeyId=key)["KeyMetadata"]
    only(world, _name_of(world, described), kms.list_resource_tags(KeyId=key)["Tags"])
    if described["KeyState"] != "PendingDeletion":
        kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)


def keys(world, account):
    kms = account.client("kms")
    for page in kms.get_paginator("list_keys").paginate():
        for key in page["Keys"]:
            # Keys of AWS's services may be closed to everybody else.
            with contextlib.suppress(ClientError):
                described = kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]
                if not world.is_ours(_name_of(world, described)):
                    continue
                tags = kms.list_resource_tags(KeyId=key["KeyId"])["Tags"]
                if described["KeyState"] != "PendingDeletion" and tagged(world, tags):
                    yield key["KeyId"]


def _name_of(world, described):
    """The word of its description that carries the prefix, or else the first one."""
    words = re.split(r"[^a-z0-9-]+", described.get("Description", ""))
    return next((word for word in words if world.is_ours(word)), words[0])


# Roles.


def remove_role(world, account, name):
    iam = account.client("iam")
    only(world, name, iam.list_role_tags(RoleName=name)["Tags"])
    for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
        iam.delete_role_policy(RoleName=name, PolicyName=policy)
    iam.delete_role(RoleName=name)


def roles(world, account):
    iam = account.client("iam")
    for page in iam.get_paginator("list_roles").paginate():
        for role in page["Roles"]:
            if world.is_ours(role["RoleName"]) and tagged(world, iam.list_role_tags(RoleName=role["RoleName"])["Tags"]):
                yield role["RoleName"]
