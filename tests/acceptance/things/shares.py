"""Shares."""

from .ownership import only, tagged


def remove_share(world, account, name):
    ram = account.client("ram")
    for share in _shares_of(ram):
        if share["name"] == name and share["status"] not in ("DELETING", "DELETED"):
            only(world, name, share.get("tags", []))
            ram.delete_resource_share(resourceShareArn=share["resourceShareArn"])
    # Subnets can't be deleted while they are shared.
    world.until(lambda: not [each for each in _shares_of(ram) if each["name"] == name and each["status"] != "DELETED"])


def shares(world, account):
    for share in _shares_of(account.client("ram")):
        is_there = world.is_ours(share["name"]) and share["status"] not in ("DELETING", "DELETED")
        if is_there and tagged(world, share.get("tags", [])):
            yield share["name"]


def _shares_of(ram):
    pages = ram.get_paginator("get_resource_shares").paginate(resourceOwner="SELF")
    return [share for page in pages for share in page["resourceShares"]]
