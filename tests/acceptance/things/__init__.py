"""The kinds of things that a run makes: how each is removed, and how those that carry prefix and tag are found."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from botocore.exceptions import ClientError

from journal import Thing
from world import MANAGEMENT

from . import organization, policies, shares, stacks, tables

GONE = re.compile("NoSuch|NotFound|DoesNotExist|UnknownResource|AlreadyClosed")


@dataclass(frozen=True)
class Kind:
    """How things of a kind are removed by name or id, and found. Kinds of the management account are nowhere else."""

    remove: Callable
    find: Callable
    everywhere: bool = True


# In the order in which they are removed, but for stacks (cleaning.py): units after the accounts in them.
KINDS = {
    "stack": Kind(stacks.remove_stack, stacks.stacks),
    "share": Kind(shares.remove_share, shares.shares),
    "bucket": Kind(policies.remove_bucket, policies.buckets),
    "repository": Kind(policies.remove_repository, policies.repositories),
    "key": Kind(policies.remove_key, policies.keys),
    "table": Kind(tables.remove_table, tables.tables),
    "role": Kind(policies.remove_role, policies.roles),
    "account": Kind(organization.remove_account, organization.accounts, everywhere=False),
    "unit": Kind(organization.remove_unit, organization.runs_units, everywhere=False),
    # These have no prefix: they are in the journal only if this run switched them on.
    "policy type": Kind(organization.remove_policy_type, lambda world, account: [], everywhere=False),
    "access of StackSets": Kind(organization.remove_access, lambda world, account: [], everywhere=False),
}


def remove(world, thing):
    """Removes the thing, which may be gone; what isn't ours, whatever a journal says, stays."""
    account = world.account_of(thing)
    if account is None:
        raise LookupError(f"{thing.kind} {thing.name} is in account {thing.account}, which neither profile leads to")
    if thing.region != account.region:
        raise LookupError(
            f"{thing.kind} {thing.name} is in Region {thing.region}, and the profile's is {account.region}"
        )
    try:
        KINDS[thing.kind].remove(world, account, thing.name)
    except ClientError as error:
        if not GONE.search(error.response["Error"]["Code"]) and "does not exist" not in str(error):
            raise


def found(world):
    """What carries the prefix in its name and the run's tag, in both accounts."""
    things = []
    for role, account in world.accounts.items():
        for name, kind in KINDS.items():
            if kind.everywhere or role == MANAGEMENT:
                things += [Thing(name, account.id, account.region, each) for each in kind.find(world, account)]
    return things
