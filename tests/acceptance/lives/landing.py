"""The landing in two accounts: the management account is tooling as well, and the member deploys an application."""

import json
import time
from pathlib import Path

import stores
from outcome import Outcome, held
from stacks import Stack
from world import MEMBER, Stopped

from .life import Step

NAME = "Landing"
STACKS = Path(__file__).resolve().parent.parent.parent.parent / "stacks"


def open_tooling(world):
    """Makes the stack tooling; gives the parameters by which the functions open to others what is in it."""
    ended = Stack(world, "tooling").create(_template("tooling"), Application=world.prefix)
    if ended.status != "CREATE_COMPLETE":
        raise RuntimeError(f"the stack tooling is {ended}")
    made = ended.outputs
    world.made["tooling"] = made
    return {name: made[name] for name in ("GrantTargets", "GrantActions")}


class Landing:
    """The stacks callers and workload, once the functions are open."""

    def __init__(self, world):
        self.world = world
        self.callers = Stack(world, "callers")
        self.workload = Stack(world, "workload", MEMBER)
        self.steps = []

    def run(self):
        for name, step in (
            ("callers: who may call", self.let_in),
            ("workload: statements out of another account", self.register),
            ("workload: deleted", self.leave),
            ("callers: deleted", self.close),
        ):
            started = time.monotonic()
            try:
                outcome = step()
            except Stopped:
                break
            except Exception as error:
                outcome = Outcome.failed(f"{type(error).__name__}: {error}")
            self.steps.append(Step(NAME, name, outcome.took(time.monotonic() - started)))
            if not outcome.is_good:
                break
        return self.steps

    def let_in(self):
        organization = self.world.management.client("organizations").describe_organization()["Organization"]["Id"]
        ended = self.callers.create(
            _template("callers"),
            OrganizationId=organization,
            CallerAccounts=self.world.member.id,
            Archipelago=self.world.prefix,
        )
        return held(ended.status == "CREATE_COMPLETE", str(ended))

    def register(self):
        made = self.world.made["tooling"]
        self.before = self._policies()
        ended = self.workload.create(
            _template("workload"),
            Application=self.world.prefix,
            ToolingAccountId=self.world.management.id,
            Archipelago=self.world.prefix,
            **{name: made[name] for name in ("ArtifactBucketName", "ArtifactKeyArn", "ImagesKeyArn")},
        )
        if ended.status != "CREATE_COMPLETE":
            return held(False, str(ended))
        return self._shows(lambda there: all(self.world.member.id in said for said in there.values()))

    def leave(self):
        ended = self.workload.delete()
        if ended.status != "DELETE_COMPLETE":
            return held(False, str(ended))
        return self._shows(lambda there: there == self.before)

    def close(self):
        ended = self.callers.delete()
        return held(ended.status == "DELETE_COMPLETE", str(ended))

    def _shows(self, holds):
        seconds = self.world.until(lambda: holds(self._policies()))
        if seconds is None:
            return held(False, f"the policies of tooling are otherwise: {self._policies()}")
        return held(True, "the policies of the repository, both keys and the bucket are as they should be")

    def _policies(self):
        """Those of tooling, as text."""
        made, account = self.world.made["tooling"], self.world.management
        kms = account.client("kms")
        calls = {
            "repository": lambda: account.client("ecr").get_repository_policy(repositoryName=self.world.prefix)[
                "policyText"
            ],
            "bucket": lambda: account.client("s3").get_bucket_policy(Bucket=made["ArtifactBucketName"])["Policy"],
            "key of the images": lambda: kms.get_key_policy(KeyId=made["ImagesKeyArn"], PolicyName="default")["Policy"],
            "key of the artifacts": lambda: kms.get_key_policy(KeyId=made["ArtifactKeyArn"], PolicyName="default")[
                "Policy"
            ],
        }
        return {name: json.dumps(stores.or_nothing(call), sort_keys=True) for name, call in calls.items()}


def _template(name):
    return (STACKS / f"{name}.yaml").read_text()
