"""What Organizations does with an organization and its units, and moto doesn't: refusals, policy types, sharing."""

import functools

import botocore.session
from botocore import xform_name
from moto.organizations import models
from moto.organizations.exceptions import AWSOrganizationsNotInUseException, ConstraintViolationException
from moto.organizations.exceptions import OrganizationsClientError as Refusal
from moto.organizations.models import FakePolicy, FakeRoot, OrganizationsBackend, organizations_backends
from moto.organizations.responses import OrganizationsResponse
from moto.ram.exceptions import OperationNotPermittedException
from moto.ram.models import ResourceAccessManagerBackend

from rules import replaced

MODEL = botocore.session.get_session().get_service_model("organizations")
# On an account, a unit or the root. https://docs.aws.amazon.com/organizations/latest/userguide/orgs_tagging.html
MOST_TAGS = 50
# Whoever asks, in whatever account.
OPEN = {"CreateOrganization", "DescribeOrganization"}


def violation(reason, message):
    """A constraint that was violated; which one, only the reason says."""
    refusal = ConstraintViolationException(message)
    refusal.reason = reason
    return refusal


def from_the_management_account(respond, before):
    """An operation that the management account alone may ask for; `before` catches up with what time has brought."""

    @functools.wraps(respond)
    def answer(self):
        backend = self.organizations_backend
        if backend.org is None:
            if backend.account_id in organizations_backends.master_accounts:
                raise Refusal("AccessDeniedException", "You don't have permissions to access this resource.")
            raise AWSOrganizationsNotInUseException
        before(backend)
        return respond(self)

    return answer


def guard(before):
    for operation in set(MODEL.operation_names) - OPEN:
        name = xform_name(operation)
        if hasattr(OrganizationsResponse, name):
            respond = getattr(OrganizationsResponse, name)
            setattr(OrganizationsResponse, name, from_the_management_account(respond, before))


@replaced(OrganizationsBackend)
def create_organization(original, self, **request):
    answer = original(self, **request)
    # CreateOrganization: all features come with service control policies enabled in the root, the other set with none.
    if self.org.feature_set == "ALL":
        root = next(unit for unit in self.ou if isinstance(unit, FakeRoot))
        root.add_policy_type("SERVICE_CONTROL_POLICY")
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
    return original(self, **request)


@replaced(OrganizationsBackend)
def create_organizational_unit(original, self, **request):
    self.validate_parent_id(request["ParentId"])
    _refuse_duplicate(self, request["ParentId"], request["Name"])
    return original(self, **request)


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


def _refuse_duplicate(backend, parent_id, name):
    if any(unit.parent_id == parent_id and unit.name == name for unit in backend.ou):
        raise Refusal(
            "DuplicateOrganizationalUnitException", "An OU with the same name already exists under this parent."
        )


FakeRoot.SUPPORTED_POLICY_TYPES = FakePolicy.SUPPORTED_POLICY_TYPES = MODEL.shape_for("PolicyType").enum
# Lists have no more on a page than AWS puts there.
for page in models.PAGINATION_MODEL.values():
    page["limit_default"] = 20
