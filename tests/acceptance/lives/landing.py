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


class Landing:
    """The stacks tooling and workload, once the functions are there."""

    def __init__(self, world):
        self.world = world
        self.tooling = Stack(world, "tooling")
        self.workload = Stack(world, "workload", MEMBER)
        self.steps = []

    def run(self):
        for name, step in (
            ("tooling: what there is, and who may ask for it", self.open),
            ("workload: statements out of another account", self.register),
            ("workload: deleted", self.leave),
            ("tooling: nobody may ask any more", self.close),
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

    def open(self):
        """To the member by itself, and to a unit, which is empty: no account is moved that isn't the run's own."""
        organizations, member = self.world.management.client("organizations"), self.world.member.id
        organization = organizations.describe_organization()["Organization"]["Id"]
        root = organizations.list_roots()["Roots"][0]["Id"]
        name = self.world.making("unit", self.world.name("landing"))
        made = organizations.create_organizational_unit(ParentId=root, Name=name, Tags=stores.pairs(self.world))
        unit = made["OrganizationalUnit"]["Id"]
        ended = self.tooling.create(
            _template("tooling"), **self._named(), OrganizationId=organization, CallerUnits=unit, CallerAccounts=member
        )
        if ended.status != "CREATE_COMPLETE":
            return held(False, str(ended))
        self.made = ended.outputs
        return self._let_in({f"caller-{member}", f"caller-{organization}-{unit}"})

    def register(self):
        self.before = self._policies()
        ended = self.workload.create(
            _template("workload"),
            **self._named(),
            ToolingAccountId=self.world.management.id,
            **{name: self.made[name] for name in ("ArtifactBucketName", "ArtifactKeyArn", "ImagesKeyArn")},
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
        """What the stack would keep is found only as long as the stack is there: it goes when the run cleans up."""
        ended = self.tooling.update(_template("tooling"), **self._named())
        if ended.status != "UPDATE_COMPLETE":
            return held(False, str(ended))
        return self._let_in(set())

    def _named(self):
        return {"Application": self.world.prefix, "Archipelago": self.world.prefix}

    def _let_in(self, callers):
        functions, there = self.world.management.client("lambda"), set()

        def is_so():
            listed = functions.list_aliases(FunctionName=self.world.name("ecr-policy-statement"))["Aliases"]
            there.clear()
            there.update(alias["Name"] for alias in listed)
            return there == callers

        seconds = self.world.until(is_so)
        return held(seconds is not None, f"aliases of callers: {', '.join(sorted(there)) or 'none'}")

    def _shows(self, holds):
        seconds = self.world.until(lambda: holds(self._policies()))
        if seconds is None:
            return held(False, f"the policies of tooling are otherwise: {self._policies()}")
        return held(True, "the policies of the repository, both keys and the bucket are as they should be")

    def _policies(self):
        """Those of tooling, as text."""
        made, account = self.made, self.world.management
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
