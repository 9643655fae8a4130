"""The five places of policies, each with something of the run's that has one."""

import contextlib
import json
from dataclasses import dataclass
from urllib.parse import unquote

from botocore.exceptions import ClientError

from world import MANAGEMENT


@dataclass(frozen=True)
class Store:
    """A target whose policy is put and read as text. `resource` is what its statements name, None if they name none."""

    service: str
    target: str
    resource: str | None
    put: object
    get: object
    # KMS wants a statement that keeps the key to its account; the others need none.
    first: tuple = ()
    principals: bool = True
    action: str = ""

    def statement(self, **more):
        """A statement that the service takes, without a principal of its own."""
        resource = {"Resource": self.resource} if self.resource else {}
        return {"Effect": "Allow", "Action": self.action, **resource, **more}

    def document(self, *statements):
        return {"Version": "2012-10-17", "Statement": [*self.first, *statements]}

    def put_statements(self, *statements):
        self.put(json.dumps(self.document(*statements)))

    def statements(self):
        """Those that the service shows, without the ones that keep the target to its account."""
        shown = json.loads(self.get())["Statement"]
        return [each for each in shown if each.get("Sid") not in [own["Sid"] for own in self.first]]


def repository(world, of):
    name, ecr = world.making("repository", world.name(of)), world.management.client("ecr")
    ecr.create_repository(repositoryName=name, tags=pairs(world))
    return Store(
        service="ECR",
        target=name,
        resource=None,
        put=lambda text: ecr.set_repository_policy(repositoryName=name, policyText=text),
        get=lambda: ecr.get_repository_policy(repositoryName=name)["policyText"],
        action="ecr:BatchGetImage",
    )


def key(world, of):
    kms, name = world.management.client("kms"), world.name(of)
    administration = {
        "Sid": "Administration",
        "Effect": "Allow",
        "Principal": {"AWS": world.management.root},
        "Action": "kms:*",
        "Resource": "*",
    }
    policy = {"Version": "2012-10-17", "Statement": [administration]}
    # A key has no name before it is made: until then it is found by its description and its tag.
    tags = [{"TagKey": key, "TagValue": value} for key, value in world.tags.items()]
    made = kms.create_key(Description=f"{name} of {__name__}", Policy=json.dumps(policy), Tags=tags)
    identity = world.making("key", made["KeyMetadata"]["KeyId"])
    return Store(
        service="KMS",
        target=identity,
        resource="*",
        put=lambda text: kms.put_key_policy(KeyId=identity, PolicyName="default", Policy=text),
        get=lambda: kms.get_key_policy(KeyId=identity, PolicyName="default")["Policy"],
        first=(administration,),
        action="kms:Decrypt",
    )


def bucket(world, of):
    account, s3 = world.management, world.management.client("s3")
    name = world.making("bucket", f"{world.name(of)}-{account.id}")
    make_bucket(world, MANAGEMENT, name)
    return Store(
        service="S3",
        target=name,
        resource=f"arn:{account.partition}:s3:::{name}/*",
        put=lambda text: s3.put_bucket_policy(Bucket=name, Policy=text),
        get=lambda: s3.get_bucket_policy(Bucket=name)["Policy"],
        action="s3:GetObject",
    )


def make_bucket(world, where, name):
    """A bucket with the run's tag, which may be there already."""
    account, s3 = world.accounts[where], world.accounts[where].client("s3")
    # The one Region that S3 doesn't take as a location.
    location = {} if account.region == "us-east-1" else {"LocationConstraint": account.region}
    s3.create_bucket(Bucket=name, **({"CreateBucketConfiguration": location} if location else {}))
    s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": pairs(world)})


def trust(world, of):
    name, iam = make_role(world, of), world.management.client("iam")
    return Store(
        service="IAM (trust)",
        target=name,
        resource=None,
        put=lambda text: iam.update_assume_role_policy(RoleName=name, PolicyDocument=text),
        get=lambda: as_text(iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]),
        action="sts:AssumeRole",
    )


def inline(world, of):
    name, iam = make_role(world, of), world.management.client("iam")
    return Store(
        service="IAM (inline)",
        target=name,
        resource="*",
        put=lambda text: iam.put_role_policy(RoleName=name, PolicyName="acceptance", PolicyDocument=text),
        get=lambda: as_text(iam.get_role_policy(RoleName=name, PolicyName="acceptance")["PolicyDocument"]),
        principals=False,
        action="s3:ListAllMyBuckets",
    )


def make_role(world, of, policy=None):
    """A role that its own account may assume, with an inline policy or none."""
    name, iam = world.making("role", world.name(of)), world.management.client("iam")
    trusting = {"Effect": "Allow", "Principal": {"AWS": world.management.root}, "Action": "sts:AssumeRole"}
    document = {"Version": "2012-10-17", "Statement": [trusting]}
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(document), Tags=pairs(world))
    if policy:
        iam.put_role_policy(RoleName=name, PolicyName="acceptance", PolicyDocument=json.dumps(policy))
    return name


def pairs(world):
    return [{"Key": key, "Value": value} for key, value in world.tags.items()]


def as_text(document):
    """botocore makes IAM's percent-encoded documents objects; what it leaves is text."""
    return json.dumps(document) if isinstance(document, dict) else unquote(document)


@contextlib.contextmanager
def of(world, name):
    """The one target of that store which all checks share, one after the other."""
    with world.lock(name):
        if name not in world.made:
            world.made[name] = MAKERS[name](world, f"policy-{name}")
        yield world.made[name]


MAKERS = {"ecr": repository, "kms": key, "s3": bucket, "trust": trust, "inline": inline}


def quietly(call):
    """For what tidies up: whether it can be done doesn't change what was seen."""
    with contextlib.suppress(ClientError):
        call()


def or_nothing(get):
    """The document that is there, or None where there is none."""
    try:
        return json.loads(get())
    except ClientError as error:
        nothing = ("RepositoryPolicyNotFoundException", "NoSuchBucketPolicy", "ResourceNotFoundException")
        if error.response["Error"]["Code"] not in nothing:
            raise
        return None
