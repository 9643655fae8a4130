"""Stacks, and what they keep when they are deleted."""

import contextlib

from botocore.exceptions import ClientError

from journal import Thing

from .ownership import only, tagged

# Stacks go first: what they hold goes with them. What they keep is found by its own kind.


def remove_stack(world, account, name):
    cloudformation = account.client("cloudformation")
    stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    only(world, name, stack.get("Tags", []))
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
RETAINED = {
    "AWS::DynamoDB::Table": "table",
    "AWS::ECR::Repository": "repository",
    "AWS::KMS::Key": "key",
    "AWS::S3::Bucket": "bucket",
}


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
    elif kind == "table":
        dynamodb = account.client("dynamodb")
        dynamodb.tag_resource(ResourceArn=dynamodb.describe_table(TableName=name)["Table"]["TableArn"], Tags=tags)
    elif kind == "key":
        of_key = [{"TagKey": tag["Key"], "TagValue": tag["Value"]} for tag in tags]
        account.client("kms").tag_resource(KeyId=name, Tags=of_key)
    else:
        s3, there = account.client("s3"), []
        with contextlib.suppress(ClientError):
            there = s3.get_bucket_tagging(Bucket=name)["TagSet"]
        # It takes all tags at once, and those of CloudFormation can't be given.
        if not tagged(world, there):
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


def stacks(world, account):
    cloudformation = account.client("cloudformation")
    for page in cloudformation.get_paginator("describe_stacks").paginate():
        for stack in page["Stacks"]:
            is_ours = world.is_ours(stack["StackName"]) and tagged(world, stack.get("Tags", []))
            if is_ours and stack["StackStatus"] != "DELETE_COMPLETE":
                yield stack["StackName"]
