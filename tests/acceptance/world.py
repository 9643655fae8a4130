"""The two accounts of a run, and what it may do in them."""

import collections
import math
import re
import threading
import time

import boto3
from botocore.config import Config

from journal import Journal, Thing

MANAGEMENT, MEMBER = "management", "member"
TAG = "archipelago-acceptance"
# With it the longest name of a function has 64 characters, and of a bucket 63. Lambda's and SSM's rules: README.md.
PREFIX = re.compile(r"(?!aws|ssm|archipelago$)[a-z](-?[a-z0-9]){5,19}")

# What Organizations and S3 say of that.
AT_THE_SAME_TIME = ("ConcurrentModificationException", "OperationAborted")


class Stopped(Exception):
    """Somebody wants the run to end; what it made is removed first."""


class Account:
    """An account as a profile sees it."""

    _making_clients = threading.Lock()

    def __init__(self, role, profile, region=None):
        self.role = role
        self.profile = profile
        self.session = boto3.Session(profile_name=profile, region_name=region)
        self.region = self.session.region_name
        self._clients = {}
        caller = self.client("sts").get_caller_identity()
        self.id, self.arn = caller["Account"], caller["Arn"]
        self.partition = self.arn.split(":")[1]

    def client(self, service, region=None):
        return self._client(self.session, service, region)

    def assumed(self, role_name, policy):
        """Clients of a role of this account, which may do what the session policy lets it do."""
        arn = f"arn:{self.partition}:iam::{self.id}:role/{role_name}"
        given = self.client("sts").assume_role(RoleArn=arn, RoleSessionName="acceptance", Policy=policy)["Credentials"]
        session = boto3.Session(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], self.region)
        return lambda service: session.client(service, config=_config())

    @property
    def root(self):
        return f"arn:{self.partition}:iam::{self.id}:root"

    def _client(self, session, service, region):
        # Sessions aren't safe to be used by several threads at once; clients are.
        with self._making_clients:
            key = (service, region)
            if key not in self._clients:
                self._clients[key] = made = session.client(service, region_name=region, config=_config())
                made.meta.events.register_first(f"needs-retry.{made.meta.service_model.service_id.hyphenize()}", _again)
            return self._clients[key]


def _again(response, attempts, **_):
    """Seconds until a call is made again that met another one: checks, lives and functions work at the same time."""
    code = response[1].get("Error", {}).get("Code") if response else None
    return 2 if code in AT_THE_SAME_TIME and attempts < 30 else None


def _config():
    return Config(retries={"mode": "standard", "total_max_attempts": 6}, user_agent_appid=TAG)


class World:
    """What checks and lives get: both accounts, the prefix of all names, the journal, and whether they have to end."""

    def __init__(
        self, management, member, prefix, folder, local=False, make_accounts=False, change=False, mailbox=None
    ):
        self.management, self.member = management, member
        self.accounts = {MANAGEMENT: management, MEMBER: member}
        self.prefix = prefix
        self.local = local
        self.make_accounts = make_accounts
        self.change_organization = change
        self.mailbox = mailbox
        self.journal = Journal(folder / f"{prefix}.journal")
        self.tags = {TAG: prefix}
        # Between two looks; a real AWS throttles who asks too often.
        self.pace = 0.2 if local else 3
        # What reads, stacks and shares may take: a real AWS says so in its documentation, or nowhere.
        self.lag = 30 if local else 600
        self.patience = 180 if local else 3900
        # Nothing is waited for longer than this, whatever it may take.
        self.longest_wait = math.inf
        self.ends = threading.Event()
        # What preparations made, for those that come after: ids of keys, subnets and so on.
        self.made = {}
        self._locks = collections.defaultdict(threading.RLock)

    def name(self, of):
        return f"{self.prefix}-{of}"

    def lock(self, name):
        """For what several checks use in turn."""
        return self._locks[name]

    def is_ours(self, name):
        """Whether a name carries the prefix; nothing else is ever removed."""
        return name == self.prefix or name.startswith(f"{self.prefix}-")

    def making(self, kind, name, where=MANAGEMENT, region=None):
        """Writes down that something is about to be made; returns its name."""
        account = self.accounts[where]
        self.journal.making(Thing(kind, account.id, region or account.region, name))
        return name

    def account_of(self, thing):
        return next((account for account in self.accounts.values() if account.id == thing.account), None)

    def wait(self, seconds=None):
        if self.ends.wait(self.pace if seconds is None else seconds):
            raise Stopped

    def until(self, holds, within=None):
        """Seconds until it holds, or None if it doesn't within the time."""
        within = min(self.lag if within is None else within, self.longest_wait)
        started = time.monotonic()
        while not holds():
            if time.monotonic() - started > within:
                return None
            self.wait()
        return time.monotonic() - started
