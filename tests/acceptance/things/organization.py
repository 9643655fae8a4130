"""Units, accounts and policy types of the organization."""

import contextlib

from .ownership import only, tagged

# What checks switch on and off: a type without a service, and one that wants its service trusted first.
TRIED_TYPE, SERVICE_TYPE = "AISERVICES_OPT_OUT_POLICY", "SECURITYHUB_POLICY"
# The service of StackSets, whose access checks switch on and off.
STACKSETS = "member.org.stacksets.cloudformation.amazonaws.com"


def remove_unit(world, account, name):
    organizations = account.client("organizations")
    for unit in units(organizations):
        if unit["Name"] == name:
            only(world, name, organizations.list_tags_for_resource(ResourceId=unit["Id"])["Tags"])
            _remove_tree(world, organizations, unit["Id"])


def _remove_tree(world, organizations, unit):
    """With those of the run's below it; where there are others, Organizations refuses."""
    for child in children(organizations, unit):
        if world.is_ours(child["Name"]):
            _remove_tree(world, organizations, child["Id"])
    organizations.delete_organizational_unit(OrganizationalUnitId=unit)


def runs_units(world, account):
    organizations = account.client("organizations")
    for unit in units(organizations):
        if world.is_ours(unit["Name"]):
            tags = organizations.list_tags_for_resource(ResourceId=unit["Id"])["Tags"]
            if tagged(world, tags):
                yield unit["Name"]


def units(organizations):
    """The units right below the root."""
    return children(organizations, _root(organizations))


def children(organizations, parent):
    pages = organizations.get_paginator("list_organizational_units_for_parent").paginate(ParentId=parent)
    return [unit for page in pages for unit in page["OrganizationalUnits"]]


# Accounts can only be closed; they stay for 90 days, in the root, since a unit that holds one can't be deleted.


def remove_account(world, account, name):
    organizations = account.client("organizations")
    for member in members(organizations):
        if member["Name"] != name:
            continue
        only(world, name, organizations.list_tags_for_resource(ResourceId=member["Id"])["Tags"])
        root, parent = _root(organizations), _parent(organizations, member)
        if parent != root:
            organizations.move_account(AccountId=member["Id"], SourceParentId=parent, DestinationParentId=root)
        if state(member) == "ACTIVE":
            organizations.close_account(AccountId=member["Id"])


def accounts(world, account):
    """Those that are open, or closed and in the way of their unit's end."""
    organizations = account.client("organizations")
    for member in members(organizations):
        if world.is_ours(member["Name"]):
            is_left = state(member) == "ACTIVE" or _parent(organizations, member) != _root(organizations)
            if is_left and tagged(world, organizations.list_tags_for_resource(ResourceId=member["Id"])["Tags"]):
                yield member["Name"]


def _root(organizations):
    return organizations.list_roots()["Roots"][0]["Id"]


def _parent(organizations, member):
    return organizations.list_parents(ChildId=member["Id"])["Parents"][0]["Id"]


def members(organizations):
    pages = organizations.get_paginator("list_accounts").paginate()
    return [member for page in pages for member in page["Accounts"]]


def state(member):
    """`State`, and where there is none `Status`."""
    return member.get("State", member.get("Status"))


# What a run switched on.


def remove_policy_type(world, account, name):
    organizations = account.client("organizations")
    root = _root(organizations)
    with contextlib.suppress(organizations.exceptions.PolicyTypeNotEnabledException):
        organizations.disable_policy_type(RootId=root, PolicyType=name)


def remove_access(world, account, service):
    """That of StackSets, with the trust in their service."""
    cloudformation = account.client("cloudformation")
    with contextlib.suppress(cloudformation.exceptions.InvalidOperationException):
        cloudformation.deactivate_organizations_access()
    account.client("organizations").disable_aws_service_access(ServicePrincipal=service)
