"""Stacks of a run: made, changed and deleted, and what CloudFormation said when something failed."""

import json
import re
from dataclasses import dataclass

from stores import pairs
from world import MANAGEMENT

CAPABILITIES = ["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]


@dataclass(frozen=True)
class Ended:
    """How an operation ended, and what failed in it."""

    status: str
    reasons: tuple
    outputs: dict

    def failed_with(self, words):
        return any(words in reason for reason in self.reasons)

    def __str__(self):
        return "; ".join([self.status, *self.reasons])


class Stack:
    """A stack under the prefix, in one of the accounts."""

    def __init__(self, world, of, where=MANAGEMENT):
        self.world = world
        self.where = where
        self.name = world.name(of)
        self.cloudformation = world.accounts[where].client("cloudformation")
        self.id = None
        self._seen = set()

    def create(self, template, **parameters):
        self.world.making("stack", self.name, self.where)
        made = self.cloudformation.create_stack(
            **self._request(template, parameters), StackName=self.name, Tags=pairs(self.world)
        )
        self.id = made["StackId"]
        return self._ended()

    def update(self, template, **parameters):
        self._news()
        self.cloudformation.update_stack(**self._request(template, parameters), StackName=self.name)
        return self._ended()

    def changes(self, template):
        """What a change set says of a stack that isn't there yet, with the values of properties."""
        self.world.making("stack", self.name, self.where)
        client, name = self.cloudformation, {"StackName": self.name, "ChangeSetName": self.name}
        made = client.create_change_set(
            **self._request(template, {}), **name, ChangeSetType="CREATE", Tags=pairs(self.world)
        )
        self.id = made["StackId"]

        def is_made():
            return client.describe_change_set(**name)["Status"] in ("CREATE_COMPLETE", "FAILED")

        self.world.until(is_made, self.world.patience)
        described = client.describe_change_set(**name, IncludePropertyValues=True)
        return [change["ResourceChange"] for change in described["Changes"]]

    def delete(self):
        self._news()
        self.cloudformation.delete_stack(StackName=self.id)
        return self._ended()

    def ids(self):
        """The physical ids of its resources, by logical id."""
        pages = self.cloudformation.get_paginator("list_stack_resources").paginate(StackName=self.id)
        there = [each for page in pages for each in page["StackResourceSummaries"]]
        return {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in there if "PhysicalResourceId" in each}

    def _request(self, template, parameters):
        body = template if isinstance(template, str) else json.dumps(template)
        given = [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]
        return {"TemplateBody": body, "Parameters": given, "Capabilities": CAPABILITIES}

    def _ended(self):
        described = {}

        def is_at_rest():
            described.update(self.cloudformation.describe_stacks(StackName=self.id)["Stacks"][0])
            return not described["StackStatus"].endswith("IN_PROGRESS")

        self.world.until(is_at_rest, self.world.patience)
        reasons = [
            f"{event['LogicalResourceId']}: {event['ResourceStatusReason']}"
            for event in self._news()
            # What is wrong with an output is told of the stack, as it begins to roll back.
            if re.search("FAILED$|ROLLBACK_IN_PROGRESS$", event["ResourceStatus"]) and event.get("ResourceStatusReason")
        ]
        outputs = {each["OutputKey"]: each["OutputValue"] for each in described.get("Outputs", [])}
        return Ended(described["StackStatus"], tuple(reasons), outputs)

    def _news(self):
        """The events that weren't asked for before, the oldest first."""
        pages = self.cloudformation.get_paginator("describe_stack_events").paginate(StackName=self.id)
        events = [event for page in pages for event in page["StackEvents"] if event["EventId"] not in self._seen]
        self._seen.update(event["EventId"] for event in events)
        return list(reversed(events))
