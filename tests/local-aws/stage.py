"""What a demonstration is played with: stacks that are created, updated and deleted while their events are shown."""

import itertools
import sys
import time

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

import picture
from local_aws import ACCOUNT, LOCAL, ROOT
from progress import Waiting

STATE = LOCAL / "aws"
# CloudFormation's own patience with a custom resource is an hour; nothing here takes a minute.
PATIENCE = 120
_steps = itertools.count(1)


class Stage:
    """The stacks of one account."""

    def __init__(self, account=ACCOUNT):
        self.account = account
        self.cloudformation = self.client("cloudformation")
        self.seen = set()

    def client(self, service):
        """A client that acts as the account, whose 12 digits are its access key."""
        config = Config(retries={"total_max_attempts": 1})
        return boto3.client(service, aws_access_key_id=self.account, aws_secret_access_key="local", config=config)

    def create(self, stack, template, **parameters):
        self.cloudformation.create_stack(
            StackName=stack,
            TemplateBody=template.read_text(),
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
            Capabilities=["CAPABILITY_IAM"],
        )
        self._follow("CREATE_COMPLETE", stack)

    def update(self, stack, wanted="UPDATE_COMPLETE", template=None, **changed):
        names = [parameter["ParameterKey"] for parameter in self.stack(stack)["Parameters"]]
        self.cloudformation.update_stack(
            StackName=stack,
            **({"TemplateBody": template} if template else {"UsePreviousTemplate": True}),
            Capabilities=["CAPABILITY_IAM"],
            Parameters=[
                {"ParameterKey": name, "ParameterValue": changed[name]}
                if name in changed
                else {"ParameterKey": name, "UsePreviousValue": True}
                for name in names
            ],
        )
        self._follow(wanted, stack)

    def delete(self, stack):
        self.cloudformation.delete_stack(StackName=stack)
        self._follow("DELETE_COMPLETE", stack)

    def _follow(self, wanted, name):
        """Shows the stack's events until it is at rest; ends the demonstration if it rests elsewhere than wanted."""
        # A deleted stack is found by its id alone.
        stack = self.stack(name)["StackId"]
        with Waiting(f"waiting for the stack {name}") as waiting:
            while True:
                status = self.stack(stack)["StackStatus"]
                self._print_events(stack, waiting)
                if not status.endswith("IN_PROGRESS"):
                    break
                if waiting.seconds() > PATIENCE:
                    fail(f"the stack is still {status} after {PATIENCE} s")
                time.sleep(0.1)
        if status != wanted:
            fail(f"the stack is {status}, not {wanted}")

    def _print_events(self, stack, waiting):
        pages = self.cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack)
        events = [event for page in pages for event in page["StackEvents"]]
        # The newest comes first.
        for event in reversed(events):
            if event["EventId"] not in self.seen:
                self.seen.add(event["EventId"])
                waiting.clear()
                picture.event(event)

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


def say(verb, what):
    """The heading of the next step."""
    print(picture.paint(f"\n{next(_steps)}. {verb}", "heading") + f": {what}\n", flush=True)


def check(said, holds):
    """Says what was seen to hold; ends the demonstration if it doesn't."""
    if not holds:
        fail(f"expected: {said}")
    print(f"  {picture.paint('✓', '+')} {said}", flush=True)


def fail(said):
    sys.exit(
        f"\n{picture.paint('✗', '-')} {said}\n  The local AWS is still up: {STATE.relative_to(ROOT)}/ministack.log"
    )
