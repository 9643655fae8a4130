"""What Organizations does with accounts, and moto doesn't: they take time to be made, to be ready and to close."""

import os
import re
import threading
import time

from moto.account import urls
from moto.account.responses import AccountResponse
from moto.core import errors
from moto.core.exceptions import JsonRESTError
from moto.core.responses import EmptyResult
from moto.core.utils import unix_time
from moto.organizations.exceptions import AccountAlreadyClosedException, AWSOrganizationsNotInUseException
from moto.organizations.exceptions import OrganizationsClientError as Refusal
from moto.organizations.models import FakeAccount, OrganizationsBackend, organizations_backends
from moto.organizations.utils import make_random_create_account_status_id
from moto.sts.exceptions import STSClientError
from moto.sts.models import STSBackend

from organizations_rules import is_known, violation
from rules import replaced

PAGE = 20
# That there is a limit is documented, how many it lets through isn't in the API's model.
MADE_AT_A_TIME = 5
# The Regions that are on in every account; others are off in a new one.
# https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html
ON_IN_EVERY_ACCOUNT = {
    *("ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-southeast-1", "ap-southeast-2"),
    *("ca-central-1", "eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3", "sa-east-1"),
    *("us-east-1", "us-east-2", "us-west-1", "us-west-2"),
}
# Of a member, by the model of PutAccountName; CreateAccount takes more.
NAME = re.compile("[ -;=?-~]{1,50}")
# moto serves in threads, and two may ask for one address at once.
_one_at_a_time = threading.RLock()


def seconds(what, tags):
    """How long an account takes for it: its tag `local:<what>-seconds`, else the variable, else no time."""
    return float(tags.get(f"local:{what}-seconds") or os.environ.get(f"ACCOUNT_{what.upper()}_SECONDS") or 0)


def catch_up(backend):
    """Ends what has taken its time."""
    now = time.time()
    with _one_at_a_time:
        for request in _requests(backend):
            if request.status["State"] == "IN_PROGRESS" and request.is_due(backend, now):
                request.end(backend, now)
        for account in backend.accounts:
            if account.state == "PENDING_CLOSURE" and account.closed_at <= now:
                account.state = "SUSPENDED"


class Request:
    """A request for an account, with the account that it will make or the reason why it will make none.

    It ends when its time has come; with a tag `local:creation-awaits`, not before there is a unit of that name.
    """

    def __init__(self, name, account, reason, due, awaited):
        self.account, self.reason, self.due, self.awaited = account, reason, due, awaited
        self.status = {
            "Id": make_random_create_account_status_id(),
            "AccountName": name,
            "State": "IN_PROGRESS",
            "RequestedTimestamp": unix_time(),
        }

    def is_due(self, backend, now):
        return self.due <= now and self.awaited in (None, *(unit.name for unit in backend.ou))

    def end(self, backend, now):
        self.status["CompletedTimestamp"] = now
        if self.account is None:
            self.status |= {"State": "FAILED", "FailureReason": self.reason}
            return
        self.status |= {"State": "SUCCEEDED", "AccountId": self.account.id}
        self.account.ready_at = self.due + seconds("ready", self.account.tags)
        self.account.known_at = self.due + seconds("known", self.account.tags)
        backend.accounts.append(self.account)


def _requests(backend):
    return backend.__dict__.setdefault("requests", [])


def is_known_account(account):
    """Whether RAM, and the account itself, know already that it is in its organization."""
    return getattr(account, "known_at", 0) <= time.time()


def _has_address(email):
    """Whether any account of any organization has the address, or will have it."""
    backends = [backend for regions in list(organizations_backends.values()) for backend in regions.values()]
    pending = [request.account for backend in backends for request in _requests(backend) if request.account]
    accounts = [account for backend in backends for account in backend.accounts]
    return any(account.email.lower() == email.lower() for account in accounts + pending)


def _known(account_id):
    """The account of that id in whatever organization, if it has been made."""
    management, partition = organizations_backends.master_accounts.get(account_id, (account_id, "aws"))
    backend = organizations_backends[management][partition]
    catch_up(backend)
    return next((account for account in backend.accounts if account.id == account_id), None)


@replaced(OrganizationsBackend)
def create_account(original, self, **request):
    tags = {tag["Key"]: tag["Value"] for tag in request.get("Tags", [])}
    with _one_at_a_time:
        if sum(made.status["State"] == "IN_PROGRESS" for made in _requests(self)) >= MADE_AT_A_TIME:
            raise violation(
                "ACCOUNT_CREATION_RATE_LIMIT_EXCEEDED",
                "You have exceeded the number of accounts that can be in progress at a time.",
            )
        account = reason = None
        if _has_address(request["Email"]):
            reason = "EMAIL_ALREADY_EXISTS"
        else:
            original(self, **request)
            # In its lists it is once the request has succeeded.
            account = self.accounts.pop()
        due = time.time() + seconds("creation", tags)
        made = Request(request["AccountName"], account, reason, due, tags.get("local:creation-awaits"))
        _requests(self).append(made)
        return {"CreateAccountStatus": dict(made.status)}


@replaced(OrganizationsBackend)
def describe_organization(original, self):
    """A new account doesn't know its organization at once."""
    account = None if self.org else _known(self.account_id)
    if account and not is_known_account(account):
        raise AWSOrganizationsNotInUseException
    return original(self)


@replaced(OrganizationsBackend)
def describe_create_account_status(_, self, **request):
    for made in _requests(self):
        if made.status["Id"] == request["CreateAccountRequestId"]:
            return {"CreateAccountStatus": made.status}
    raise Refusal("CreateAccountStatusNotFoundException", "We can't find a create account request with that id.")


@replaced(OrganizationsBackend)
def list_create_account_status(_, self, **request):
    wanted = request.get("States") or ["IN_PROGRESS", "SUCCEEDED", "FAILED"]
    found = [made.status for made in _requests(self) if made.status["State"] in wanted]
    start, size = int(request.get("NextToken") or 0), request.get("MaxResults") or PAGE
    page = {"CreateAccountStatuses": found[start : start + size]}
    return {**page, "NextToken": str(start + size)} if start + size < len(found) else page


@replaced(OrganizationsBackend)
def move_account(original, self, **request):
    account = self.get_account_by_id(request["AccountId"])
    source, destination = request["SourceParentId"], request["DestinationParentId"]
    parents = {unit.id for unit in self.ou}
    if destination not in parents or not is_known(self, destination):
        raise Refusal("DestinationParentNotFoundException", "We can't find the destination container of that id.")
    if account.parent_id == destination:
        raise Refusal("DuplicateAccountException", "That account is already present in the specified destination.")
    if source not in parents or account.parent_id != source:
        raise Refusal("SourceParentNotFoundException", "We can't find a source root or OU with that id.")
    original(self, **request)


@replaced(OrganizationsBackend)
def close_account(original, self, **request):
    if request["AccountId"] == self.account_id:
        raise violation("CANNOT_CLOSE_MANAGEMENT_ACCOUNT", "You can't close the management account.")
    original(self, **request)
    catch_up(self)


@replaced(FakeAccount)
def close(_, self):
    if self.state != "ACTIVE":
        raise AccountAlreadyClosedException
    self.state = "PENDING_CLOSURE"
    self.closed_at = time.time() + seconds("closing", self.tags)


@replaced(FakeAccount)
def describe(original, self):
    described = original(self)
    # Retired on 2026-09-09.
    del described["Status"]
    return described


@replaced(STSBackend)
def assume_role(original, self, role_arn, **request):
    account_id = role_arn.split(":")[4]
    account = _known(account_id)
    ready = account and account.state == "ACTIVE" and getattr(account, "ready_at", 0) <= time.time()
    # Organizations makes its role in members alone.
    is_member = account_id != organizations_backends.master_accounts.get(account_id, (account_id,))[0]
    if ready and is_member and request["region_name"] not in ON_IN_EVERY_ACCOUNT:
        raise STSClientError(
            "RegionDisabledException",
            f"STS is not activated in this region for account:{account_id}. "
            "Your account administrator can activate STS in this region using the IAM Console.",
        )
    if not ready or (role_arn.endswith(":role/OrganizationAccountAccessRole") and not is_member):
        raise STSClientError(
            "AccessDenied",
            f"User: arn:aws:iam::{self.account_id}:root is not authorized to perform: sts:AssumeRole "
            f"on resource: {role_arn}",
        )
    role = original(self, role_arn=role_arn, **request)
    # Both servers take an account's 12 digits as its access key, so both know whose credentials these are.
    role.access_key_id = account_id
    return role


@replaced(STSBackend)
def get_assumed_role_from_access_key(_, self, access_key_id):
    newest_first = reversed(self.assumed_roles)
    return next((role for role in newest_first if role.access_key_id == access_key_id), None)


class AccessDenied(JsonRESTError):
    code = 403


class Invalid(JsonRESTError):
    code = 400


def put_account_name(self):
    """https://docs.aws.amazon.com/accounts/latest/reference/API_PutAccountName.html"""
    asking, account_id = self.current_account, self._get_param("AccountId")
    account = _known(account_id or asking)
    if account_id:
        backend = organizations_backends[asking]["aws"]
        trusted = {service["ServicePrincipal"] for service in backend.services}
        is_member = account in backend.accounts and account_id != asking
        if not is_member or "account.amazonaws.com" not in trusted:
            raise AccessDenied("AccessDeniedException", "You don't have permissions to access this resource.")
    if not NAME.fullmatch(self._get_param("AccountName")):
        raise Invalid("ValidationException", "The account name doesn't match the pattern [ -;=?-~]+.")
    if account:
        account.name = self._get_param("AccountName")
    return EmptyResult()


# STS's model has no word for it.
errors.COMMON_ERROR_CODES = {*errors.COMMON_ERROR_CODES, "AccessDenied"}
AccountResponse.put_account_name = put_account_name
urls.url_paths["{0}/putAccountName$"] = AccountResponse.dispatch
