"""Settles on a real organization, or on the local AWS, what the code believes about AWS, and tries every type there.

docs/acceptance.md says what this does, costs, leaves and needs.
"""

import argparse
import contextlib
import fcntl
import re
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

import beliefs
import cleaning
import installation
import local
from belief import CLOSED_ACCOUNT, SUBNETS
from lives import fixtures, landing, types
from lives.life import Living
from outcome import not_tried
from report import Report
from things.organization import members, state
from world import MANAGEMENT, MEMBER, PREFIX, Account, Stopped, World

FOLDER = Path(__file__).resolve().parent.parent.parent / "target/acceptance"
LOCAL_PREFIX = "acceptance"
AT_ONCE = 8
# New accounts often run ten functions at a time.
LIVES_AT_ONCE = 6
# What nobody can take back, or somebody pays for.
COSTS = """This run makes stacks, functions, keys, buckets, repositories, roles, subnets and units in the accounts
{management} and {member}, all of them called {prefix}-..., and removes them again. It costs less than a dollar.
Keys stay for seven days, disabled.
"""
OF_ACCOUNTS = """It makes an account, {prefix}-account, and closes it: AWS keeps that for 90 days, and its address
can't be used again.
"""
OF_ORGANIZATION = """It switches sharing inside the organization on, for good, and policy types and the access of
StackSets on and off again.
"""


def arguments(asked=None):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--management", help="profile of the management account")
    parser.add_argument("--member", help="profile of another account of the organization")
    parser.add_argument("--prefix", help="what all names begin with: 6 to 20 letters, digits and hyphens")
    parser.add_argument("--region", help="instead of that of the profiles")
    parser.add_argument("--yes", action="store_true", help="don't ask")
    parser.add_argument("--make-accounts", action="store_true", help="make an account, and close it")
    parser.add_argument("--mailbox", help="which takes plus addresses; the new account's is <user>+<prefix>@<domain>")
    parser.add_argument("--change-organization", action="store_true", help="switch sharing, policy types and more on")
    parser.add_argument("--clean", action="store_true", help="only remove what runs with this prefix have left")
    parser.add_argument("--functions", type=Path, help="template of a package or a build, if not the latest")
    parser.add_argument("--only", default="", help="a pattern of ids of beliefs and names of types")
    parser.add_argument("--local", action="store_true", help="the whole suite on the local AWS, which asks nobody")
    parser.add_argument("--local-state", type=Path, help="folder of a local AWS that runs already")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="of the journal and the report")
    given = parser.parse_args(asked)
    if given.local:
        given.prefix = given.prefix or LOCAL_PREFIX
        given.make_accounts = given.change_organization = True
    if not PREFIX.fullmatch(given.prefix or ""):
        parser.error(
            f"{given.prefix} is no prefix: 6 to 20 small letters, digits and single hyphens, not aws... or ssm..."
        )
    if not given.local and not (given.management and given.member):
        parser.error("two profiles are needed: --management and --member")
    if given.make_accounts and not given.local and not given.mailbox:
        parser.error("--make-accounts needs --mailbox")
    return given


def main():
    given = arguments()
    with contextlib.ExitStack() as stack:
        if given.local:
            profiles = stack.enter_context(local.running(given.folder, given.local_state))
            given.mailbox = given.mailbox or local.MAILBOX
        else:
            profiles = [given.management, given.member]
        stack.enter_context(_alone(given))
        accounts = [
            Account(role, name, given.region) for role, name in zip((MANAGEMENT, MEMBER), profiles, strict=True)
        ]
        world = World(
            *accounts,
            given.prefix,
            given.folder,
            local=given.local,
            make_accounts=given.make_accounts,
            change=given.change_organization,
            mailbox=given.mailbox,
        )
        _check(world)
        if not given.clean:
            _agree(world, given)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: world.ends.set())
        return _clean_only(world) if given.clean else Run(world, given).run()


class Run:
    """Cleans, prepares, tries, and cleans again."""

    def __init__(self, world, given):
        self.world = world
        self.given = given
        self.report = Report(world.prefix, "the local AWS" if world.local else "AWS")
        self.beliefs = [each for each in beliefs.TABLE if re.search(given.only, each.id)]
        self.lands = bool(re.search(given.only, landing.NAME))
        self.lives = [each for each in types.ALL if re.search(given.only, each.type)]

    def run(self):
        started = time.monotonic()
        try:
            say("Removing what a run before has left")
            self.report.left = cleaning.clean(self.world, say)
            if not self.report.left:
                self._try()
        except Stopped:
            pass
        except Exception as error:
            self.report.problem(f"{type(error).__name__}: {error}")
        finally:
            if self.world.ends.is_set():
                self.report.problem("the run was stopped")
            # Whoever wants it to end wants nothing to be left; a second signal ends that as well.
            self.world.ends.clear()
            say("Removing what this run has made")
            try:
                self.report.left = cleaning.clean(self.world, say)
            except Stopped:
                self.report.problem("it was stopped while it cleaned up: the next run, or --clean, removes the rest")
            except Exception as error:
                self.report.problem(f"cleaning up ended with {type(error).__name__}: {error}")
            self.report.seconds = time.monotonic() - started
            self._judge()
            self.report.write(self.given.folder)
            print(f"\n{self.report.text()}\n{self.given.folder / 'report.txt'} and report.json have this.", flush=True)
        return 0 if self.report.is_good else 1

    def _try(self):
        """Beliefs and lives at once; what needs subnets or functions waits for these."""
        last = [belief for belief in self.beliefs if CLOSED_ACCOUNT in belief.needs]
        late = [belief for belief in self.beliefs if SUBNETS in belief.needs]
        early = [belief for belief in self.beliefs if belief not in late + last]
        with ThreadPoolExecutor(AT_ONCE) as pool, ThreadPoolExecutor(LIVES_AT_ONCE) as lives:
            preparing = [lives.submit(prepare) for prepare in self._preparations(bool(late))]
            settling = [pool.submit(self._settle, belief) for belief in early]
            # Each is waited for, whatever became of the others.
            if all([self._ended(task) for task in preparing]):
                settling += [pool.submit(self._settle, belief) for belief in late]
                settling += [lives.submit(self._live, life) for life in self.lives]
                settling += [lives.submit(self._land)] if self.lands else []
            for task in settling:
                task.result()
        for belief in last:
            self._settle(belief)

    def _preparations(self, needs_subnets):
        world = self.world
        preparations = [lambda: fixtures.make(world)] if self.lives or needs_subnets else []
        if self.lives or self.lands:
            path = local.template() if world.local else installation.template(self.given.functions)
            preparations += [
                lambda: installation.install(world, MANAGEMENT, path),
                lambda: installation.install(world, MEMBER, path),
            ]
        return preparations

    def _ended(self, task):
        """Whether it ended well."""
        try:
            task.result()
        except Stopped:
            return False
        except Exception as error:
            self.report.problem(f"{type(error).__name__}: {error}")
            return False
        return True

    def _settle(self, belief):
        outcome = not_tried("the run was stopped") if self.world.ends.is_set() else belief.settle(self.world)
        self.report.believed(belief, outcome)
        say(f"{outcome.verdict}: {belief.id}, {belief.says}")

    def _live(self, life):
        self._tell(Living(life, self.world).run())

    def _land(self):
        self._tell(landing.Landing(self.world).run())

    def _tell(self, steps):
        for step in steps:
            self.report.lived(step)
            say(f"{step.outcome.verdict}: {step.life}, {step.name} ({step.outcome.seconds} s)")

    def _judge(self):
        """On the local AWS nothing may be left out but what the table says it can't settle."""
        order = {belief.id: n for n, belief in enumerate(self.beliefs)}
        self.report.beliefs.sort(key=lambda entry: order[entry[0].id])
        # A run that was stopped has left out more.
        if self.world.local and not self.report.problems:
            known = {belief.id for belief in self.beliefs if belief.local}
            whole_lives = {step.life for step in self.report.steps if step.name == "all"}
            for left_out in (set(self.report.skipped()) - known) | whole_lives:
                self.report.problem(f"{left_out} wasn't tried, though the local AWS can settle it")


@contextlib.contextmanager
def _alone(given):
    """Two runs with the same prefix would remove each other's things; the lock goes with the process."""
    given.folder.mkdir(parents=True, exist_ok=True)
    with (given.folder / f"{given.prefix}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit(f"Another run has the prefix {given.prefix}.")
        yield


def _check(world):
    """That the accounts are what the run takes them for."""
    management, member = world.management, world.member
    organization = management.client("organizations").describe_organization()["Organization"]
    if organization["MasterAccountId"] != management.id:
        sys.exit(
            f"{management.id} isn't the management account of its organization, {organization['MasterAccountId']} is."
        )
    if organization["FeatureSet"] != "ALL":
        sys.exit("The organization has consolidated billing alone.")
    active = [each["Id"] for each in members(management.client("organizations")) if state(each) == "ACTIVE"]
    if member.id == management.id or member.id not in active:
        sys.exit(f"{member.id} is no other active account of the organization.")
    if management.region != member.region:
        sys.exit(f"The profiles' Regions differ: {management.region} and {member.region}; --region is for both.")


def _agree(world, given):
    """Asks, since it costs something; who isn't there to answer has said so before."""
    said = COSTS + (OF_ACCOUNTS if given.make_accounts else "")
    said += OF_ORGANIZATION if given.change_organization else ""
    print(said.format(management=world.management.id, member=world.member.id, prefix=world.prefix), flush=True)
    if given.yes or given.local:
        return
    if not sys.stdin.isatty():
        sys.exit("Nobody is there to ask: --yes says that this may be.")
    if input("Go on? Type yes: ").strip() != "yes":
        sys.exit("Nothing was made.")


def _clean_only(world):
    left = cleaning.clean(world, say)
    for thing, why in left.items():
        print(f"left: {thing.kind} {thing.name} in {thing.account}: {why}")
    print("Nothing is left." if not left else f"{len(left)} things are left.")
    return 1 if left else 0


_saying = threading.Lock()
_started = time.monotonic()


def say(what):
    with _saying:
        print(f"{time.monotonic() - _started:7.1f} s  {what}", flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (BotoCoreError, ClientError) as error:
        # Before anything was made: a profile that isn't there, no Region, credentials that have run out.
        sys.exit(f"{type(error).__name__}: {error}")
