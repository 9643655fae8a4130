"""What Lambda does with aliases, as callers have them, and with who invokes by them."""

import json

import boto3

import refusal
import stores
from belief import CLOSED_ACCOUNT, MAKE_ACCOUNTS, MEMBER, Table
from outcome import confirmed, contradicted, held, not_tried
from things import organization

from . import functions

TABLE = Table()
GUIDE = "https://docs.aws.amazon.com/lambda/latest/dg"
KEYS = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html"
OF_STACKSETS = "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide"
ACCESS = "OrganizationAccountAccessRole"
# What writes a whole policy, as template.yaml has it.
WRITES = ["lambda:PutResourcePolicy", "lambda:AddPermission", "lambda:RemovePermission"]


@TABLE.belief(
    "D6",
    "The policy of an alias is written whole by its revision, with aws:PrincipalOrgPaths beside aws:PrincipalOrgID",
    "https://docs.aws.amazon.com/lambda/latest/api/API_PutResourcePolicy.html",
)
def a_policy_of_an_alias_names_a_unit(world):
    client = world.management.client("lambda")
    with functions.alias(world, "d6") as alias:
        policy = _policy(world, alias, _nowhere(world))
        revision = client.put_resource_policy(ResourceArn=alias, Policy=policy)["RevisionId"]
        shown = client.get_resource_policy(ResourceArn=alias)["Policy"]
        stale = {"ResourceArn": alias, "Policy": policy, "RevisionId": "00000000-0000-0000-0000-000000000000"}
        refused = refusal.of(client.put_resource_policy, **stale)
        taken = refusal.of(client.put_resource_policy, **{**stale, "RevisionId": revision})
    has_both = all(key in shown for key in ("aws:PrincipalOrgPaths", "aws:PrincipalOrgID"))
    said = f"shown with {'both' if has_both else shown}; with another revision: {refused}; with its own: {taken}"
    return held(has_both and refused.code == "PreconditionFailedException" and taken.code is None, said)


@TABLE.belief(
    "D6-rights",
    "Who writes the whole policy of an alias needs PutResourcePolicy, AddPermission and RemovePermission on the alias",
    f"{GUIDE}/access-control-resource-based.html",
    local="judges no policies of callers of Lambda",
)
def who_writes_a_policy_needs_three_permissions(world):
    role = stores.make_role(world, "d6", _allowing(["lambda:*"], "*"))
    with functions.alias(world, "d6-rights") as alias:
        seen = {", ".join(WRITES[:n]): _written_as(world, role, alias, WRITES[:n]) for n in (1, 2, 3)}
    if any(refused.says("sts:AssumeRole") for refused in seen.values()):
        return not_tried("the new role couldn't be assumed: a root user assumes none")
    alone, *_, all_three = seen.values()
    said = "; ".join(f"{way}: {refused.code or 'allowed'}" for way, refused in seen.items())
    return held(alone.code is not None and all_three.code is None, said)


def _written_as(world, role, alias, actions):
    session, last = json.dumps(_allowing(actions, alias)), []

    def is_written():
        write = {"ResourceArn": alias, "Policy": _policy(world, alias, _nowhere(world))}
        last[:] = [refusal.of(lambda: world.management.assumed(role, session)("lambda").put_resource_policy(**write))]
        return last[0].code is None

    # A new role can't be assumed at once, and what it may do is known a moment later: its refusal must last.
    world.until(is_written, within=60)
    return last[0]


@TABLE.belief(
    "D6-path",
    "An account may invoke by an alias whose policy names its path, and by none whose policy names another unit's",
    f"{KEYS}#condition-keys-principalorgpaths",
    needs=(MEMBER,),
)
def a_path_lets_accounts_in(world):
    client, member = world.management.client("lambda"), world.member.client("lambda")
    parent = world.management.client("organizations").list_parents(ChildId=world.member.id)["Parents"][0]["Id"]
    own = f"*{parent}/*" if parent.startswith("ou-") else "*"
    with functions.alias(world, "d6-path") as alias:
        client.put_resource_policy(ResourceArn=alias, Policy=_policy(world, alias, _nowhere(world)))
        refused = refusal.of(member.invoke, FunctionName=alias, InvocationType="DryRun")
        client.put_resource_policy(ResourceArn=alias, Policy=_policy(world, alias, own))
        let_in = world.until(lambda: _may_invoke(member, alias))
        client.put_resource_policy(ResourceArn=alias, Policy=_policy(world, alias, _nowhere(world)))
        kept_out = world.until(lambda: not _may_invoke(member, alias))
    if let_in is None or kept_out is None:
        return contradicted(f"it is {'never let in' if let_in is None else 'let in for ten minutes by the old policy'}")
    said = f"of another unit: {refused.code}; of its own: allowed after {let_in:.0f} s, and not {kept_out:.0f} s later"
    return held(refused.code is not None, said)


@TABLE.belief(
    "D6-moved",
    "An account that has moved into a unit is let in by its alias within ten minutes; StackSets may come before that "
    "and be refused, for which docs/landing.md has the retry",
    f"{OF_STACKSETS}/stacksets-orgs-manage-auto-deployment.html; {KEYS}#condition-keys-principalorgpaths",
    needs=(MAKE_ACCOUNTS, CLOSED_ACCOUNT),
)
def a_new_path_is_known(world):
    return world.made.get("moved", not_tried("the life of Custom::Account has moved no account"))


def look_when_moved(world):
    """Notes for the check above, while the life's account is in the run's unit, when Lambda lets it in."""
    members = organization.members(world.management.client("organizations"))
    (account,) = [
        each["Id"] for each in members if each["Name"] == world.name("account") and organization.state(each) == "ACTIVE"
    ]
    with functions.alias(world, "d6-moved") as alias:
        policy = _policy(world, alias, f"*{world.made['parent']}/*")
        world.management.client("lambda").put_resource_policy(ResourceArn=alias, Policy=policy)
        entered = {}

        def is_let_in():
            entered["as"] = entered.get("as") or _inside(world, account)
            return _may_invoke(entered["as"], alias)

        seconds = world.until(is_let_in)
    if seconds is None:
        world.made["moved"] = contradicted("it is never let in")
    else:
        world.made["moved"] = confirmed(f"{seconds:.0f} s after its stack said that it has moved")


def _inside(world, account):
    """Lambda, as an account that the organization made asks it."""
    if world.local:
        # An account's 12 digits are its key.
        given = {"AccessKeyId": account, "SecretAccessKey": "local", "SessionToken": None}
    else:
        role = f"arn:{world.management.partition}:iam::{account}:role/{ACCESS}"
        sts = world.management.client("sts")
        given = sts.assume_role(RoleArn=role, RoleSessionName="acceptance")["Credentials"]
    return boto3.client(
        "lambda",
        world.management.region,
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
    )


def _may_invoke(client, alias):
    return refusal.of(client.invoke, FunctionName=alias, InvocationType="DryRun").code is None


@TABLE.belief(
    "D6-gone",
    "The policy of an alias goes with the alias: another one of that name has none",
    "https://github.com/hashicorp/terraform-provider-aws/issues/12917",
)
def a_policy_goes_with_its_alias(world):
    client = world.management.client("lambda")
    with functions.alias(world, "d6-gone") as alias:
        client.put_resource_policy(ResourceArn=alias, Policy=_policy(world, alias, _nowhere(world)))
        _make_anew(client, alias)
        refused = refusal.of(client.get_resource_policy, ResourceArn=alias)
    return held(refused.code == "ResourceNotFoundException", str(refused))


@TABLE.belief(
    "D6-settings",
    "Settings for events outlive their alias: another one of that name has them, unless they are deleted as well",
    "https://github.com/alchemy-run/alchemy/pull/627",
)
def settings_outlive_their_alias(world):
    client = world.management.client("lambda")
    with functions.alias(world, "d6-settings") as alias:
        function, _, name = alias.rpartition(":")
        which = {"FunctionName": function, "Qualifier": name}
        client.put_function_event_invoke_config(**which, MaximumRetryAttempts=0)
        _make_anew(client, alias)
        outlived = refusal.of(client.get_function_event_invoke_config, **which)
    return held(outlived.code is None, f"another alias of that name has {'them' if not outlived.code else 'none'}")


def _make_anew(client, alias):
    function, _, name = alias.rpartition(":")
    client.delete_alias(FunctionName=function, Name=name)
    client.create_alias(FunctionName=function, Name=name, FunctionVersion="$LATEST")


def _policy(world, alias, path):
    """As the function writes it: handlers/caller/src/alias_policy.rs."""
    organizations = world.management.client("organizations")
    own = organizations.describe_organization()["Organization"]["Id"]
    root = organizations.list_roots()["Roots"][0]["Id"]
    statement = {
        "Sid": "caller",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": "lambda:InvokeFunction",
        "Resource": alias,
        "Condition": {
            "StringEquals": {"aws:PrincipalOrgID": own},
            "ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": [f"{own}/{root}/{path}"]},
        },
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _nowhere(world):
    """The end of the path of a unit that isn't there."""
    root = world.management.client("organizations").list_roots()["Roots"][0]["Id"]
    return f"*ou-{root.removeprefix('r-')}-00000000/*"


def _allowing(actions, resource):
    statement = {"Effect": "Allow", "Action": actions, "Resource": resource}
    return {"Version": "2012-10-17", "Statement": [statement]}
