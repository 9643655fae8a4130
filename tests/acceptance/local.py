"""The local AWS as the two accounts of a run: the same profiles, only elsewhere."""

import contextlib
import os
import sys
from pathlib import Path

import boto3

HERE = Path(__file__).resolve().parent
MAILBOX = "aws@acceptance.test"
MEMBER_NAME = "member"
# Not one of the ids of AWS's documentation, which the templates of stacks/ refuse.
MANAGEMENT_ID = "314159265358"
PROFILES = """[profile {name}]
region = {region}
aws_access_key_id = {account}
aws_secret_access_key = local
"""


@contextlib.contextmanager
def running(folder, state=None):
    """Starts it, or takes the one of `state` that runs already, while the block runs; gives its profiles."""
    # Not before it is wanted: it needs Linux, and a real AWS doesn't.
    sys.path.append(str(HERE.parent / "local-aws"))
    from local_aws import REGION, LocalAws, exports

    aws = LocalAws(state or folder / "aws")
    described = aws.running()
    is_ours = described is None
    if is_ours:
        aws.stop()
        described = aws.start_on_free_ports(dies_with_parent=True)
    try:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            del os.environ[name]
        variables = exports(described["endpoint"], described["organizations_endpoint"])
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            del variables[name]
        os.environ.update(variables)
        accounts = {"management": MANAGEMENT_ID, MEMBER_NAME: _member()}
        config = aws.state / "profiles"
        config.write_text(
            "".join(PROFILES.format(name=name, account=account, region=REGION) for name, account in accounts.items())
        )
        os.environ["AWS_CONFIG_FILE"] = str(config)
        yield list(accounts)
    finally:
        if is_ours:
            aws.stop()


def template():
    """What was built, packed as in a release."""
    from application import packed

    return packed() / "template.yaml"


def _member():
    """The id of the one account of the organization, both of which are made if they aren't there."""
    organizations = boto3.client("organizations", aws_access_key_id=MANAGEMENT_ID, aws_secret_access_key="local")
    with contextlib.suppress(organizations.exceptions.AlreadyInOrganizationException):
        organizations.create_organization(FeatureSet="ALL")
    there = [each for each in organizations.list_accounts()["Accounts"] if each["Name"] == MEMBER_NAME]
    if not there:
        request = organizations.create_account(Email=f"member-{MAILBOX}", AccountName=MEMBER_NAME)
        status = request["CreateAccountStatus"]
        while status["State"] == "IN_PROGRESS":
            status = organizations.describe_create_account_status(CreateAccountRequestId=status["Id"])[
                "CreateAccountStatus"
            ]
        if status["State"] != "SUCCEEDED":
            raise RuntimeError(f"the member can't be made: {status['FailureReason']}")
        return status["AccountId"]
    return there[0]["Id"]
