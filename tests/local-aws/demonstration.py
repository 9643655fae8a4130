"""The steps of the demonstration: those of docs/landing.md, and some that go wrong."""

import json
import re
from hashlib import sha256

import application
import grants
import picture
import reach
from landing import ALIASES, FIRST, HOMES, MANAGEMENT, REACHED, SECOND, WORKLOADS, Landing
from stage import check, follow, say, template

# What workload.yaml asks for, by the policy that gives it: a role of the account.
ROLES = {
    "repository": "task-execution",
    "key of the images": "task-execution",
    "bucket of the artifacts": "deploy",
    "key of the artifacts": "deploy",
}
DOMAIN = "landing.test"
# An image without any layers, since nobody builds one here.
CONFIG = {
    "mediaType": "application/vnd.oci.image.config.v1+json",
    "size": 2,
    "digest": f"sha256:{sha256(b'{}').hexdigest()}",
}
MANIFEST = json.dumps(
    {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": CONFIG, "layers": []}
)
# What Lambda says to whom the alias isn't open.
NOT_LET_IN = "not authorized to perform: lambda:InvokeFunction"
SOMEBODY_ELSES = {
    "Sid": "WrittenBySomebodyElse",
    "Effect": "Allow",
    "Principal": {"AWS": "arn:aws:iam::444444444444:root"},
    "Action": "ecr:DescribeImages",
}


class Demonstration:
    """The landing, and what is done in it."""

    def __init__(self, endpoint):
        self.endpoint = endpoint
        self.landing = Landing()
        self.management = self.landing[MANAGEMENT]

    def organize(self):
        self.landing.clear()
        application.deploy(self.endpoint, into={self.management.account: {"Functions": "Organization"}})
        say("Organization", "its units, and six accounts in them, in one stack of the management account")
        before = self.landing.tree()
        follow(self.management.create("organization", MailboxDomain=DOMAIN, AdoptExisting=self._adopts("tooling")))
        after = self.landing.tree()
        picture.change("Organization", before, after)
        self.landing.meet()
        print()
        of_others = {f"{SECOND}-development", f"{SECOND}-production"}
        wanted = sorted((name, home) for name, home in HOMES.items() if name not in of_others)
        homes = [(name, home) for name, home in _homes(after) if name not in of_others]
        check("six accounts are there, each once and in its unit", homes == wanted)

    def tool(self):
        say("Tooling", "functions, and what is open to the units app; and somebody opens the repository by hand")
        before, tooling = self.landing.grants(), self.landing["tooling"]
        application.deploy(
            self.endpoint,
            into={
                # A demonstration before has left Repair.
                tooling.account: {"Functions": "Statements", "Reconcile": "Report"},
                self.landing["network"].account: {"Functions": "Network"},
                self.landing["app-development"].account: {"Functions": "Network"},
            },
        )
        follow(tooling.create("tooling", **self._tooling(FIRST)))
        policy = {"Version": "2012-10-17", "Statement": [SOMEBODY_ELSES]}
        tooling.client("ecr").set_repository_policy(repositoryName=FIRST, policyText=json.dumps(policy))
        after = self._show_grants(before)
        for policy in ("key of the images", "key of the artifacts"):
            check(f"the {policy} is its own account's alone", _who(after[policy]) == ["tooling"])
        self._show_callers([])
        asking = [line.split()[0] for line in self.landing.callers()]
        check("the units app may ask for statements, and nobody else", asking == ["Development/app", "Production/app"])

    def share(self):
        say("Network", "subnets in three zones, shared with the unit Workloads")
        before, unit = self.landing.network(), self.management.outputs("organization")["WorkloadsId"]
        # The local AWS has neither NAT gateways nor flow logs.
        follow(self.landing["network"].create("network", Principals=unit, NatGateways="None", FlowLogDays="0"))
        after = self._show(before, self.landing.network())
        share = after["share of network"]
        check("the share is active", "ACTIVE" in share[0])
        check("it has three subnets and the unit", [line.split()[-1] for line in share[1:]] == ["ASSOCIATED"] * 4)
        for name in WORKLOADS:
            check(f"{name} sees them, nameless", _tags(after[f"subnets in {name}"]) == ["(no tags)"] * 3)
        check("sandbox, in another unit, doesn't", not after["subnets in sandbox"])

    def name(self):
        say("Names", "for the subnets in app-development, where the network's own aren't seen")
        before = self.landing.network()
        subnets = self.landing["network"].outputs("network")["SubnetIds"]
        follow(self.landing["app-development"].create("participant", SubnetIds=subnets))
        after = self._show(before, self.landing.network())
        check("they have it there", _tags(after["subnets in app-development"]) == ["Name=workloads"] * 3)
        own = [f"Name=workloads-{letter}" for letter in "abc"]
        check("and their own in network", _tags(after["subnets in network"]) == own)

    def register(self):
        say("Workloads", "two accounts at once write their own statements into the policies of tooling")
        before = self.landing.grants()
        follow(*(self.landing[name].create("workload", **self._workload(name)) for name in WORKLOADS))
        after = self._show_grants(before)
        for policy, role in ROLES.items():
            roles = {f"role/app-{role} of {name}" for name in WORKLOADS}
            check(
                f"the {policy} is open to a role in both", set(_who(after[policy])) == roles | set(_who(before[policy]))
            )
        for name in WORKLOADS:
            trusted = _who(after[f"deploy role of {name}"])
            check(f"the deploy role of {name} trusts the pipeline", trusted == ["role/app-pipeline of tooling"])

    def build(self):
        say("Pipeline", "source, build, development, approval, production, each by a role of its own")
        tooling, network = self.landing["tooling"], self.landing["network"].outputs("network")
        made = tooling.outputs("tooling")
        follow(
            tooling.create(
                "pipeline",
                ArtifactBucketName=made["ArtifactBucketName"],
                ArtifactKeyArn=made["ArtifactKeyArn"],
                DevelopmentAccountId=self.landing["app-development"].account,
                ProductionAccountId=self.landing["app-production"].account,
                VpcId=network["VpcId"],
                SubnetIds=network["SubnetIds"],
            )
        )
        print("\n  The local AWS keeps the pipeline, and doesn't run it.\n")
        pipeline = tooling.client("codepipeline").get_pipeline(name="app")["pipeline"]
        trusted = f"arn:aws:iam::{tooling.account}:role/app-pipeline"
        check("its role is the one that is trusted", pipeline["roleArn"] == trusted)
        for name in WORKLOADS:
            stage = next(stage for stage in pipeline["stages"] if name.endswith(stage["name"].lower()))
            deploying = {action["roleArn"] for action in stage["actions"] if "roleArn" in action}
            check(
                f"it deploys into {name} as its deploy role",
                deploying == {self.landing[name].outputs("workload")["DeployRoleArn"]},
            )

    def deliver(self):
        say("Deployment", "what the pipeline would call: an image, and by its roles a stack in each account")
        print("  The local AWS doesn't ask whether the roles may do so; `make policies` does.\n")
        tooling, network = self.landing["tooling"], self.landing["network"].outputs("network")
        pushed = tooling.client("ecr").put_image(repositoryName=FIRST, imageManifest=MANIFEST, imageTag="first")
        image = f"{tooling.outputs('tooling')['RepositoryUri']}@{pushed['image']['imageId']['imageDigest']}"
        pipeline = tooling.entered(tooling, tooling.outputs("pipeline")["PipelineRoleArn"])
        for name in WORKLOADS:
            account = self.landing[name]
            roles, where = account.outputs("workload"), {key: network[key] for key in ("VpcId", "SubnetIds")}
            deployer = pipeline.entered(account, roles["DeployRoleArn"])
            follow(
                deployer.create(
                    "app", body=template("application"), role=roles["CloudFormationRoleArn"], Image=image, **where
                )
            )
            ecs = account.client("ecs")
            (service,) = ecs.describe_services(cluster="app", services=["app"])["services"]
            task = ecs.describe_task_definition(taskDefinition=service["taskDefinition"])["taskDefinition"]
            check(f"{name} runs the image of tooling", task["containerDefinitions"][0]["image"] == image)
            subnets = service["networkConfiguration"]["awsvpcConfiguration"]["subnets"]
            check("on the subnets of network", sorted(subnets) == sorted(network["SubnetIds"].split(",")))

    def refuse(self):
        say("Refused", "the account sandbox, which nobody let in, tries the same")
        before, sandbox = self.landing.grants(), self.landing["sandbox"]
        follow(sandbox.create("workload", "ROLLBACK_COMPLETE", **self._workload("app-production")))
        check(
            "it may not call the functions",
            sandbox.failed("workload", NOT_LET_IN),
        )
        after = self._show_grants(before)
        check("nothing was written", before == after)

    def ask_too_much(self):
        say("Refused", "app-production asks to push images as well, which isn't open; CloudFormation rolls back")
        before = self.landing.grants()
        greedy = template("workload").replace(
            "ecr:GetDownloadUrlForLayer]", "ecr:GetDownloadUrlForLayer, ecr:PutImage]"
        )
        production = self.landing["app-production"]
        follow(production.update("workload", "UPDATE_ROLLBACK_COMPLETE", greedy))
        check("the action is not open", production.failed("workload", "`ecr:PutImage` is not open to account"))
        after = self._show_grants(before)
        check("all is as it was", before == after)

    def keep(self):
        say("Keep", "somebody sets the whole policy of the repository, and the statements of both accounts are gone")
        before, tooling = self.landing.grants(), self.landing["tooling"]
        policy = {"Version": "2012-10-17", "Statement": [SOMEBODY_ELSES, {**SOMEBODY_ELSES, "Sid": "AndAnother"}]}
        tooling.client("ecr").set_repository_policy(repositoryName=FIRST, policyText=json.dumps(policy))
        wiped = self._show_grants(before)
        for name in WORKLOADS:
            check(f"{name} may not pull any more", name not in str(wiped["repository"]))
        print("  A sweep looks twice, until no read can lag behind: about two minutes.\n")
        reported = self._asked("ecr-policy-statement", {"RequestType": "Reconcile"})
        check("the sweep reports what is missing", reported["Missing"] > 0 and self.landing.grants() == wiped)
        application.deploy(self.endpoint, into={tooling.account: {"Functions": "Statements", "Reconcile": "Repair"}})
        self._asked("ecr-policy-statement", {"RequestType": "Reconcile"})
        after = self._show_grants(wiped)
        for name in WORKLOADS:
            check(f"with Reconcile=Repair {name} has its statement again", name in str(after["repository"]))

    def cut_off(self):
        say("Suspend", "app-production is cut off in all policies at once, and let in again")
        before, account = self.landing.grants(), self.landing["app-production"].account
        for verb in ("Suspend", "Resume"):
            for name in ("ecr", "kms", "s3"):
                self._asked(f"{name}-policy-statement", {"RequestType": verb, "AccountId": account})
            after = self._show_grants(before)
            for policy in ROLES:
                is_there = "app-production" in str(after[policy])
                check(
                    f"the {policy} {'has it again' if is_there else 'is closed to it'}", is_there == (verb == "Resume")
                )

    def add_application(self):
        say("Shop", "a second application, with stacks of its own: its accounts, its tooling, and a workload")
        first, callers, stacks = self.landing.grants(), self.landing.callers(), self._deployed()
        tree, adopts, made = (
            self.landing.tree(),
            self._adopts("shop-development"),
            self.management.outputs("organization"),
        )
        below = {name: made[name] for name in ("DevelopmentId", "ProductionId")}
        follow(
            self.management.create(
                "shop-accounts", Application=SECOND, MailboxDomain=DOMAIN, AdoptExisting=adopts, **below
            )
        )
        picture.change("Organization", tree, self.landing.tree())
        self.landing.meet()
        print()
        follow(self.landing["tooling"].create("shop-tooling", **self._tooling(SECOND)))
        before = self.landing.grants(SECOND)
        follow(self.landing["shop-development"].create("workload", **self._workload("shop-development")))
        after = self._show_grants(before, SECOND)
        self._show_callers(callers)
        for policy, role in ROLES.items():
            has = f"role/shop-{role} of shop-development" in _who(after[policy])
            check(f"shop's {policy} is open to its role", has)
        check("who may do what with app's things is as it was", self.landing.grants() == first)
        check("app's stack and that of the functions were left alone", self._deployed() == stacks)

    def reach(self):
        say("Refused", "shop-production reaches for app's repository, key and bucket: as shop's unit, and as app's")
        before, account, tooling = self.landing.grants(), self.landing["shop-production"], self.landing["tooling"]
        made, attempts = tooling.outputs("tooling"), {}
        for alias in ALIASES:
            for thing in REACHED:
                qualifier, stack = self._qualifier(f"{alias}-production"), f"{thing}-as-{alias}"
                body = reach.template(thing, tooling.account, made, qualifier, account.account)
                attempts[alias, thing] = account.create(stack, "ROLLBACK_COMPLETE", body)
        follow(*attempts.values())
        print()
        for (alias, thing), attempt in attempts.items():
            said = "is not open to account" if alias == SECOND else NOT_LET_IN
            check(f"as {alias}'s unit it has no statement on app's {thing}", account.failed(attempt.name, said))
        check("nothing was written", before == self.landing.grants())

    def join(self):
        say("Join", "sandbox is moved into app's unit of production, and its stack is made as before")
        before, newcomer, stacks = self.landing.grants(), self.landing["sandbox"], self._deployed()
        self.landing.move("sandbox", self.landing.units()["app-production"])
        follow(newcomer.delete("workload"))
        follow(newcomer.create("workload", **self._workload("app-production")))
        after = self._show_grants(before)
        for policy, role in ROLES.items():
            check(f"the {policy} is open to its role", f"role/app-{role} of sandbox" in _who(after[policy]))
        check("nothing was deployed into tooling for it", self._deployed() == stacks)

    def leave(self):
        say("Leave", "the stacks of app-development are deleted, and its statements go; then it leaves its unit")
        before, leaver = self.landing.grants(), self.landing["app-development"]
        follow(leaver.delete("app"))
        follow(leaver.delete("workload"))
        after = self._show_grants(before)
        for policy in ROLES:
            left = [grant for grant in before[policy] if "app-development" not in str(grant.who)]
            check(f"of the {policy}, just its own are gone", after[policy] == left and left != before[policy])
        check("and its roles", not after["deploy role of app-development"])
        workload = self._workload("app-development")
        self.landing.move("app-development")
        print()
        follow(leaver.create("workload", "ROLLBACK_COMPLETE", **workload))
        check("outside of the unit it may not call the functions", leaver.failed("workload", NOT_LET_IN))
        check("nothing was written", self.landing.grants() == after)

    def _deployed(self):
        """The stacks of tooling without which no application has anything, as CloudFormation describes them."""
        return [self.landing["tooling"].stack(name) for name in ("archipelago", "tooling")]

    def _adopts(self, account):
        """A second demonstration finds the accounts of the first, and takes them over."""
        return json.dumps(account in self.landing.accounts)

    def _tooling(self, application):
        """The parameters of an application's stack tooling, which opens what it makes to the application's units."""
        units = [unit for name, unit in self.landing.units().items() if name.startswith(application)]
        organization = self.management.outputs("organization")["OrganizationId"]
        return {"Application": application, "CallerUnits": ",".join(units), "OrganizationId": organization}

    def _workload(self, account):
        """The parameters of the stack workload, which are the same in every account of a unit as in this one."""
        application = account.partition("-")[0]
        made = self.landing["tooling"].outputs("tooling" if application == FIRST else f"{application}-tooling")
        named = {name: made[name] for name in ("ArtifactBucketName", "ArtifactKeyArn", "ImagesKeyArn")}
        named |= {"Application": application, "Qualifier": self._qualifier(account)}
        return {"ToolingAccountId": self.landing["tooling"].account, **named}

    def _qualifier(self, account):
        organization = self.management.outputs("organization")["OrganizationId"]
        return f"caller-{organization}-{self.landing.units()[account]}"

    def _asked(self, function, event):
        """What a function of tooling answers an administrator."""
        client = self.landing["tooling"].client("lambda")
        answer = client.invoke(FunctionName=f"archipelago-{function}", Payload=json.dumps(event))
        return json.load(answer["Payload"])

    def _show_callers(self, before):
        picture.change("Who may ask the functions, as whom", before, self.landing.callers())
        print()

    def _show_grants(self, before, application=FIRST):
        after = self.landing.grants(application)
        if before == after:
            print("\n  Who may do what: unchanged\n")
        else:
            self._show(*({name: grants.entries(said) for name, said in each.items()} for each in (before, after)))
        return after

    def _show(self, before, after):
        """What has changed of what there is to be seen."""
        for name, lines in after.items():
            if lines != before[name]:
                picture.change(name[0].upper() + name[1:], before[name], lines)
        print()
        return after


def _homes(tree):
    """Each account that is in a unit, with the path of that."""
    path, homes = [], []
    for line in tree[1:]:
        indent, account, name = re.match(r"([│ ]*)[├└]─ (account )?(\S+)", line).groups()
        depth = len(indent) // 3
        path[depth:] = [name]
        if account and depth:
            homes.append((name, "/".join(path[:depth])))
    return sorted(homes)


def _who(said):
    return [who for grant in said for who in grant.who]


def _tags(lines):
    return [line.split("  ")[-1] for line in lines]
