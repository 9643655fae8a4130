"""What there is, as lines of text, and how it changed: the tree of OUs, shares, subnets, stack events."""

import difflib
import sys
import textwrap

WIDTH = 96
COLOURS = {"+": "32", "-": "31", "COMPLETE": "32", "FAILED": "31", "ROLLBACK": "33", "heading": "1", "faint": "2"}
# What is begun or tidied up, and not news.
QUIET = {f"{verb}_IN_PROGRESS" for verb in ("CREATE", "UPDATE", "DELETE")} | {
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
    "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
}


def paint(text, colour):
    return f"\033[{COLOURS[colour]}m{text}\033[0m" if sys.stdout.isatty() and colour in COLOURS else text


def organization(client):
    """The tree of organizational units and the accounts in them, with the id of each."""
    (root,) = client.list_roots()["Roots"]
    lines = [f"{root['Name']:<37} {root['Id']}"]

    def below(parent, indent):
        pages = client.get_paginator("list_organizational_units_for_parent").paginate(ParentId=parent)
        units = sorted((unit for page in pages for unit in page["OrganizationalUnits"]), key=lambda unit: unit["Name"])
        pages = client.get_paginator("list_accounts_for_parent").paginate(ParentId=parent)
        accounts = sorted(
            (account for page in pages for account in page["Accounts"]), key=lambda account: account["Name"]
        )
        inside = [*accounts, *units]
        for item in inside:
            last = item is inside[-1]
            name = item["Name"] if item in units else f"account {item['Name']}"
            lines.append(f"{indent}{'└─ ' if last else '├─ '}{name:<{34 - len(indent)}} {item['Id']}")
            if item in units:
                below(item["Id"], indent + ("   " if last else "│  "))

    below(root["Id"], "")
    return lines


def shares(client):
    """The shares that there are, with what each gives and to whom."""
    pages = client.get_paginator("get_resource_shares").paginate(resourceOwner="SELF")
    lines = []
    for share in [share for page in pages for share in page["resourceShares"] if share["status"] != "DELETED"]:
        lines.append(f"share {share['name']:<28} {share['status']}")
        for kind in ("RESOURCE", "PRINCIPAL"):
            asked = {"resourceShareArns": [share["resourceShareArn"]], "associationType": kind}
            pages = client.get_paginator("get_resource_share_associations").paginate(**asked)
            for each in [each for page in pages for each in page["resourceShareAssociations"]]:
                if each["status"] != "DISASSOCIATED":
                    # The end of an ARN is what people know a thing by.
                    lines.append(f"   {each['associatedEntity'].split('/')[-1]:<31} {each['status']}")
    return lines


def subnets(client, owner):
    """The subnets of an account that the client's sees, without the default ones, and their tags there."""
    seen = client.describe_subnets()["Subnets"]
    seen = [subnet for subnet in seen if subnet["OwnerId"] == owner and not subnet["DefaultForAz"]]
    lines = []
    for subnet in sorted(seen, key=lambda subnet: subnet["CidrBlock"]):
        # Neither AWS's own nor those that say who uses a thing.
        own = [tag for tag in subnet.get("Tags", []) if not tag["Key"].startswith(("aws:", "archipelago:"))]
        tags = [f"{tag['Key']}={tag['Value']}" for tag in own]
        place = f"{subnet['CidrBlock']:<14} {subnet['AvailabilityZoneId']}"
        lines.append(f"{subnet['SubnetId']}  {place}  {' '.join(tags) or '(no tags)'}")
    return lines


def change(title, before, after):
    """Both states in one list, an entry in one or several lines: `-` was, `+` is."""
    if before == after:
        print(paint(f"\n  {title}", "heading") + ": unchanged")
        return
    print(paint(f"\n  {title}", "heading"))
    for entry in difflib.ndiff(before, after):
        if entry[0] != "?":
            for line in entry[2:].split("\n"):
                print(paint(f"  {entry[0]} {line}".rstrip(), entry[0]))


def event(said, where):
    """One stack event with its reason below it, if it says more than that something was begun."""
    status = said["ResourceStatus"]
    if status in QUIET:
        return
    colour = next((name for name in ("FAILED", "ROLLBACK", "COMPLETE") if name in status), "faint")
    time = f"{said['Timestamp']:%H:%M:%S}"
    print(f"  {time}  {where}  {paint(f'{status:<24}', colour)} {said['LogicalResourceId']:<21} {said['ResourceType']}")
    if said.get("ResourceStatusReason"):
        reason = textwrap.wrap(said["ResourceStatusReason"], WIDTH - 12, break_on_hyphens=False, break_long_words=False)
        print(paint("\n".join(f"            {line}" for line in reason), "faint"))
