"""What a table's own policy does."""

import json

import refusal
from belief import Table
from outcome import held
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
    account, name = world.management, world.making("table", world.name("t1"))
    dynamodb = account.client("dynamodb")
    made = dynamodb.create_table(
        TableName=name, KeySchema=SCHEMA, BillingMode="PAY_PER_REQUEST", Tags=pairs(world), **ITEMS
    )
    arn = made["TableDescription"]["TableArn"]
    dynamodb.get_waiter("table_exists").wait(TableName=name)
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
