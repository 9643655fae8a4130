"""Whether StackSets have access to the organization: what CloudFormation says and does, and ministack doesn't.

CloudFormation keeps it beside the trusted service, which it switches along: the service alone doesn't give access.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-activate-trusted-access.html
https://github.com/pepperize/cdk-organizations/issues/1718
"""

from ministack.core.responses import get_account_id
from ministack.services.cloudformation.handlers import _ACTION_HANDLERS
from ministack.services.cloudformation.helpers import _error, _xml

from membership import organization_of, organizations

SERVICE = "member.org.stacksets.cloudformation.amazonaws.com"
# The management accounts in whose organizations StackSets have access, from whichever Region that was given.
_activated = set()


def of_the_management_account(action):
    """Makes the function below an action of CloudFormation, for the management accounts of organizations alone."""

    def decorator(act):
        def answer(params):
            account = get_account_id()
            organization = organization_of(account)
            if (
                organization is None
                or organization["MasterAccountId"] != account
                or organization["FeatureSet"] != "ALL"
            ):
                return _invalid()
            return act(account, organizations(account)) or _xml(200, f"{action}Response", f"<{action}Result/>")

        _ACTION_HANDLERS[action] = answer
        return act

    return decorator


@of_the_management_account("DescribeOrganizationsAccess")
def describe(account, _):
    status = f"<Status>{'ENABLED' if account in _activated else 'DISABLED'}</Status>"
    result = f"<DescribeOrganizationsAccessResult>{status}</DescribeOrganizationsAccessResult>"
    return _xml(200, "DescribeOrganizationsAccessResponse", result)


@of_the_management_account("ActivateOrganizationsAccess")
def activate(account, client):
    client.enable_aws_service_access(ServicePrincipal=SERVICE)
    _activated.add(account)


@of_the_management_account("DeactivateOrganizationsAccess")
def deactivate(account, client):
    """Delegated administrators have to be deregistered before."""
    delegated = client.list_delegated_administrators(ServicePrincipal=SERVICE)["DelegatedAdministrators"]
    if account not in _activated or delegated:
        return _invalid()
    client.disable_aws_service_access(ServicePrincipal=SERVICE)
    _activated.remove(account)
    return None


def _invalid():
    return _error("InvalidOperationException", "The specified operation isn't valid.")
