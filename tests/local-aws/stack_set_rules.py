"""Whether StackSets have access to the organization: what CloudFormation says and does, and ministack doesn't.

CloudFormation keeps it beside the trusted service, which it switches along: the service alone doesn't give access.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-activate-trusted-access.html
https://github.com/pepperize/cdk-organizations/issues/1718
"""

import functools

import boto3
from ministack.core.responses import get_account_id
from ministack.services.cloudformation.handlers import _ACTION_HANDLERS
from ministack.services.cloudformation.helpers import _error, _xml

SERVICE = "member.org.stacksets.cloudformation.amazonaws.com"
# The management accounts in whose organizations StackSets have access, from whichever Region that was given.
_activated = set()


def of_the_management_account(action):
    """Makes the function below an action of CloudFormation, for the management accounts of organizations alone."""

    def decorator(act):
        def answer(params):
            account = get_account_id()
            organizations = _organizations(account)
            try:
                organization = organizations.describe_organization()["Organization"]
            except organizations.exceptions.AWSOrganizationsNotInUseException:
                return _invalid()
            if organization["MasterAccountId"] != account or organization["FeatureSet"] != "ALL":
                return _invalid()
            return act(account, organizations) or _xml(200, f"{action}Response", f"<{action}Result/>")

        _ACTION_HANDLERS[action] = answer
        return act

    return decorator


@of_the_management_account("DescribeOrganizationsAccess")
def describe(account, _):
    status = f"<Status>{'ENABLED' if account in _activated else 'DISABLED'}</Status>"
    result = f"<DescribeOrganizationsAccessResult>{status}</DescribeOrganizationsAccessResult>"
    return _xml(200, "DescribeOrganizationsAccessResponse", result)


@of_the_management_account("ActivateOrganizationsAccess")
def activate(account, organizations):
    organizations.enable_aws_service_access(ServicePrincipal=SERVICE)
    _activated.add(account)


@of_the_management_account("DeactivateOrganizationsAccess")
def deactivate(account, organizations):
    """Delegated administrators have to be deregistered before."""
    delegated = organizations.list_delegated_administrators(ServicePrincipal=SERVICE)["DelegatedAdministrators"]
    if account not in _activated or delegated:
        return _invalid()
    organizations.disable_aws_service_access(ServicePrincipal=SERVICE)
    _activated.remove(account)
    return None


def _invalid():
    return _error("InvalidOperationException", "The specified operation isn't valid.")


@functools.cache
def _organizations(account):
    return boto3.client("organizations", "us-east-1", aws_access_key_id=account, aws_secret_access_key="local")
