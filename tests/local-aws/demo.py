"""The demonstration: two stacks' lives on a local AWS, with what CloudFormation says and what changes at every step."""

import argparse
import contextlib
import json
import math
import os
import re
import sys
import time

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

import application
import picture
from local_aws import LOCAL, ROOT, LocalAws, NotStarted, exports
from progress import Progress, Waiting

STACK = "example"
LANDING = "organization"
REPOSITORY = "app"
TEMPLATE = ROOT / "stacks/example.yaml"
LANDING_TEMPLATE = ROOT / "stacks/organization.yaml"
HOMES = {
    "app-development": "Workloads/Development",
    "app-production": "Workloads/Production",
    "network": "Infrastructure",
    "sandbox": "Sandbox",
    "security": "Security",
    "tooling": "Infrastructure",
}
STATE = LOCAL / "aws"
PORTS = (4566, 4567)
# CloudFormation's own patience with a custom resource is an hour; nothing here takes a minute.
PATIENCE = 120
# The Sids in each policy once the stack is there: its own, and those that were written with what they belong to.
STATEMENTS = {
    "repository policy": ["List", "Pull"],
    "key policy": ["Administration", "Decrypt"],
    "bucket policy": ["DenyInsecureTransport", "Read"],
    "trust policy": ["Assume"],
    "inline policy": ["Artifacts", "Push"],
}
OPENED = ("repository policy", "key policy", "bucket policy", "trust policy")
SOMEBODY_ELSES = {
    "Sid": "WrittenBySomebodyElse",
    "Effect": "Allow",
    "Principal": {"AWS": "arn:aws:iam::444444444444:root"},
    "Action": "ecr:DescribeImages",
}

FAREWELL = """
All of it took {seconds:.0f} s. The local AWS stays up at {endpoint}, and the functions in it. Look around:

  eval "$(python3 tests/local-aws/servers.py environment)"
  aws cloudformation deploy --stack-name example --template-file stacks/example.yaml --capabilities CAPABILITY_IAM
  aws cloudformation describe-stack-events --stack-name example --output table
  aws ecr get-repository-policy --repository-name app
  aws logs filter-log-events --log-group-name /aws/lambda/archipelago-organizational-unit \\
      --query 'events[].message' --output text

Stop it with `make down`."""


class Demonstration:
    """The steps, and the world that they are looked at in."""

    def __init__(self):
        config = Config(retries={"total_max_attempts": 1})
        self.cloudformation = boto3.client("cloudformation", config=config)
        self.ecr, self.kms, self.s3, self.iam = (
            boto3.client(name, config=config) for name in ("ecr", "kms", "s3", "iam")
        )
        self.organizations = boto3.client("organizations", config=config)
        self.seen = set()
        self.made = {}
        self.step = 0

    def prepare(self):
        """Nothing left of a demonstration before this one, but for accounts, which no demonstration can delete."""
        if self._stack(LANDING):
            print(f"\nA stack {LANDING} is left from before; it goes first.")
            self._update("UPDATE_COMPLETE", stack=LANDING, AccountsInTheRoot="true")
            self._delete(LANDING)
        if self._stack():
            print(f"\nA stack {STACK} is left from before; it goes first.")
            self._delete(STACK)
        self._delete_repository()

    def land(self):
        self._say("Create", "an organization, its units, and six accounts in them, in one stack")
        # A second demonstration finds the accounts of the first, and takes them over.
        before = self._tree()
        adopts = any(_named(before, name) for name in HOMES)
        self.cloudformation.create_stack(
            StackName=LANDING,
            TemplateBody=LANDING_TEMPLATE.read_text(),
            Parameters=[{"ParameterKey": "AdoptExisting", "ParameterValue": json.dumps(adopts)}],
        )
        self._follow("CREATE_COMPLETE", LANDING)
        tree = self._tree()
        picture.change("Organization", before, tree)
        print()
        check("six accounts are there, each once", all(len(_named(tree, name)) == 1 for name in HOMES))
        check("each is in its unit", HOMES.items() <= _homes(tree).items())

    def leave(self):
        self._say("Update", "the accounts go back to the root, since no stack deletes an account")
        before = self._tree()
        self._update("UPDATE_COMPLETE", stack=LANDING, AccountsInTheRoot="true")
        after = self._tree()
        picture.change("Organization", before, after)
        print()
        check("the accounts are in the root", all(_homes(after)[name] == "" for name in HOMES))
        check("no id has changed", _ids(before) == _ids(after))
        self._say("Delete", "the stack of the organization; the accounts and the organization itself stay")
        self._delete(LANDING)
        left = self._tree()
        picture.change("Organization", after, left)
        print()
        check("the units are gone", not _has(left, " ou-"))
        check("the accounts are not", all(_ids(_named(left, name)) == _ids(_named(after, name)) for name in HOMES))

    def create(self):
        self._say("Create", "two organizational units, and statements in five policies")
        before = self._look()
        self.cloudformation.create_stack(
            StackName=STACK, TemplateBody=TEMPLATE.read_text(), Capabilities=["CAPABILITY_IAM"]
        )
        self._follow("CREATE_COMPLETE")
        after = self._show(before)
        check("the inner OU is inside the outer one", _has(after["organization"], "└─ Workloads", "   └─ Production"))
        for policy, sids in STATEMENTS.items():
            check(f"the {policy} holds {' and '.join(sids)}", _sids(after[policy]) == sids)

    def somebody_else(self):
        self._say("Somebody else", "adds a statement to the same policy, past CloudFormation")
        before = self._look()
        document = json.loads(self.ecr.get_repository_policy(repositoryName=REPOSITORY)["policyText"])
        document["Statement"].append(SOMEBODY_ELSES)
        self.ecr.set_repository_policy(repositoryName=REPOSITORY, policyText=json.dumps(document))
        self._show(before)

    def update(self):
        self._say("Update", "another name for the outer OU, another account in all the policies")
        before = self._look()
        self._update("UPDATE_COMPLETE", WorkloadsName="Products", PullAccount="333333333333")
        after = self._show(before)
        tree = after["organization"]
        check("the OU was renamed in place: ids are as they were", _ids(before["organization"]) == _ids(tree))
        check("the new name is there", _has(tree, "└─ Products", "   └─ Production"))
        for policy in OPENED:
            lines = after[policy]
            check(f"the {policy} is open to the other account", _has(lines, "333333333333"))
            check("and no longer to the first", not _has(lines, "222222222222"))
        expected = sorted([*STATEMENTS["repository policy"], SOMEBODY_ELSES["Sid"]])
        check("the others' statements are as they were", _sids(after["repository policy"]) == expected)

    def update_in_words_only(self):
        self._say("Update", "the same account, written as an ARN: other words, the same meaning")
        before = self._look()
        self._update("UPDATE_COMPLETE", PullAccount="arn:aws:iam::333333333333:root")
        after = self._show(before)
        check("nothing was written", before == after)

    def update_in_vain(self):
        self._say("Update", "a template with a misspelt property, `ParentID`; CloudFormation rolls back")
        before = self._look()
        misspelt = TEMPLATE.read_text().replace("ParentId:", "ParentID:")
        started = time.monotonic()
        self._update("UPDATE_ROLLBACK_COMPLETE", misspelt)
        seconds = time.monotonic() - started
        after = self._show(before)
        check(f"it failed and was rolled back within {math.ceil(seconds)} s", seconds < 10)
        check("all is as it was", before == after)

    def delete(self):
        self._say("Delete", "the whole stack; the repository itself is retained, as the template says")
        before = self._look()
        self._delete(STACK)
        after = self._show(before)
        check("both OUs are gone", not _has(after["organization"], " ou-"))
        check("only somebody else's statement is left", _sids(after["repository policy"]) == [SOMEBODY_ELSES["Sid"]])
        self._delete_repository()

    def _say(self, verb, what):
        self.step += 1
        print(picture.paint(f"\n{self.step}. {verb}", "heading") + f": {what}\n", flush=True)

    def _look(self):
        """The tree of the organization and the five policies, as lines."""
        outputs = (self._stack() or {}).get("Outputs", [])
        self.made |= {output["OutputKey"]: output["OutputValue"] for output in outputs}
        key, bucket, role = (self.made.get(name, "none") for name in ("KeyArn", "BucketName", "RoleName"))
        reads = {
            "repository policy": lambda: self.ecr.get_repository_policy(repositoryName=REPOSITORY)["policyText"],
            "key policy": lambda: self.kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"],
            "bucket policy": lambda: self.s3.get_bucket_policy(Bucket=bucket)["Policy"],
            "trust policy": lambda: self.iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"],
            "inline policy": lambda: self.iam.get_role_policy(RoleName=role, PolicyName="artifacts")["PolicyDocument"],
        }
        return {"organization": self._tree(), **{name: picture.policy(read) for name, read in reads.items()}}

    def _tree(self):
        try:
            return picture.organization(self.organizations)
        except self.organizations.exceptions.AWSOrganizationsNotInUseException:
            return ["(no organization)"]

    def _delete(self, stack):
        self.cloudformation.delete_stack(StackName=stack)
        self._follow("DELETE_COMPLETE", stack)

    def _show(self, before):
        after = self._look()
        for name, lines in after.items():
            picture.change(name[0].upper() + name[1:], before[name], lines)
        print()
        return after

    def _update(self, wanted, template=None, stack=STACK, **changed):
        names = [parameter["ParameterKey"] for parameter in self._stack(stack)["Parameters"]]
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

    def _follow(self, wanted, name=STACK):
        """Shows the stack's events until it is at rest; ends the demonstration if it rests elsewhere than wanted."""
        # A deleted stack is found by its id alone.
        stack = self._stack(name)["StackId"]
        with Waiting(f"waiting for the stack {name}") as waiting:
            while True:
                status = self._stack(stack)["StackStatus"]
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

    def _stack(self, name=STACK):
        """The stack, or None if there is none of that name."""
        try:
            return self.cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise

    def _delete_repository(self):
        with contextlib.suppress(self.ecr.exceptions.RepositoryNotFoundException):
            self.ecr.delete_repository(repositoryName=REPOSITORY, force=True)


def check(said, holds):
    """Says what was seen to hold; ends the demonstration if it doesn't."""
    if not holds:
        fail(f"expected: {said}")
    print(f"  {picture.paint('✓', '+')} {said}", flush=True)


def fail(said):
    sys.exit(
        f"\n{picture.paint('✗', '-')} {said}\n  The local AWS is still up: {STATE.relative_to(ROOT)}/ministack.log"
    )


def _has(lines, *parts):
    return all(any(part in line for line in lines) for part in parts)


def _named(tree, account):
    return [line for line in tree if f"account {account} " in line]


def _homes(tree):
    """The path of units that each account is in; nothing for the root."""
    path, homes = [], {}
    for line in tree[1:]:
        indent, account, name = re.match(r"([│ ]*)[├└]─ (account )?(\S+)", line).groups()
        depth = len(indent) // 3
        path[depth:] = [name]
        if account:
            homes[name] = "/".join(path[:depth])
    return homes


def _ids(tree):
    return sorted(line.split()[-1] for line in tree)


def _sids(policy):
    """The Sids, without the mark that ends ours."""
    try:
        statements = json.loads("\n".join(policy))["Statement"]
    except ValueError:
        return []
    sids = [statement["Sid"] for statement in statements if "Sid" in statement]
    return sorted(re.sub(r"^([A-Z][a-z]+)[0-9a-f]{10}\d*$", r"\1", sid) for sid in sids)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--free-ports", action="store_true", help=f"instead of {PORTS[0]} and {PORTS[1]}")
    arguments = parser.parse_args()
    started = time.monotonic()
    aws = LocalAws(STATE)
    described = aws.running()
    if not described:
        aws.stop()
        with Progress("Starting a local AWS"):
            try:
                described = aws.start_on_free_ports() if arguments.free_ports else aws.start(*PORTS)
            except NotStarted as error:
                sys.exit(f"{error}\nWith make it is: make demo DEMO=--free-ports")
    application.deploy(described["endpoint"])
    os.environ.update(exports(described["endpoint"], described["organizations_endpoint"]))
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        os.environ.pop(name, None)

    demonstration = Demonstration()
    demonstration.prepare()
    demonstration.land()
    demonstration.leave()
    demonstration.create()
    demonstration.somebody_else()
    demonstration.update()
    demonstration.update_in_words_only()
    demonstration.update_in_vain()
    demonstration.delete()
    print(FAREWELL.format(seconds=time.monotonic() - started, **described))


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("\nInterrupted. The local AWS may still be up: make down")
