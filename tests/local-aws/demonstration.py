"""The steps of the demonstration: those of docs/landing.md, and some that go wrong."""

import json
import re
from hashlib import sha256

import application
import grants
import picture
from landing import HOMES, MANAGEMENT, REPOSITORY, WORKLOADS, Landing
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
        # A second demonstration finds the accounts of the first, and takes them over.
        adopts = json.dumps(bool(self.landing.accounts))
        before = self.landing.tree()
        follow(self.management.create("organization", MailboxDomain=DOMAIN, AdoptExisting=adopts))
        after = self.landing.tree()
        picture.change("Organization", before, after)
        self.landing.meet()
        print()
        check("six accounts are there, each once and in its unit", _homes(after) == sorted(HOMES.items()))

    def tool(self):
        say("Tooling", "what is to be opened to others; and somebody opens the repository by hand, past CloudFormation")
        before = self.landing.grants()
        tooling = self.landing["tooling"]
        follow(tooling.create("tooling"))
        policy = {"Version": "2012-10-17", "Statement": [SOMEBODY_ELSES]}
        tooling.client("ecr").set_repository_policy(repositoryName=REPOSITORY, policyText=json.dumps(policy))
        after = self._show_grants(before)
        for policy in ("key of the images", "key of the artifacts"):
            check(f"the {policy} is its own account's alone", _who(after[policy]) == ["tooling"])
        made, landing = tooling.outputs("tooling"), self.landing
        open_ = {"Functions": "Statements", "GrantTargets": made["GrantTargets"], "GrantActions": made["GrantActions"]}
        application.deploy(
            self.endpoint,
            into={
                tooling.account: open_,
                landing["network"].account: {"Functions": "Network"},
                landing["app-development"].account: {"Functions": "Network"},
            },
        )

    def share(self):
        say("Network", "subnets in three zones, shared with the unit Workloads; meanwhile, in tooling, who may ask")
        before, made = self.landing.network(), self.management.outputs("organization")
        callers = ",".join(self.landing[name].account for name in WORKLOADS)
        follow(
            # The local AWS has neither NAT gateways nor flow logs.
            self.landing["network"].create(
                "network", Principals=made["WorkloadsId"], NatGateways="None", FlowLogDays="0"
            ),
            self.landing["tooling"].create("callers", CallerAccounts=callers, OrganizationId=made["OrganizationId"]),
        )
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
        follow(*(self.landing[name].create("workload", **self._workload()) for name in WORKLOADS))
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
        pushed = tooling.client("ecr").put_image(repositoryName=REPOSITORY, imageManifest=MANIFEST, imageTag="first")
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
        follow(sandbox.create("workload", "ROLLBACK_COMPLETE", **self._workload()))
        check(
            "it may not call the functions",
            sandbox.failed("workload", "not authorized to perform: lambda:InvokeFunction"),
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
        tooling.client("ecr").set_repository_policy(repositoryName=REPOSITORY, policyText=json.dumps(policy))
        wiped = self._show_grants(before)
        for name in WORKLOADS:
            check(f"{name} may not pull any more", name not in str(wiped["repository"]))
        print("  A sweep looks twice, until no read can lag behind: about two minutes.\n")
        reported = self._asked("ecr-policy-statement", {"RequestType": "Reconcile"})
        check("the sweep reports what is missing", reported["Missing"] > 0 and self.landing.grants() == wiped)
        made = tooling.outputs("tooling")
        open_ = {"Functions": "Statements", "GrantTargets": made["GrantTargets"], "GrantActions": made["GrantActions"]}
        application.deploy(self.endpoint, into={tooling.account: {**open_, "Reconcile": "Repair"}})
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

    def leave(self):
        say("Leave", "the stacks of app-development are deleted, and its statements go with them")
        before, leaver = self.landing.grants(), self.landing["app-development"]
        follow(leaver.delete("app"))
        follow(leaver.delete("workload"))
        after = self._show_grants(before)
        for policy in ROLES:
            left = [grant for grant in before[policy] if "app-development" not in str(grant.who)]
            check(f"of the {policy}, just its own are gone", after[policy] == left and left != before[policy])
        check("and its roles", not after["deploy role of app-development"])

    def _workload(self):
        """The parameters of the stack workload, which are the same in every account."""
        made = self.landing["tooling"].outputs("tooling")
        named = {name: made[name] for name in ("ArtifactBucketName", "ArtifactKeyArn", "ImagesKeyArn")}
        return {"ToolingAccountId": self.landing["tooling"].account, **named}

    def _asked(self, function, event):
        """What a function of tooling answers an administrator."""
        client = self.landing["tooling"].client("lambda")
        answer = client.invoke(FunctionName=f"archipelago-{function}", Payload=json.dumps(event))
        return json.load(answer["Payload"])

    def _show_grants(self, before):
        after = self.landing.grants()
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
