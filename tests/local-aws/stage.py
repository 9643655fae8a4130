"""What a demonstration is played with: stacks that are created, updated and deleted while their events are shown."""

import itertools
import os
import sys
import time
from dataclasses import dataclass

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

import picture
from local_aws import ACCOUNT, LOCAL, ROOT
from progress import Waiting

STATE = LOCAL / "aws"
CAPABILITIES = ["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
# CloudFormation's own patience with a custom resource is an hour. Nothing here takes a minute, unless somebody has put
# a policy back to what it lately was: until two minutes are over that may be a stale read.
PATIENCE = 180
_steps = itertools.count(1)


@dataclass
class Operation:
    """What is going on with a stack, and the status that it is to end in; None for any."""

    stage: "Stage"
    name: str
    stack: str
    wanted: str | None


class Stage:
    """An account and its stacks, as its administrator or a role sees them."""

    def __init__(self, name, account=ACCOUNT, session=None):
        self.name = name
        self.account = account
        # An account's 12 digits are its access key.
        self.session = session or {"aws_access_key_id": account, "aws_secret_access_key": "local"}
        self.cloudformation = self.client("cloudformation")
        self.seen = set()

    def client(self, service, **options):
        # A function may take as long for its answer as it may run.
        config = Config(retries={"total_max_attempts": 1}, read_timeout=300)
        return boto3.client(service, config=config, **self.session, **options)

    def entered(self, other, role):
        """Another account, as a role there sees it that this one assumes."""
        # moto's STS is for the functions, and ministack knows its own sessions alone.
        sts = self.client("sts", endpoint_url=os.environ["AWS_ENDPOINT_URL"])
        given = sts.assume_role(RoleArn=role, RoleSessionName="pipeline")["Credentials"]
        names = {
            "access_key_id": "AccessKeyId",
            "secret_access_key": "SecretAccessKey",
            "session_token": "SessionToken",
        }
        return Stage(other.name, other.account, {f"aws_{ours}": given[name] for ours, name in names.items()})

    def create(self, name, wanted="CREATE_COMPLETE", body=None, role=None, **parameters):
        """Makes a stack from the template of its name or another one; CloudFormation acts as the role, if any."""
        made = self.cloudformation.create_stack(
            StackName=name,
            TemplateBody=body or template(name),
            **({"RoleARN": role} if role else {}),
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
            Capabilities=CAPABILITIES,
        )
        return Operation(self, name, made["StackId"], wanted)

    def update(self, name, wanted="UPDATE_COMPLETE", body=None, **changed):
        """Changes parameters of a stack, and its template if there is another."""
        self.news(name)
        keys = [parameter["ParameterKey"] for parameter in self.stack(name)["Parameters"]]
        made = self.cloudformation.update_stack(
            StackName=name,
            **({"TemplateBody": body} if body else {"UsePreviousTemplate": True}),
            Capabilities=CAPABILITIES,
            Parameters=[
                {"ParameterKey": key, "ParameterValue": changed[key]}
                if key in changed
                else {"ParameterKey": key, "UsePreviousValue": True}
                for key in keys
            ],
        )
        return Operation(self, name, made["StackId"], wanted)

    def delete(self, name):
        # A deleted stack is found by its id alone.
        stack = self.stack(name)["StackId"]
        self.news(stack)
        self.cloudformation.delete_stack(StackName=stack)
        return Operation(self, name, stack, "DELETE_COMPLETE")

    def going(self, name):
        """What somebody else, or a demonstration that was interrupted, has begun."""
        self.news(name)
        return Operation(self, name, self.stack(name)["StackId"], None)

    def outputs(self, name):
        """What the stack puts out; nothing if there is none of that name."""
        outputs = (self.stack(name) or {}).get("Outputs", [])
        return {output["OutputKey"]: output["OutputValue"] for output in outputs}

    def stack(self, name):
        """The stack, or None if there is none of that name."""
        try:
            return self.cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise

    def failed(self, stack, reason):
        """Whether something of the stack failed with this in its reason."""
        pages = self.cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack)
        events = [event for page in pages for event in page["StackEvents"]]
        return any(
            event["ResourceStatus"].endswith("FAILED") and reason in event.get("ResourceStatusReason", "")
            for event in events
        )

    def news(self, stack):
        """The stack's events that weren't asked for before, the oldest first."""
        pages = self.cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack)
        events = [event for page in pages for event in page["StackEvents"] if event["EventId"] not in self.seen]
        self.seen.update(event["EventId"] for event in events)
        return reversed(events)


def follow(*operations):
    """Shows what becomes of stacks until they are at rest; ends the demonstration if one isn't as wanted."""
    going = list(operations)
    width = max(len(each.stage.name) for each in going)
    with Waiting(f"waiting for {', '.join(f'{each.name} in {each.stage.name}' for each in going)}") as waiting:
        while going:
            for operation in list(going):
                status = operation.stage.stack(operation.stack)["StackStatus"]
                for event in operation.stage.news(operation.stack):
                    waiting.clear()
                    picture.event(event, f"{operation.stage.name:<{width}}")
                if not status.endswith("IN_PROGRESS"):
                    if operation.wanted not in (None, status):
                        fail(f"the stack {operation.name} in {operation.stage.name} is {status}")
                    going.remove(operation)
            if waiting.seconds() > PATIENCE:
                fail(f"{len(going)} stacks aren't at rest after {PATIENCE} s")
            if going:
                time.sleep(0.2)


def template(name):
    """That of a stack by its name: shop-tooling is made of stacks/tooling.yaml, as in docs/landing.md."""
    return (ROOT / f"stacks/{name.rpartition('-')[2]}.yaml").read_text()


def say(verb, what):
    """The heading of the next step."""
    print(picture.paint(f"\n{next(_steps)}. {verb}", "heading") + f": {what}\n", flush=True)


def check(said, holds):
    """Says what was seen to hold; ends the demonstration if it doesn't."""
    if not holds:
        fail(f"expected: {said}")
    print(f"  {picture.paint('✓', '+')} {said}", flush=True)


def fail(said):
    log = os.path.relpath(STATE / "ministack.log")
    sys.exit(
        f"\n{picture.paint('✗', '-')} {said}\n  {log} says more. The local AWS is still up; stop it with `make down`."
    )
