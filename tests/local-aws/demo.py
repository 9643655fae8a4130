"""The demonstration: stacks' lives on a local AWS, with what CloudFormation says and what changes at every step."""

import argparse
import contextlib
import json
import math
import os
import re
import sys
import time

import application
import picture
from local_aws import ROOT, LocalAws, NotStarted, exports
from network_demo import Network
from progress import Progress
from stage import STATE, Stage, check, say

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
PORTS = (4566, 4567)
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


class Demonstration(Stage):
    """The steps, and the world that they are looked at in."""

    def __init__(self):
        super().__init__()
        self.ecr, self.kms, self.s3, self.iam = map(self.client, ("ecr", "kms", "s3", "iam"))
        self.organizations = self.client("organizations")
        self.made = {}

    def prepare(self):
        """Nothing left of a demonstration before this one, but for accounts, which no demonstration can delete."""
        if network := self.network():
            network.prepare()
        if self.stack(LANDING):
            print(f"\nA stack {LANDING} is left from before; it goes first.")
            self.update(LANDING, AccountsInTheRoot="true")
            self.delete(LANDING)
        if self.stack(STACK):
            print(f"\nA stack {STACK} is left from before; it goes first.")
            self.delete(STACK)
        self._delete_repository()

    def land(self):
        say("Create", "an organization, its units, and six accounts in them, in one stack")
        # A second demonstration finds the accounts of the first, and takes them over.
        before = self._tree()
        adopts = any(_named(before, name) for name in HOMES)
        self.create(LANDING, LANDING_TEMPLATE, AdoptExisting=json.dumps(adopts))
        tree = self._tree()
        picture.change("Organization", before, tree)
        print()
        check("six accounts are there, each once", all(len(_named(tree, name)) == 1 for name in HOMES))
        check("each is in its unit", HOMES.items() <= _homes(tree).items())

    def network(self):
        """The accounts of the part that spans several; None if there are none yet."""
        tree = self._tree()
        accounts = [_ids(_named(tree, name)) for name in ("network", "app-development", "sandbox")]
        return Network(*(account for (account,) in accounts)) if all(accounts) else None

    def leave(self):
        say("Update", "the accounts go back to the root, since no stack deletes an account")
        before = self._tree()
        self.update(LANDING, AccountsInTheRoot="true")
        after = self._tree()
        picture.change("Organization", before, after)
        print()
        check("the accounts are in the root", all(_homes(after)[name] == "" for name in HOMES))
        check("no id has changed", _ids(before) == _ids(after))
        say("Delete", "the stack of the organization; the accounts and the organization itself stay")
        self.delete(LANDING)
        left = self._tree()
        picture.change("Organization", after, left)
        print()
        check("the units are gone", not _has(left, " ou-"))
        check("the accounts are not", all(_ids(_named(left, name)) == _ids(_named(after, name)) for name in HOMES))

    def create_example(self):
        say("Create", "two organizational units, and statements in five policies")
        before = self._look()
        self.create(STACK, TEMPLATE)
        after = self._show(before)
        check("the inner OU is inside the outer one", _has(after["organization"], "└─ Workloads", "   └─ Production"))
        for policy, sids in STATEMENTS.items():
            check(f"the {policy} holds {' and '.join(sids)}", _sids(after[policy]) == sids)

    def somebody_else(self):
        say("Somebody else", "adds a statement to the same policy, past CloudFormation")
        before = self._look()
        document = json.loads(self.ecr.get_repository_policy(repositoryName=REPOSITORY)["policyText"])
        document["Statement"].append(SOMEBODY_ELSES)
        self.ecr.set_repository_policy(repositoryName=REPOSITORY, policyText=json.dumps(document))
        self._show(before)

    def update_example(self):
        say("Update", "another name for the outer OU, another account in all the policies")
        before = self._look()
        self.update(STACK, WorkloadsName="Products", PullAccount="333333333333")
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
        say("Update", "the same account, written as an ARN: other words, the same meaning")
        before = self._look()
        self.update(STACK, PullAccount="arn:aws:iam::333333333333:root")
        after = self._show(before)
        check("nothing was written", before == after)

    def update_in_vain(self):
        say("Update", "a template with a misspelt property, `ParentID`; CloudFormation rolls back")
        before = self._look()
        misspelt = TEMPLATE.read_text().replace("ParentId:", "ParentID:")
        started = time.monotonic()
        self.update(STACK, "UPDATE_ROLLBACK_COMPLETE", misspelt)
        seconds = time.monotonic() - started
        after = self._show(before)
        check(f"it failed and was rolled back within {math.ceil(seconds)} s", seconds < 10)
        check("all is as it was", before == after)

    def delete_example(self):
        say("Delete", "the whole stack; the repository itself is retained, as the template says")
        before = self._look()
        self.delete(STACK)
        after = self._show(before)
        check("both OUs are gone", not _has(after["organization"], " ou-"))
        check("only somebody else's statement is left", _sids(after["repository policy"]) == [SOMEBODY_ELSES["Sid"]])
        self._delete_repository()

    def _look(self):
        """The tree of the organization and the five policies, as lines."""
        self.made |= self.outputs(STACK)
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

    def _show(self, before):
        after = self._look()
        for name, lines in after.items():
            picture.change(name[0].upper() + name[1:], before[name], lines)
        print()
        return after

    def _delete_repository(self):
        with contextlib.suppress(self.ecr.exceptions.RepositoryNotFoundException):
            self.ecr.delete_repository(repositoryName=REPOSITORY, force=True)


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
    network = demonstration.network()
    application.deploy(described["endpoint"], into={account: {"Functions": "Network"} for account in network.accounts})
    network.share(demonstration.outputs(LANDING)["WorkloadsId"])
    network.name()
    network.unshare()
    demonstration.leave()
    demonstration.create_example()
    demonstration.somebody_else()
    demonstration.update_example()
    demonstration.update_in_words_only()
    demonstration.update_in_vain()
    demonstration.delete_example()
    print(FAREWELL.format(seconds=time.monotonic() - started, **described))


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("\nInterrupted. The local AWS may still be up: make down")
