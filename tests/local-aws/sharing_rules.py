"""What RAM refuses to share, and with whom."""

import re
import sys

from moto.core.exceptions import JsonRESTError as Refusal
from moto.organizations.models import organizations_backends
from moto.ram.exceptions import InvalidParameterException, UnknownResourceException
from moto.ram.models import ResourceAccessManagerBackend

from account_rules import is_known_account
from rules import replaced

RESOURCES_PER_CALL = 100
ORGANIZATIONS_ARN = re.compile(
    r"arn:aws:organizations::\d{12}:(?:organization/(?P<organization>o-\w+)|ou/o-\w+/(?P<unit>ou-[\w-]+))"
)
WITHIN = "The resource you are attempting to share can only be shared within your AWS Organization."
ONBOARDING = (
    f"{WITHIN} This error may also occur if you have not enabled sharing with your AWS organization, "
    "or that onboarding process is still in progress."
)


@replaced(ResourceAccessManagerBackend)
def enable_sharing_with_aws_organization(original, self):
    answer = original(self)
    # That Organizations trusts RAM isn't enough: RAM makes itself a role as well.
    self.organizations_backend.sharing = True
    return answer


def organization_of(account_id):
    """The organization in which RAM lets an account share: none before sharing is enabled."""
    management, partition = organizations_backends.master_accounts.get(account_id, (account_id, "aws"))
    backend = organizations_backends[management][partition]
    trusted = {service["ServicePrincipal"] for service in backend.services}
    if backend.org is None or "ram.amazonaws.com" not in trusted or not getattr(backend, "sharing", False):
        return None
    return backend


def names_of(account_id):
    """The names under which something can be shared with an account: its own, its units' and its organization's."""
    organization = organization_of(account_id)
    if organization is None:
        return {account_id}
    parents = {unit.id: unit for unit in organization.ou}
    names = {account_id, organization.org.arn}
    (account,) = (account for account in organization.accounts if account.id == account_id)
    parent = parents.get(account.parent_id)
    while parent:
        names.add(parent.arn)
        parent = parents.get(parent.parent_id)
    return names


def refuse_resources(share, resources, onboarding):
    """Refuses resources; `onboarding` is the code for those that can't leave an organization that RAM doesn't see."""
    if len(resources) > RESOURCES_PER_CALL:
        raise Refusal(
            "ResourceShareLimitExceededException", f"You can associate up to {RESOURCES_PER_CALL} resources per call."
        )
    # moto refuses what isn't the ARN of a thing that can be shared.
    share.add_resources(resources)
    for arn in resources:
        if arn.split(":")[4] != share.account_id:
            raise InvalidParameterException(f"You can't share {arn}: another account owns it.")
        if is_subnet(arn) and _is_in_default_vpc(arn):
            raise InvalidParameterException(f"You can't share {arn}: it belongs to a default VPC.")
    if any(map(is_subnet, resources)) and organization_of(share.account_id) is None:
        raise Refusal(onboarding, ONBOARDING)


def external_principals(share, principals):
    """The principals that are outside the organization, unless one of all has to be refused."""
    organization = organization_of(share.account_id)
    arns = {organization.org.arn, *(unit.arn for unit in organization.ou)} if organization else set()
    members = {account.id for account in organization.accounts if is_known_account(account)} if organization else set()
    for principal in principals:
        match = ORGANIZATIONS_ARN.fullmatch(principal)
        if match is None:
            # moto refuses what is no principal.
            share.add_principals([principal])
        elif principal not in arns:
            raise UnknownResourceException(
                f"Organization {match['organization']} could not be found."
                if match["organization"]
                else f"OrganizationalUnit {match['unit']} in unknown organization could not be found."
            )
    external = {principal for principal in principals if principal.isdigit() and principal not in members}
    if external and not share.allow_external_principals:
        # https://docs.aws.amazon.com/ram/latest/userguide/tshoot-sharing-outside-org.html
        raise InvalidParameterException(
            f"Principal {min(external)} is not in your AWS organization. "
            "You do not have permission to add external AWS accounts to a resource share."
        )
    return external


def is_subnet(entity):
    return ":subnet/" in entity


def _is_in_default_vpc(arn):
    # Unless somebody has asked this moto for EC2, there is none in it, and loading it takes a second.
    loaded = sys.modules.get("moto.ec2.models")
    if loaded is None:
        return False
    _, _, _, region, account_id, resource = arn.split(":")
    ec2, subnet_id = loaded.ec2_backends[account_id][region], resource.split("/")[1]
    subnets = [zone[subnet_id] for zone in ec2.subnets.values() if subnet_id in zone]
    return any(ec2.vpcs[subnet.vpc_id].is_default for subnet in subnets)
