"""What a table's own policy does."""

import json

import refusal
import stores
from belief import Table
from outcome import held, not_tried
from stores import pairs

TABLE = Table()
KEY = {"Policy": {"S": "repository app"}, "Item": {"S": "lease"}}
ITEMS = {"AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in KEY]}
SCHEMA = [{"AttributeName": name, "KeyType": kind} for name, kind in zip(KEY, ("HASH", "RANGE"), strict=True)]


@TABLE.belief(
    "T1",
    "A table whose policy denies writes to all but the roles of a path is written by no administrator, who may read it "
    "and take the policy away",
    "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/rbac-iam-actions.html",
    local="asks no policy of a table",
)
def administrators_write_no_items(world):
    account, (name, arn) = world.management, _table(world, "t1")
    dynamodb = account.client("dynamodb")
    # As template.yaml has it.
    roles = f"arn:{account.partition}:iam::{account.id}:role/{world.prefix}/statements/*"
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": ["dynamodb:PutItem", "dynamodb:UpdateItem"],
        "Resource": "*",
        "Condition": {"ArnNotLike": {"aws:PrincipalArn": roles}},
    }
    dynamodb.put_resource_policy(
        ResourceArn=arn, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    )
    seen = {}

    def write():
        seen["write"] = refusal.of(dynamodb.update_item, TableName=name, Key=KEY)
        return seen["write"].code

    # A policy counts a moment after it was put, or taken away.
    denied = world.until(write) is not None
    said = f"with the policy: {seen['write']}"
    read = refusal.of(dynamodb.get_item, TableName=name, Key=KEY)
    dynamodb.delete_resource_policy(ResourceArn=arn)
    written = world.until(lambda: not write()) is not None
    dynamodb.delete_table(TableName=name)
    said = f"{said}; a read: {read}; without the policy: {seen['write']}"
    return held(denied and read.code is None and written, said)


@TABLE.belief(
    "T2",
    "BatchGetItem is judged by the partition of each key: where dynamodb:LeadingKeys names some, others are refused",
    "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html",
    local="judges no policies of callers of DynamoDB",
)
def reads_are_judged_by_partition(world):
    dynamodb, (name, arn) = world.management.client("dynamodb"), _table(world, "t2")
    reading = {"Effect": "Allow", "Action": "dynamodb:BatchGetItem", "Resource": arn}
    # As template.yaml has it.
    within = {"Condition": {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": "repository *"}}}
    role = stores.make_role(world, "t2", {"Version": "2012-10-17", "Statement": [reading]})
    session = json.dumps({"Version": "2012-10-17", "Statement": [{**reading, **within}]})
    other, seen = {**KEY, "Policy": {"S": "bucket app"}}, {}

    def is_read(*keys):
        def read():
            client = world.management.assumed(role, session)("dynamodb")
            client.batch_get_item(RequestItems={name: {"Keys": list(keys)}})

        seen["last"] = refusal.of(read)
        return seen["last"].code is None

    # A new role can't be assumed at once, and what it may do is known a moment later.
    if world.until(lambda: is_read(KEY), within=120) is None:
        return (
            not_tried("the new role couldn't be assumed")
            if seen["last"].says("sts:AssumeRole")
            else held(False, f"{seen['last']}")
        )
    refused = {}
    for way, keys in {"another partition": [other], "both": [KEY, other]}.items():
        is_read(*keys)
        refused[way] = seen["last"].code
    dynamodb.delete_table(TableName=name)
    said = ", ".join(f"{way}: {code or 'read'}" for way, code in refused.items())
    return held(all(refused.values()), f"its own partition: read, {said}")


def _table(world, of):
    """The name and the ARN of a table like the ledger."""
    name, dynamodb = world.making("table", world.name(of)), world.management.client("dynamodb")
    made = dynamodb.create_table(
        TableName=name, KeySchema=SCHEMA, BillingMode="PAY_PER_REQUEST", Tags=pairs(world), **ITEMS
    )
    dynamodb.get_waiter("table_exists").wait(TableName=name)
    return name, made["TableDescription"]["TableArn"]
