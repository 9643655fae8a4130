"""What Organizations, Account and STS take, refuse and show."""

import contextlib
import json

import refusal
import stores
from belief import CHANGE_ORGANIZATION, CLOSED_ACCOUNT, MAKE_ACCOUNTS, MEMBER, Table
from outcome import confirmed, contradicted, held, not_tried
from stores import pairs
from things import organization

TABLE = Table()
API = "https://docs.aws.amazon.com/organizations/latest/APIReference"
AUTHORIZATION = "https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsorganizations.html"
OF_STACKSETS = (
    "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-activate-trusted-access.html"
)
NO_POLICIES = "judges no policies of callers of Organizations"


@TABLE.belief(
    "O1-unit",
    "CreateOrganizationalUnit with tags needs TagResource on ou/*, or on * where the keys of the tags are named",
    f"{AUTHORIZATION}",
    local=NO_POLICIES,
)
def tags_of_a_new_unit(world):
    account = world.management
    units = f"arn:{account.partition}:organizations::{account.id}:ou/*"
    tagging = {"Effect": "Allow", "Action": "organizations:TagResource"}
    with_keys = {"Resource": "*", "Condition": {"ForAnyValue:StringEquals": {"aws:TagKeys": list(world.tags)}}}
    ways = {"no TagResource": None, "ou/*": tagging | {"Resource": units}, "* with keys": tagging | with_keys}
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "organizations:*", "Resource": "*"}]}
    role = stores.make_role(world, "o1", policy)
    seen = {way: _unit_as(world, role, n, way, allowed) for n, (way, allowed) in enumerate(ways.items())}
    if any(refused.says("sts:AssumeRole") for refused in seen.values()):
        return not_tried("the new role couldn't be assumed: a root user assumes none")
    lets = {way for way, refused in seen.items() if refused.code is None}
    said = "; ".join(f"{way}: {refused.code or 'allowed'}" for way, refused in seen.items())
    return held(bool(lets & {"ou/*", "* with keys"}) and "no TagResource" not in lets, said)


def _unit_as(world, role, n, way, tagging):
    making = {"Effect": "Allow", "Action": "organizations:CreateOrganizationalUnit", "Resource": "*"}
    session = json.dumps({"Version": "2012-10-17", "Statement": [making, *([tagging] if tagging else [])]})
    root, name = _root(world), world.making("unit", world.name(f"o1-{n}"))
    made = {}

    def make():
        made["as"] = made.get("as") or world.management.assumed(role, session)("organizations")
        made["as"].create_organizational_unit(ParentId=root, Name=name, Tags=pairs(world))

    # A new role can't be assumed at once, and what it may do is known a moment later: its refusal must last.
    last = []

    def is_taken():
        last[:] = [refusal.of(make)]
        return last[0].code is None

    world.until(is_taken, within=60 if tagging else 30)
    return last[0]


@TABLE.belief(
    "O3",
    "A new unit takes a unit of its own, is listed and can be described within two minutes",
    "shared/organizations/src/lib.rs",
)
def new_units_are_known_soon(world):
    organizations, root = world.management.client("organizations"), _root(world)
    lags = []
    for n in range(3):
        name = world.making("unit", world.name(f"o3-{n}"))
        made = organizations.create_organizational_unit(ParentId=root, Name=name, Tags=pairs(world))
        unit = made["OrganizationalUnit"]["Id"]

        def takes_a_child(unit=unit):
            name = f"{world.prefix}-child"
            return refusal.of(
                organizations.create_organizational_unit, ParentId=unit, Name=name, Tags=pairs(world)
            ).code in (None, "DuplicateOrganizationalUnitException")

        def is_listed(unit=unit):
            return unit in [each["Id"] for each in organization.units(organizations)]

        lags += [world.until(takes_a_child), world.until(is_listed)]
    slowest = max(600 if lag is None else lag for lag in lags)
    return held(slowest <= 120, f"the longest of {len(lags)} took {slowest:.1f} s")


@TABLE.belief(
    "O15",
    "Organizations' refusals about units have the codes that the function knows",
    f"{API}/API_CreateOrganizationalUnit.html; {API}/API_DeleteOrganizationalUnit.html",
)
def refusals_about_units(world):
    organizations, root = world.management.client("organizations"), _root(world)
    name = world.making("unit", world.name("o15"))
    unit = organizations.create_organizational_unit(ParentId=root, Name=name, Tags=pairs(world))
    unit = unit["OrganizationalUnit"]["Id"]
    organizations.create_organizational_unit(ParentId=unit, Name=world.name("child"), Tags=pairs(world))
    nowhere = f"ou-{root.removeprefix('r-')}-00000000"
    calls = {
        "DuplicateOrganizationalUnitException": lambda: organizations.create_organizational_unit(
            ParentId=root, Name=name
        ),
        "OrganizationalUnitNotEmptyException": lambda: organizations.delete_organizational_unit(
            OrganizationalUnitId=unit
        ),
        "ParentNotFoundException": lambda: organizations.create_organizational_unit(
            ParentId=nowhere, Name=world.name("o15-lost")
        ),
        "OrganizationalUnitNotFoundException": lambda: organizations.delete_organizational_unit(
            OrganizationalUnitId=nowhere
        ),
    }
    seen = {code: refusal.of(call).code for code, call in calls.items()}
    wrong = {code: got for code, got in seen.items() if code != got}
    return held(not wrong, ", ".join(f"{got} for {code}" for code, got in wrong.items()) or ", ".join(seen))


@TABLE.belief(
    "N10",
    "Organizations takes a slash in the name of a unit, so that it would be read as two levels of a path",
    f"{API}/API_CreateOrganizationalUnit.html",
)
def names_may_have_a_slash(world):
    organizations = world.management.client("organizations")
    name = world.making("unit", world.name("n10/slash"))
    refused = refusal.of(organizations.create_organizational_unit, ParentId=_root(world), Name=name, Tags=pairs(world))
    return held(refused.code is None, str(refused))


@TABLE.belief(
    "O14",
    "An account of the organization has a State",
    f"{API}/API_Account.html",
    needs=(MEMBER,),
)
def accounts_have_a_state(world):
    member = world.management.client("organizations").describe_account(AccountId=world.member.id)["Account"]
    return held(member.get("State") == "ACTIVE", f"State {member.get('State')}, Status {member.get('Status')}")


@TABLE.belief(
    "O9",
    "The management account can't be named by its own id in calls of Account",
    "https://docs.aws.amazon.com/accounts/latest/reference/API_PutAccountName.html",
)
def the_management_account_has_no_id_there(world):
    account = world.management.client("account")
    name = next(
        member["Name"]
        for member in organization.members(world.management.client("organizations"))
        if member["Id"] == world.management.id
    )
    # Should it be taken, the account has the name that it has.
    refused = refusal.of(account.put_account_name, AccountId=world.management.id, AccountName=name)
    return held(refused.code is not None, str(refused))


@TABLE.belief(
    "O6",
    "CreateAccount with an address that is taken fails as EMAIL_ALREADY_EXISTS, and makes nothing",
    f"{API}/API_CreateAccountStatus.html",
    needs=(MEMBER, MAKE_ACCOUNTS),
)
def an_address_that_is_taken(world):
    organizations = world.management.client("organizations")
    member = organizations.describe_account(AccountId=world.member.id)["Account"]
    name = world.making("account", world.name("o6"))
    request = organizations.create_account(Email=member["Email"], AccountName=name)["CreateAccountStatus"]
    status = dict(request)

    def has_ended():
        status.update(
            organizations.describe_create_account_status(CreateAccountRequestId=request["Id"])["CreateAccountStatus"]
        )
        return status["State"] != "IN_PROGRESS"

    world.until(has_ended)
    return held(
        status.get("FailureReason") == "EMAIL_ALREADY_EXISTS", f"{status['State']}, {status.get('FailureReason')}"
    )


@TABLE.belief(
    "O8",
    "An account that the function says is closed is SUSPENDED",
    f"{API}/API_CloseAccount.html",
    needs=(MAKE_ACCOUNTS, CLOSED_ACCOUNT),
)
def a_closed_account_is_suspended(world):
    members = organization.members(world.management.client("organizations"))
    states = [organization.state(each) for each in members if each["Name"] == world.name("account")]
    if states in ([], ["ACTIVE"]):
        return not_tried("the life of Custom::Account has closed no account")
    return held(states == ["SUSPENDED"], f"its State is {', '.join(states)}")


@TABLE.belief(
    "O2",
    "STS in an opt-in Region that is off refuses the account's credentials, and the default Region's takes them",
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_enable-regions.html",
    local="has one Region",
)
def sts_by_region(world):
    account = world.management
    regions = account.client("account").list_regions(RegionOptStatusContains=["DISABLED"])["Regions"]
    if not regions:
        return not_tried("every opt-in Region is on in the management account")
    region = regions[0]["RegionName"]
    refused = refusal.of(account.client("sts", region).get_caller_identity)
    taken = refusal.of(account.client("sts", "us-east-1").get_caller_identity)
    return held(refused.code is not None and taken.code is None, f"{region}: {refused}; us-east-1: {taken}")


@TABLE.belief(
    "O4",
    "A policy type of a service is refused while the service isn't trusted: SERVICE_ACCESS_NOT_ENABLED",
    f"{API}/API_EnablePolicyType.html; terraform-provider-aws 45135",
    needs=(CHANGE_ORGANIZATION,),
)
def a_policy_type_wants_trust(world):
    organizations = world.management.client("organizations")
    trusted = [each["ServicePrincipal"] for each in _trusted(organizations)]
    if "securityhub.amazonaws.com" in trusted:
        return not_tried("securityhub.amazonaws.com is trusted already")
    # What is on already isn't ours to be switched off again.
    if organization.SERVICE_TYPE in [each["Type"] for each in organizations.list_roots()["Roots"][0]["PolicyTypes"]]:
        return not_tried("SECURITYHUB_POLICY is on already")
    world.making("policy type", organization.SERVICE_TYPE)
    call = organizations.enable_policy_type
    refused = refusal.of(call, RootId=_root(world), PolicyType=organization.SERVICE_TYPE)
    return held(refused.reason == "SERVICE_ACCESS_NOT_ENABLED", str(refused))


@TABLE.belief(
    "O5",
    "A policy type that is switched on is ENABLED soon, and gone soon after it is switched off",
    f"{API}/API_EnablePolicyType.html",
    needs=(CHANGE_ORGANIZATION,),
)
def policy_types_take_a_while(world):
    organizations, root = world.management.client("organizations"), _root(world)
    kind = organization.TRIED_TYPE

    def status():
        types = organizations.list_roots()["Roots"][0]["PolicyTypes"]
        return next((each["Status"] for each in types if each["Type"] == kind), None)

    if status() is not None:
        return not_tried(f"{kind} is on already")
    world.making("policy type", kind)
    answered = organizations.enable_policy_type(RootId=root, PolicyType=kind)["Root"]["PolicyTypes"]
    at_once = next((each["Status"] for each in answered if each["Type"] == kind), "not shown")
    on = world.until(lambda: status() == "ENABLED")
    off = refusal.of(organizations.disable_policy_type, RootId=root, PolicyType=kind)
    gone = world.until(lambda: status() is None)
    if on is None or gone is None:
        return contradicted(f"at once {at_once}; {'never gone' if on is not None else 'never ENABLED'}; {off}")
    return confirmed(f"at once {at_once}, ENABLED after {on:.0f} s, gone {gone:.0f} s after it was switched off")


@TABLE.belief(
    "O13",
    "Trust in their service gives StackSets no access; ActivateOrganizationsAccess does, soon, in every Region and "
    "also when it is repeated, and trusts the service; DeactivateOrganizationsAccess takes both away",
    f"{OF_STACKSETS}; https://github.com/pepperize/cdk-organizations/issues/1718",
    needs=(CHANGE_ORGANIZATION,),
)
def stack_sets_want_access(world):
    with _without_access(world) as (cloudformation, organizations):
        if cloudformation is None:
            return not_tried("StackSets have access to the organization already, or their service is trusted")
        organizations.enable_aws_service_access(ServicePrincipal=organization.STACKSETS)
        seen = {"trust alone": world.until(lambda: _access(cloudformation), within=1 if world.local else 30) is None}
        cloudformation.activate_organizations_access()
        on = world.until(lambda: _access(cloudformation))
        cloudformation.activate_organizations_access()
        seen["activated"] = on is not None and _access(cloudformation)
        elsewhere = "us-east-1" if world.management.region != "us-east-1" else "us-west-2"
        if world.management.partition == "aws":
            seen[f"in {elsewhere}"] = _access(world.management.client("cloudformation", elsewhere))
        cloudformation.deactivate_organizations_access()
        off = world.until(lambda: not _access(cloudformation) and not _trusts_stack_sets(organizations))
        seen["deactivated, with the trust"] = off is not None
        again = refusal.of(cloudformation.deactivate_organizations_access)
        cloudformation.activate_organizations_access()
        with_trust = world.until(lambda: _access(cloudformation) and _trusts_stack_sets(organizations))
        seen["activated without trust, which comes with it"] = with_trust is not None
    said = ", ".join(f"{what}: {'as believed' if so else 'otherwise'}" for what, so in seen.items())
    return held(all(seen.values()), f"{said}; on after {on or 0:.0f} s, off after {off or 0:.0f} s, off again: {again}")


@TABLE.belief(
    "O13-role",
    "A role may activate the access of StackSets that may do what the function's role may, the iam:GetRole included",
    "https://github.com/aws-samples/orgs-prescriptive-guidance/blob/main/template.yml",
    needs=(CHANGE_ORGANIZATION,),
)
def the_role_of_the_function_gives_access(world):
    account = world.management
    roles = f"arn:{account.partition}:iam::{account.id}:role"
    own = f"{roles}/aws-service-role/stacksets.cloudformation.amazonaws.com/*"
    calls = ["DescribeOrganization", "DisableAWSServiceAccess", "EnableAWSServiceAccess"]
    calls = ["cloudformation:*OrganizationsAccess", *(f"organizations:{call}" for call in calls)]
    may = [
        {"Effect": "Allow", "Action": calls, "Resource": "*"},
        {"Effect": "Allow", "Action": "iam:CreateServiceLinkedRole", "Resource": own},
    ]
    found = {
        "Effect": "Allow",
        "Action": "iam:GetRole",
        "Resource": [own, f"{roles}/AWSServiceRoleForCloudFormationStackSetsOrgAdmin"],
    }
    role = stores.make_role(world, "o13", {"Version": "2012-10-17", "Statement": [*may, found]})
    with _without_access(world) as (cloudformation, _):
        if cloudformation is None:
            return not_tried("StackSets have access to the organization already, or their service is trusted")
        seen = {}
        # Once there is a role of StackSets, nobody has to make it.
        for way, statements in {"without iam:GetRole": may, "with it": [*may, found]}.items():
            refused = seen[way] = _activated_as(world, role, statements)
            if refused.says("sts:AssumeRole"):
                return not_tried("the new role couldn't be assumed: a root user assumes none")
            if refused.code is None:
                break
    said = "; ".join(f"{way}: {refused}" for way, refused in seen.items())
    return held(any(refused.code is None for refused in seen.values()), said)


def _activated_as(world, role, statements):
    session = json.dumps({"Version": "2012-10-17", "Statement": statements})
    last = []

    def activate():
        world.management.assumed(role, session)("cloudformation").activate_organizations_access()

    # A new role can't be assumed at once, and what it may do is known a moment later: its refusal must last.
    def is_taken():
        last[:] = [refusal.of(activate)]
        return last[0].code is None

    world.until(is_taken, within=60)
    return last[0]


@TABLE.belief(
    "O16",
    "A member may ask which organization it is in, and is told the same as the management account",
    f"{API}/API_DescribeOrganization.html",
    needs=(MEMBER,),
)
def members_see_their_organization(world):
    calls = [account.client("organizations").describe_organization for account in world.accounts.values()]
    seen = {call()["Organization"]["Id"] for call in calls}
    return confirmed("the same id in both") if len(seen) == 1 else held(False, f"{len(seen)} ids")


def _root(world):
    return world.management.client("organizations").list_roots()["Roots"][0]["Id"]


@contextlib.contextmanager
def _without_access(world):
    """The clients with which checks, one after the other, give StackSets access; none where others have given it."""
    cloudformation, organizations = (world.management.client(name) for name in ("cloudformation", "organizations"))
    with world.lock("stack sets"):
        if _access(cloudformation) or _trusts_stack_sets(organizations):
            yield None, None
            return
        world.making("access of StackSets", organization.STACKSETS)
        try:
            yield cloudformation, organizations
        finally:
            organization.remove_access(world, world.management, organization.STACKSETS)


def _access(cloudformation):
    return cloudformation.describe_organizations_access()["Status"] == "ENABLED"


def _trusts_stack_sets(organizations):
    return organization.STACKSETS in [each["ServicePrincipal"] for each in _trusted(organizations)]


def _trusted(organizations):
    pages = organizations.get_paginator("list_aws_service_access_for_organization").paginate()
    return [each for page in pages for each in page["EnabledServicePrincipals"]]
