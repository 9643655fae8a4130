"""A belief about AWS: what the code rests on, where that was read, and the check that settles it."""

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass

from botocore.exceptions import ClientError

from outcome import CONFIRMED, Outcome, not_tried
from world import Stopped

# What a check may need beside the management account.
MEMBER, SUBNETS, CLOSED_ACCOUNT = "a member account", "subnets", "the account of the life of Custom::Account, closed"
MAKE_ACCOUNTS, CHANGE_ORGANIZATION = "--make-accounts", "--change-organization"
NOT_ALLOWED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "UnauthorizedException")
NOTHING = "nothing"
# How long a check waits, in seconds, of which the local AWS isn't expected to confirm anything.
SHORTLY = 2


@dataclass(frozen=True)
class Belief:
    """One row of the table."""

    id: str
    says: str
    source: str
    check: Callable
    needs: tuple = ()
    costs: str = NOTHING
    # Why the local AWS can't settle it: there it isn't tried.
    local: str | None = None

    def settle(self, world):
        """The outcome, with how long it took."""
        started = time.monotonic()
        outcome = self._tried(world)
        return outcome.took(time.monotonic() - started)

    def _tried(self, world):
        if world.local and self.local:
            return self._exempted(world)
        if MAKE_ACCOUNTS in self.needs and not world.make_accounts:
            return not_tried("it needs --make-accounts")
        if CHANGE_ORGANIZATION in self.needs and not world.change_organization:
            return not_tried("it needs --change-organization")
        return self._checked(world)

    def _exempted(self, world):
        """Not tried, but an exemption that the local AWS doesn't need any more is found."""
        hurried = copy.copy(world)
        hurried.longest_wait = SHORTLY
        if self._checked(hurried).verdict == CONFIRMED:
            return Outcome.failed(f"the local AWS confirms it, so it needs no exemption (local: {self.local})")
        return not_tried(f"the local AWS {self.local}")

    def _checked(self, world):
        try:
            return self.check(world)
        except Stopped:
            return not_tried("the run was stopped")
        except ClientError as error:
            said = error.response["Error"]
            if said["Code"] in NOT_ALLOWED:
                return not_tried(f"the profile may not call {error.operation_name} ({said['Code']})")
            return Outcome.failed(f"{error.operation_name} ended with {said['Code']}: {said['Message']}")
        except Exception as error:
            return Outcome.failed(f"the check ended with {type(error).__name__}: {error}")


class Table:
    """The beliefs of one module, in the order in which they are written, and what each costs if it doesn't say so."""

    def __init__(self, costs=NOTHING):
        self.beliefs = []
        self.costs = costs

    def belief(self, id, says, source, **more):
        """Makes a belief of the function below, which settles it."""

        def decorator(check):
            self.beliefs.append(Belief(id, says, source, check, **{"costs": self.costs, **more}))
            return check

        return decorator
