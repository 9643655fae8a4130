"""What Organizations does with an organization and its units, and moto doesn't: refusals, policy types, sharing."""

import copy
import functools
import os
import time

import botocore.session
from botocore import xform_name
from moto.organizations import models
from moto.organizations.exceptions import (
    AWSOrganizationsNotInUseException,
    ConstraintViolationException,
    InvalidInputException,
    PolicyTypeNotEnabledException,
)
from moto.organizations.exceptions import OrganizationsClientError as Refusal
from moto.organizations.models import (
    FakeDelegatedAdministrator,
    FakePolicy,
    FakeRoot,
    OrganizationsBackend,
    organizations_backends,
)
from moto.organizations.responses import OrganizationsResponse
from moto.ram.exceptions import OperationNotPermittedException
from moto.ram.models import ResourceAccessManagerBackend

from rules import replaced

MODEL = botocore.session.get_session().get_service_model("organizations")
# On an account, a unit or the root. https://docs.aws.amazon.com/organizations/latest/userguide/orgs_tagging.html
MOST_TAGS = 50
# A policy type and the service that it belongs to, as ConstraintViolationException names them in the service's model.
BOUND = {"SECURITYHUB_POLICY": "securityhub.amazonaws.com"}
# Whoever asks, in whatever account.
OPEN = {"CreateOrganization", "DescribeOrganization"}
# It may have delegated administrators, too.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-delegated-admin.html
FakeDelegatedAdministrator.SUPPORTED_SERVICES.append("member.org.stacksets.cloudformation.amazonaws.com")


def violation(reason, message):
    """A constraint that was violated; which one, only the reason says."""
    refusal = ConstraintViolationException(message)
    refusal.reason = reason
    return refusal


def from_the_management_account(respond, before, delegated):
    """An operation that the management account may ask for, and delegated administrators if it is for them.

    `before` catches up with what time has brought.
    """

    @functools.wraps(respond)
    def answer(self):
        backend = self.organizations_backend
        if backend.org is None:
            if backend.account_id not in organizations_backends.master_accounts:
                raise AWSOrganizationsNotInUseException
            management, partition = organizations_backends.master_accounts[backend.account_id]
            member, backend = backend.account_id, organizations_backends[management][partition]
            if not delegated or member not in {administrator.account.id for administrator in backend.admins}:
                raise Refusal("AccessDeniedException", "You don't have permissions to access this resource.")
            self.current_account = management
        settle(backend)
        before(backend)
        return respond(self)

    return answer


def is_known(backend, parent_id):
    """Whether what is made or moved can be put there: a new unit isn't known to every call at once."""
    return all(getattr(unit, "known_at", 0) <= time.time() for unit in backend.ou if unit.id == parent_id)


def settle(backend):
    """Ends what switching a policy type has taken its time for."""
    root = _root(backend)
    for listed in list(root.policy_types):
        if listed["Status"] == "ENABLED" or root.due > time.time():
            continue
        if listed["Status"] == "PENDING_ENABLE":
            listed["Status"] = "ENABLED"
        else:
            root.policy_types.remove(listed)


def guard(before):
    for operation in set(MODEL.operation_names) - OPEN:
        name = xform_name(operation)
        if hasattr(OrganizationsResponse, name):
            respond = getattr(OrganizationsResponse, name)
            setattr(OrganizationsResponse, name, from_the_management_account(respond, before, _is_delegated(operation)))


def _is_delegated(operation):
    """Whether delegated administrators may ask, by the model; they read, unless a policy of the organization says more.

    https://docs.aws.amazon.com/organizations/latest/userguide/orgs_delegate_policies.html
    """
    documentation = MODEL.operation_model(operation).documentation
    return operation.startswith(("Describe", "List")) and "a member account that is a delegated admin" in documentation


@replaced(OrganizationsBackend)
def create_organization(original, self, **request):
    answer = original(self, **request)
    # CreateOrganization: all features come with service control policies enabled in the root, the other set with none.
    if self.org.feature_set == "ALL":
        _root(self).add_policy_type("SERVICE_CONTROL_POLICY")
    else:
        self.org.available_policy_types = []
        answer = self.org.describe()
    return answer


@replaced(OrganizationsBackend)
def enable_policy_type(original, self, **request):
    if self.org.feature_set != "ALL":
        raise Refusal(
            "PolicyTypeNotAvailableForOrganizationException",
            "You can't use the specified policy type with the feature set currently enabled for this organization.",
        )
    root, policy_type = self._get_root_by_id(request["RootId"]), request["PolicyType"]
    _refuse_while_switching(root)
    service = BOUND.get(policy_type)
    if service and service not in _trusted(self):
        raise violation(
            "SERVICE_ACCESS_NOT_ENABLED",
            "You attempted to enable a policy type before you enabled service access. "
            "Call the EnableAWSServiceAccess API first.",
        )
    original(self, **request)
    return _switching(root, policy_type, "PENDING_ENABLE")


@replaced(OrganizationsBackend)
def disable_policy_type(_, self, **request):
    root, policy_type = self._get_root_by_id(request["RootId"]), request["PolicyType"]
    if policy_type not in FakeRoot.SUPPORTED_POLICY_TYPES:
        raise InvalidInputException("You specified an invalid value.")
    _refuse_while_switching(root)
    if not any(listed["Type"] == policy_type for listed in root.policy_types):
        raise PolicyTypeNotEnabledException
    return _switching(root, policy_type, "PENDING_DISABLE")


@replaced(OrganizationsBackend)
def disable_aws_service_access(original, self, **request):
    service = request["ServicePrincipal"]
    for listed in _root(self).policy_types:
        if BOUND.get(listed["Type"]) == service and service in _trusted(self):
            raise violation(
                "POLICY_TYPE_ENABLED_FOR_THIS_SERVICE",
                "You attempted to disable service access before you disabled the policy type "
                f"(for example, {listed['Type']}). To complete this operation, you must first disable the policy type.",
            )
    return original(self, **request)


@replaced(OrganizationsBackend)
def create_organizational_unit(original, self, **request):
    self.validate_parent_id(request["ParentId"])
    if not is_known(self, request["ParentId"]):
        raise Refusal("ParentNotFoundException", "You specified parent that doesn't exist.")
    _refuse_duplicate(self, request["ParentId"], request["Name"])
    answer = original(self, **request)
    unit = self.ou[-1]
    known_in = unit.tags.get("local:known-seconds") or os.environ.get("UNIT_KNOWN_SECONDS") or 0
    unit.known_at = time.time() + float(known_in)
    return answer


@replaced(OrganizationsBackend)
def update_organizational_unit(original, self, **request):
    unit = self.get_organizational_unit_by_id(request["OrganizationalUnitId"])
    _refuse_duplicate(self, unit.parent_id, request["Name"])
    # moto itself looks for the name in the whole organization.
    others, self.ou = self.ou, [unit]
    try:
        return original(self, **request)
    finally:
        self.ou = others


@replaced(OrganizationsBackend)
def delete_organizational_unit(original, self, **request):
    unit = self.get_organizational_unit_by_id(request["OrganizationalUnitId"])
    if any(child.parent_id == unit.id for child in [*self.ou, *self.accounts]):
        raise Refusal(
            "OrganizationalUnitNotEmptyException", "The OU still contains accounts or OUs; move or remove them first."
        )
    original(self, **request)


@replaced(OrganizationsBackend)
def tag_resource(original, self, **request):
    tags = self._get_resource_for_tagging(request["ResourceId"]).tags
    if len({*tags, *(tag["Key"] for tag in request["Tags"])}) > MOST_TAGS:
        raise violation("MAX_TAG_LIMIT_EXCEEDED", "You have exceeded the number of tags allowed on this resource.")
    return original(self, **request)


@replaced(OrganizationsBackend)
def list_parents(original, self, **request):
    child = request["ChildId"]
    if not any(item.id == child for item in [*self.ou, *self.accounts]):
        raise Refusal("ChildNotFoundException", "You specified a child that doesn't exist.")
    return original(self, **request)


@replaced(ResourceAccessManagerBackend)
def enable_sharing_with_aws_organization(original, self):
    answer = original(self)
    if self.organizations_backend.org.feature_set != "ALL":
        raise OperationNotPermittedException
    self.organizations_backend.enable_aws_service_access(ServicePrincipal="ram.amazonaws.com")
    return answer


def _root(backend):
    return next(unit for unit in backend.ou if isinstance(unit, FakeRoot))


def _trusted(backend):
    return {service["ServicePrincipal"] for service in backend.services}


def _refuse_while_switching(root):
    if any(listed["Status"] != "ENABLED" for listed in root.policy_types):
        raise Refusal(
            "PolicyChangesInProgressException",
            "Changes to the effective policy are in progress, and its contents can't be returned. "
            "Try the operation again later.",
        )


def _switching(root, policy_type, status):
    """AWS does it in the background, in the seconds that the variable says, and answers before it is done."""
    listed = next(listed for listed in root.policy_types if listed["Type"] == policy_type)
    listed["Status"] = status
    root.due = time.time() + float(os.environ.get("POLICY_TYPE_SECONDS") or 0)
    return {"Root": copy.deepcopy(root.describe())}


def _refuse_duplicate(backend, parent_id, name):
    if any(unit.parent_id == parent_id and unit.name == name for unit in backend.ou):
        raise Refusal(
            "DuplicateOrganizationalUnitException", "An OU with the same name already exists under this parent."
        )


FakeRoot.SUPPORTED_POLICY_TYPES = FakePolicy.SUPPORTED_POLICY_TYPES = MODEL.shape_for("PolicyType").enum
# Lists have no more on a page than AWS puts there.
for page in models.PAGINATION_MODEL.values():
    page["limit_default"] = 20
