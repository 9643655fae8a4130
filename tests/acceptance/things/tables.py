"""Tables. The functions' stack keeps one of its own when it is deleted, and nobody may delete that by mistake."""

from .ownership import only, tagged


def remove_table(world, account, name):
    dynamodb = account.client("dynamodb")
    only(world, name, _tags(dynamodb, name))
    if _described(dynamodb, name).get("DeletionProtectionEnabled"):
        dynamodb.update_table(TableName=name, DeletionProtectionEnabled=False)
    # A table that is being made or changed can't be deleted.
    world.until(lambda: _described(dynamodb, name)["TableStatus"] == "ACTIVE", world.patience)
    dynamodb.delete_table(TableName=name)


def tables(world, account):
    dynamodb = account.client("dynamodb")
    for page in dynamodb.get_paginator("list_tables").paginate():
        for name in filter(world.is_ours, page["TableNames"]):
            if tagged(world, _tags(dynamodb, name)):
                yield name


def _tags(dynamodb, name):
    return dynamodb.list_tags_of_resource(ResourceArn=_described(dynamodb, name)["TableArn"])["Tags"]


def _described(dynamodb, name):
    return dynamodb.describe_table(TableName=name)["Table"]
