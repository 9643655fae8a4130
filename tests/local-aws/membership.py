"""What Organizations, which moto plays, says of the organization that an account is in."""

import functools

import boto3
from botocore.exceptions import ClientError


@functools.cache
def organizations(account):
    """Organizations, as the account asks it."""
    return boto3.client("organizations", "us-east-1", aws_access_key_id=account, aws_secret_access_key="local")


def organization_of(account):
    """The organization that the account is in, or None."""
    try:
        return organizations(account).describe_organization()["Organization"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "AWSOrganizationsNotInUseException":
            raise
        return None


def condition_keys(account):
    """What conditions read of a principal of this account, wherever the account is in the organization by now.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principalorgpaths
    """
    organization = organization_of(account)
    if organization is None:
        return {"aws:principalorgid": None, "aws:principalorgpaths": None}
    management, path, parent = organizations(organization["MasterAccountId"]), "", account
    while not parent.startswith("r-"):
        parent = management.list_parents(ChildId=parent)["Parents"][0]["Id"]
        path = f"{parent}/{path}"
    # The key has several values, whoever is asked about.
    return {"aws:principalorgid": organization["Id"], "aws:principalorgpaths": [f"{organization['Id']}/{path}"]}
