"""moto_server with the rules of Organizations that moto leaves out: what AWS refuses, this refuses as well."""

import sys
import threading

from moto.core.utils import unix_time, utcnow
from moto.organizations.exceptions import OrganizationsClientError as Refusal
from moto.organizations.models import OrganizationsBackend
from moto.organizations.utils import make_random_create_account_status_id
from moto.server import main

_one_at_a_time = threading.Lock()
_create = OrganizationsBackend.create_organizational_unit
_delete = OrganizationsBackend.delete_organizational_unit
_update = OrganizationsBackend.update_organizational_unit
_parents = OrganizationsBackend.list_parents
_create_account = OrganizationsBackend.create_account
_describe_request = OrganizationsBackend.describe_create_account_status


def _refuse_duplicate(backend, parent_id, name):
    if any(unit.parent_id == parent_id and unit.name == name for unit in backend.ou):
        raise Refusal(
            "DuplicateOrganizationalUnitException", "An OU with the same name already exists under this parent."
        )


def create_organizational_unit(self, **request):
    self.validate_parent_id(request["ParentId"])
    _refuse_duplicate(self, request["ParentId"], request["Name"])
    return _create(self, **request)


def update_organizational_unit(self, **request):
    unit = self.get_organizational_unit_by_id(request["OrganizationalUnitId"])
    _refuse_duplicate(self, unit.parent_id, request["Name"])
    # moto itself looks for the name in the whole organization.
    others, self.ou = self.ou, [unit]
    try:
        return _update(self, **request)
    finally:
        self.ou = others


def delete_organizational_unit(self, **request):
    unit = self.get_organizational_unit_by_id(request["OrganizationalUnitId"])
    if any(child.parent_id == unit.id for child in [*self.ou, *self.accounts]):
        raise Refusal(
            "OrganizationalUnitNotEmptyException", "The OU still contains accounts or OUs; move or remove them first."
        )
    _delete(self, **request)


def create_account(self, **request):
    # moto serves in threads, and two may ask for one address at once.
    with _one_at_a_time:
        if all(account.email.lower() != request["Email"].lower() for account in self.accounts):
            return _create_account(self, **request)
    now = unix_time(utcnow())
    status = {
        "Id": make_random_create_account_status_id(),
        "AccountName": request["AccountName"],
        "State": "FAILED",
        "FailureReason": "EMAIL_ALREADY_EXISTS",
        "RequestedTimestamp": now,
        "CompletedTimestamp": now,
    }
    _failed_requests(self)[status["Id"]] = status
    return {"CreateAccountStatus": status}


def describe_create_account_status(self, **request):
    failed = _failed_requests(self).get(request["CreateAccountRequestId"])
    return {"CreateAccountStatus": failed} if failed else _describe_request(self, **request)


def _failed_requests(backend):
    return backend.__dict__.setdefault("failed_requests", {})


def list_parents(self, **request):
    child = request["ChildId"]
    if not any(item.id == child for item in [*self.ou, *self.accounts]):
        raise Refusal("ChildNotFoundException", "You specified a child that doesn't exist.")
    return _parents(self, **request)


for rule in (
    create_organizational_unit,
    update_organizational_unit,
    delete_organizational_unit,
    create_account,
    describe_create_account_status,
    list_parents,
):
    setattr(OrganizationsBackend, rule.__name__, rule)

if __name__ == "__main__":
    main(sys.argv[1:])
