"""The accounts of the landing, and what is to be seen in them: the tree, the share, and who may do what."""

import re

import grants
import picture
from local_aws import ACCOUNT
from stage import Stage, follow

MANAGEMENT = "management"
HOMES = {
    "app-development": "Workloads/Development/app",
    "app-production": "Workloads/Production/app",
    "network": "Infrastructure",
    "sandbox": "Sandbox",
    "security": "Security",
    "shop-development": "Workloads/Development/shop",
    "shop-production": "Workloads/Production/shop",
    "tooling": "Infrastructure",
}
WORKLOADS = ("app-development", "app-production")
# The application that others come after, and one of them.
FIRST, SECOND = "app", "shop"
STAGES = ("Development", "Production")
# What the second application's account asks for of the first one's, and as whose unit.
REACHED, ALIASES = ("repository", "key", "bucket"), (SECOND, FIRST)
# What is deleted together, as docs/landing.md goes back: each needs what the next ones take away.
BACK = (
    [(account, FIRST) for account in WORKLOADS],
    [
        *((account, "workload") for account in HOMES),
        *(("shop-production", f"{thing}-as-{alias}") for alias in ALIASES for thing in REACHED),
        ("tooling", "pipeline"),
        ("app-development", "participant"),
    ],
    [("tooling", "tooling"), ("tooling", "shop-tooling"), ("network", "network")],
    [(MANAGEMENT, "shop-accounts")],
    [(MANAGEMENT, "organization")],
)


class Landing:
    """The management account, and those that it has made so far."""

    def __init__(self):
        self.stages = {MANAGEMENT: Stage(MANAGEMENT)}
        self.organizations = self[MANAGEMENT].client("organizations")
        self.meet()

    def __getitem__(self, name):
        return self.stages[name]

    def meet(self):
        """Finds the accounts that there are."""
        try:
            pages = self.organizations.get_paginator("list_accounts").paginate()
            accounts = {account["Name"]: account["Id"] for page in pages for account in page["Accounts"]}
        except self.organizations.exceptions.AWSOrganizationsNotInUseException:
            return
        self.stages |= {name: Stage(name, accounts[name]) for name in HOMES if name in accounts}

    @property
    def accounts(self):
        """Their ids, by name."""
        return {name: stage.account for name, stage in self.stages.items() if name != MANAGEMENT}

    def clear(self):
        """Leaves nothing of a demonstration before but the functions, and accounts and units, which stacks retain."""
        for together in BACK:
            there = [(self[name], stack) for name, stack in together if name in self.stages]
            left = [(stage, stack) for stage, stack in there if stage.stack(stack)]
            if left:
                print(
                    f"\nLeft from before, it goes first: {', '.join(f'{stack} in {at.name}' for at, stack in left)}.\n"
                )
                follow(*(stage.going(stack) for stage, stack in left))
                follow(*(stage.delete(stack) for stage, stack in left))
        if "tooling" in self.accounts:
            # The stacks tooling retain them.
            ecr = self["tooling"].client("ecr")
            for each in ecr.describe_repositories()["repositories"]:
                ecr.delete_repository(repositoryName=each["repositoryName"], force=True)

    def tree(self):
        """The organization as lines."""
        try:
            return picture.organization(self.organizations)
        except self.organizations.exceptions.AWSOrganizationsNotInUseException:
            return ["(no organization)"]

    def network(self):
        """The network's share and subnets, and what others see of these, as lines."""
        owner = self["network"]
        seen = {name: self[name].client("ec2") for name in ("network", *WORKLOADS, "sandbox")}
        return {
            "share of network": picture.shares(owner.client("ram")),
            **{f"subnets in {name}": picture.subnets(client, owner.account) for name, client in seen.items()},
        }

    def units(self):
        """The unit of each account that an application is deployed into, by the account's name."""
        first, second = self[MANAGEMENT].outputs("organization"), self[MANAGEMENT].outputs("shop-accounts")
        made = {f"{FIRST}-{stage.lower()}": first.get(f"App{stage}UnitId") for stage in STAGES}
        made |= {f"{SECOND}-{stage.lower()}": second.get(f"{stage}UnitId") for stage in STAGES}
        return {name: unit for name, unit in made.items() if unit}

    def move(self, name, unit=None):
        """Moves an account into a unit, or right below the root."""
        account = self[name].account
        source = self.organizations.list_parents(ChildId=account)["Parents"][0]["Id"]
        destination = unit or self.organizations.list_roots()["Roots"][0]["Id"]
        self.organizations.move_account(AccountId=account, SourceParentId=source, DestinationParentId=destination)

    def callers(self):
        """Who may ask the functions of tooling for statements: an alias each, as lines."""
        functions = self["tooling"].client("lambda")
        aliases = functions.list_aliases(FunctionName="archipelago-ecr-policy-statement")["Aliases"]
        names = self._names()
        return sorted(f"{names[re.search('ou-.+', alias['Name'])[0]]:<18} {alias['Name']}" for alias in aliases)

    def grants(self, application=FIRST):
        """Who may do what by each of the policies that the landing of an application is about."""
        tooling = self["tooling"]
        made = tooling.outputs("tooling" if application == FIRST else f"{application}-tooling")
        ecr, kms, s3 = map(tooling.client, ("ecr", "kms", "s3"))

        def of_key(output):
            return lambda: kms.get_key_policy(KeyId=made.get(output, "none"), PolicyName="default")["Policy"]

        def of_role(account):
            iam = self[account].client("iam")
            return lambda: iam.get_role(RoleName=f"{application}-deploy")["Role"]["AssumeRolePolicyDocument"]

        policies = {
            "repository": lambda: ecr.get_repository_policy(repositoryName=application)["policyText"],
            "key of the images": of_key("ImagesKeyArn"),
            "bucket of the artifacts": lambda: s3.get_bucket_policy(Bucket=made.get("ArtifactBucketName", "none"))[
                "Policy"
            ],
            "key of the artifacts": of_key("ArtifactKeyArn"),
            **{
                f"deploy role of {account}": of_role(account)
                for account in (f"{application}-{stage.lower()}" for stage in STAGES)
            },
        }
        names = self._names()
        return {name: grants.read(get, names) for name, get in policies.items()}

    def _names(self):
        """What accounts and units are called, by their ids."""
        accounts = {account: name for name, account in self.accounts.items()}
        return {ACCOUNT: MANAGEMENT, **accounts} | {
            unit: HOMES[name].removeprefix("Workloads/") for name, unit in self.units().items()
        }
