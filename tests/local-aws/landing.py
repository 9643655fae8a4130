"""The accounts of the landing, and what is to be seen in them: the tree, the share, and who may do what."""

import grants
import picture
from local_aws import ACCOUNT
from stage import Stage, follow

MANAGEMENT = "management"
HOMES = {
    "app-development": "Workloads/Development",
    "app-production": "Workloads/Production",
    "network": "Infrastructure",
    "sandbox": "Sandbox",
    "security": "Security",
    "tooling": "Infrastructure",
}
WORKLOADS = ("app-development", "app-production")
REPOSITORY = "app"
# What is deleted together, as docs/landing.md goes back: each needs what the next ones take away.
BACK = (
    [(account, "app") for account in WORKLOADS],
    [*((account, "workload") for account in HOMES), ("tooling", "pipeline"), ("app-development", "participant")],
    [("tooling", "callers"), ("tooling", "tooling"), ("network", "network")],
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
            there = [(self[name], stack) for name, stack in together if name in self.accounts]
            left = [(stage, stack) for stage, stack in there if stage.stack(stack)]
            if left:
                print(
                    f"\nLeft from before, it goes first: {', '.join(f'{stack} in {at.name}' for at, stack in left)}.\n"
                )
                follow(*(stage.going(stack) for stage, stack in left))
                follow(*(stage.delete(stack) for stage, stack in left))
        if "tooling" in self.accounts:
            # The stack tooling retains it.
            ecr = self["tooling"].client("ecr")
            if ecr.describe_repositories()["repositories"]:
                ecr.delete_repository(repositoryName=REPOSITORY, force=True)
        management = self[MANAGEMENT]
        if management.stack("organization"):
            print("\nLeft from before, it goes first: organization in management.\n")
            follow(management.going("organization"))
            follow(management.delete("organization"))

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

    def grants(self):
        """Who may do what by each of the policies that the landing is about."""
        tooling, made = self["tooling"], self["tooling"].outputs("tooling")
        ecr, kms, s3 = map(tooling.client, ("ecr", "kms", "s3"))

        def of_key(output):
            return lambda: kms.get_key_policy(KeyId=made.get(output, "none"), PolicyName="default")["Policy"]

        def of_role(account):
            iam = self[account].client("iam")
            return lambda: iam.get_role(RoleName=f"{REPOSITORY}-deploy")["Role"]["AssumeRolePolicyDocument"]

        policies = {
            "repository": lambda: ecr.get_repository_policy(repositoryName=REPOSITORY)["policyText"],
            "key of the images": of_key("ImagesKeyArn"),
            "bucket of the artifacts": lambda: s3.get_bucket_policy(Bucket=made.get("ArtifactBucketName", "none"))[
                "Policy"
            ],
            "key of the artifacts": of_key("ArtifactKeyArn"),
            **{f"deploy role of {account}": of_role(account) for account in WORKLOADS},
        }
        names = {ACCOUNT: MANAGEMENT} | {account: name for name, account in self.accounts.items()}
        return {name: grants.read(get, names) for name, get in policies.items()}
