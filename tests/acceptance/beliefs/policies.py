"""What the stores of policies take, show, count and refuse."""

import functools
import json
import re

from botocore.exceptions import ClientError

import refusal
import stores
from belief import MEMBER, NOTHING, Table
from outcome import confirmed, contradicted, held, not_tried

from . import wording

TABLE = Table()
NAMES = {
    "ecr": "ECR",
    "kms": "KMS",
    "s3": "S3",
    "trust": "IAM, of trust policies,",
    "inline": "IAM, of inline policies,",
}
GUIDE = "https://docs.aws.amazon.com/IAM/latest/UserGuide"
ELEMENTS = f"{GUIDE}/reference_policies_elements_principal.html"
# All checks of keys share one.
COSTS = {"kms": "a part of the dollar that a key costs in a month"}
# What the code takes for a principal that isn't there: handlers/*-statement/src. Code, and words in the message.
UNKNOWN_PRINCIPAL = {
    "ecr": ("InvalidParameterException", "Invalid repository policy provided", "Principal not found"),
    "kms": ("MalformedPolicyDocumentException", "principal"),
    "s3": ("MalformedPolicy", "Invalid principal in policy"),
    "trust": ("MalformedPolicyDocument", "Invalid principal in policy"),
}
# The most that a policy may have, and of what: https://docs.aws.amazon.com/general/latest/gr/ and each service's guide.
LIMITS = {"ecr": 10_240, "kms": 32_768, "s3": 20_480, "trust": 2_048, "inline": 10_240}
# Why the local AWS can't tell.
NO_PRINCIPALS = "looks no principal up"


def each(which, name, says, source, **more):
    """One belief for each of the stores, with the store's name in its sentence."""

    def decorator(check):
        for store in which:
            TABLE.belief(
                f"{name}-{store}",
                says.format(NAMES[store]),
                source,
                **{**more, "costs": COSTS.get(store, NOTHING)},
            )(functools.partial(_with_store, check, store))
        return check

    return decorator


def alone(name):
    """A belief about one store."""
    return lambda check: functools.partial(_with_store, lambda world, _, store: check(world, store), name)


def _with_store(check, name, world):
    with stores.of(world, name) as store:
        return check(world, name, store)


def principal(world, store):
    """A principal for stores whose statements have one."""
    return {"Principal": {"AWS": world.management.root}} if store.principals else {}


@each(
    ["ecr", "kms", "s3", "trust", "inline"],
    "P1",
    "{} shows statements in the order and with the meaning in which they were put",
    ELEMENTS,
)
def shows_what_was_put(world, name, store):
    account = {"Principal": {"AWS": world.management.id}} if store.principals else {}
    conditions = {"Bool": {"aws:SecureTransport": True}, "NumericLessThan": {"aws:MultiFactorAuthAge": 3600}}
    put = [
        store.statement(Sid="Second", Condition=conditions, **principal(world, store)),
        store.statement(Sid="First", **account) | {"Action": [store.action]},
    ]
    store.put(json.dumps(store.document(*put), indent=3))
    shown = _until_shown(world, store, ["Second", "First"])
    return held(
        shown is not None and wording.meaning(shown) == wording.meaning(put),
        "; ".join(wording.differences(put, shown or [])) or "each statement as it was put",
    )


@each(
    ["ecr", "kms", "s3", "trust", "inline"],
    "P1-empty-condition",
    "{} takes a statement with an empty Condition",
    "shared/policy-statement/src/equivalent.rs",
)
def takes_an_empty_condition(world, name, store):
    put = store.statement(Sid="Empty", Condition={}, **principal(world, store))
    refused = _refusal_of(store, put)
    if refused.code:
        return contradicted(str(refused))
    shown = _until_shown(world, store, ["Empty"])
    return confirmed(f"shown {'with' if shown and 'Condition' in shown[0] else 'without'} the Condition")


@each(
    ["s3", "trust", "inline", "kms"],
    "P2",
    "{} counts a policy without its white space",
    f"{GUIDE}/reference_iam-quotas.html",
)
def counts_without_white_space(world, name, store):
    refused, seen = _refusal_of_padding(world, name, store)
    return held(refused.code is None, seen)


@each(
    ["ecr"],
    "P2",
    "{} counts the white space of a policy, too",
    "https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_SetRepositoryPolicy.html",
)
def counts_white_space(world, name, store):
    refused, seen = _refusal_of_padding(world, name, store)
    return held(refused.code == "InvalidParameterException", seen)


def _refusal_of_padding(world, name, store):
    """What is said of a policy that is too long by its white space alone."""
    text = json.dumps(store.document(store.statement(Sid="Padded", **principal(world, store))))
    padded = text[:-1] + " " * (LIMITS[name] + 100 - len(text)) + "}"
    refused = _refusal_of_text(store, padded)
    return refused, f"{len(padded)} characters, of which {len(text)} aren't padding: {refused}"


@each(
    ["ecr", "kms", "s3", "trust", "inline"],
    "P2-limit",
    "{} refuses a policy that is larger than its limit, with another code than that of an unknown principal",
    f"{GUIDE}/reference_iam-quotas.html",
)
def refuses_what_is_too_large(world, name, store):
    long = [store.statement(Sid=f"Large{n:04}", **principal(world, store)) for n in range(LIMITS[name] // 60 + 1)]
    refused = _refusal_of(store, *long)
    taken_for_a_principal = name in UNKNOWN_PRINCIPAL and _is_about_principals(name, refused)
    return held(refused.code is not None and not taken_for_a_principal, str(refused))


@each(
    ["ecr", "kms", "s3", "trust"],
    "P5",
    "{} refuses a role that isn't there, in the words that the functions know",
    ELEMENTS,
    local=NO_PRINCIPALS,
)
def refuses_an_unknown_role(world, name, store):
    return _refuses_nobody(world, name, store, f"{world.management.id}:role/{world.name('nobody')}")


@each(
    ["ecr", "kms", "s3", "trust"],
    "P5-account",
    "{} refuses an account that isn't there, in the words of a role that isn't",
    "https://github.com/hashicorp/terraform-provider-aws/issues/8905, and 22549",
    local=NO_PRINCIPALS,
)
def refuses_an_unknown_account(world, name, store):
    return _refuses_nobody(world, name, store, "000000000001:root")


def _refuses_nobody(world, name, store, principal):
    """Whether a principal that isn't there, the end of its ARN, is refused in the words that the functions know."""
    nobody = f"arn:{world.management.partition}:iam::{principal}"
    refused = _refusal_of(store, store.statement(Sid="Nobody", Principal={"AWS": nobody}))
    return held(_is_about_principals(name, refused), str(refused))


@each(
    ["ecr", "kms", "s3", "trust"],
    "P5-orphan",
    "{} shows a deleted role by its id, and refuses the policy when it is put again",
    f"{GUIDE}/reference_policies_elements_principal.html#principal-roles; cloud-custodian 9879",
    local=NO_PRINCIPALS,
)
def shows_an_orphan_by_its_id(world, name, store):
    iam = world.management.client("iam")
    role = stores.make_role(world, f"orphan-{name}")
    arn = f"arn:{world.management.partition}:iam::{world.management.id}:role/{role}"
    statement = store.statement(Sid="Orphan", Principal={"AWS": arn})
    # The role may not be known everywhere yet.
    if world.until(lambda: _refusal_of(store, statement).code is None) is None:
        return not_tried("the new role wasn't taken as a principal")
    iam.delete_role(RoleName=role)
    is_shown = re.compile('"AROA[A-Z0-9]+"').search
    seconds = world.until(lambda: is_shown(store.get()) is not None, within=300)
    if seconds is None:
        return contradicted("after five minutes the role is still shown by its ARN")
    refused = _refusal_of_text(store, store.get())
    return held(_is_about_principals(name, refused), f"by its id after {seconds:.0f} s; put again: {refused}")


@each(
    ["ecr", "kms", "s3", "trust", "inline"],
    "P6",
    "{} shows a write within two minutes (KMS: ten)",
    "shared/policy-statement/src/policy_history.rs",
)
def shows_a_write_soon(world, name, store):
    lags = []
    for n in range(5):
        sid = f"Write{n}"
        store.put_statements(store.statement(Sid=sid, **principal(world, store)))
        lags.append(world.until(lambda sid=sid: [each["Sid"] for each in _shown(store)] == [sid]))
    slowest = max(600 if lag is None else lag for lag in lags)
    return held(slowest <= (600 if name == "kms" else 120), f"the longest of {len(lags)} took {slowest:.1f} s")


@each(
    ["ecr", "kms", "s3"],
    "P8",
    "{} takes a Sid with spaces and hyphens",
    "https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html",
)
def takes_a_sid_with_spaces(world, name, store):
    refused = _refusal_of(store, store.statement(Sid="Allow use of the key - x", **principal(world, store)))
    return held(refused.code is None, str(refused))


@TABLE.belief(
    "P8-trust",
    "IAM refuses a Sid with spaces in a trust policy",
    f"{GUIDE}/reference_policies_elements_sid.html",
    local="takes any Sid",
)
@alone("trust")
def refuses_a_sid_with_spaces(world, store):
    refused = _refusal_of(store, store.statement(Sid="Allow use of the key", **principal(world, store)))
    return held(refused.code == "MalformedPolicyDocument", str(refused))


@TABLE.belief(
    "P7",
    "IAM tells the quota of trust policies, 2,048 characters or up to 8,192",
    f"{GUIDE}/reference_iam-quotas.html",
)
def tells_the_quota_of_trust_policies(world):
    quotas = world.management.client("iam").get_account_summary()["SummaryMap"]
    quota = quotas.get("AssumeRolePolicySizeQuota")
    return held(quota is not None and 2048 <= quota <= 8192, f"{quota}")


@TABLE.belief(
    "P3",
    "A policy of Version 2012-10-17 has variables, and in one of 2008-10-17 or without Version `${..}` is literal",
    f"{GUIDE}/reference_policies_variables.html",
    local="gives a simulated policy no values of variables",
)
def variables_want_a_version(world):
    iam = world.management.client("iam")
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/${aws:username}"}
    name = {"ContextKeyName": "aws:username", "ContextKeyType": "string", "ContextKeyValues": ["somebody"]}
    seen = {}
    for version in ("2012-10-17", "2008-10-17", None):
        policy = {**({"Version": version} if version else {}), "Statement": [statement]}
        simulated = iam.simulate_custom_policy(
            PolicyInputList=[json.dumps(policy)],
            ActionNames=["s3:GetObject"],
            ResourceArns=["arn:aws:s3:::bucket/somebody"],
            ContextEntries=[name],
        )
        seen[version] = simulated["EvaluationResults"][0]["EvalDecision"]
    wanted = {"2012-10-17": "allowed", "2008-10-17": "implicitDeny", None: "implicitDeny"}
    return held(seen == wanted, ", ".join(f"{version or 'without Version'}: {said}" for version, said in seen.items()))


@TABLE.belief(
    "P4",
    "KMS refuses a statement without a Resource, as malformed, and not for its principal",
    "https://docs.aws.amazon.com/kms/latest/APIReference/API_PutKeyPolicy.html",
    costs=COSTS["kms"],
)
@alone("kms")
def refuses_a_statement_without_resource(world, store):
    statement = store.statement(Sid="Nowhere", **principal(world, store))
    del statement["Resource"]
    refused = _refusal_of(store, statement)
    is_malformed = refused.code == "MalformedPolicyDocumentException"
    return held(is_malformed and not _is_about_principals("kms", refused), str(refused))


@TABLE.belief(
    "P4-lockout",
    "KMS refuses a policy that takes the right to change it from who puts it, in the words that the function knows",
    "handlers/kms-policy-statement/src/keys.rs, LOCKOUT; aws-cdk 21973",
    costs=COSTS["kms"],
    local="takes any key policy",
)
@alone("kms")
def refuses_a_lockout(world, store):
    alone = {"Version": "2012-10-17", "Statement": [store.statement(Sid="Alone", **principal(world, store))]}
    refused = _refusal_of_text(store, json.dumps(alone))
    words = "The new key policy will not allow you to update the key policy in the future"
    return held(refused.code == "MalformedPolicyDocumentException" and refused.says(words), str(refused))


@TABLE.belief(
    "P9",
    "S3 takes a CanonicalUser, and shows it as that or as the account that it is",
    ELEMENTS,
)
@alone("s3")
def takes_a_canonical_user(world, store):
    owner = world.management.client("s3").list_buckets()["Owner"]["ID"]
    statement = store.statement(Sid="Canonical", Principal={"CanonicalUser": owner})
    refused = _refusal_of(store, statement)
    if refused.code:
        return contradicted(str(refused))
    shown = _until_shown(world, store, ["Canonical"])
    kind = next(iter(shown[0]["Principal"])) if shown else None
    return held(kind in ("AWS", "CanonicalUser"), f"its Principal is shown as {kind}")


@TABLE.belief(
    "P10",
    "S3 refuses everybody as a principal, as AccessDenied, while public policies are blocked",
    "https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html",
    local="blocks no public policy",
)
@alone("s3")
def blocks_public_policies(world, store):
    refused = _refusal_of(store, store.statement(Sid="Everybody", Principal="*"))
    return held(refused.code == "AccessDenied", str(refused))


@TABLE.belief(
    "P12",
    "S3 takes a bucket's policy from no other account: 405 MethodNotAllowed, whoever is allowed",
    "https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketPolicy.html",
    needs=(MEMBER,),
    local="doesn't tell accounts apart there",
)
@alone("s3")
def takes_a_policy_from_its_account_alone(world, store):
    s3 = world.member.client("s3")
    arn = store.resource.removesuffix("/*")
    opened = {
        "Effect": "Allow",
        "Principal": {"AWS": world.member.root},
        "Action": "s3:*",
        "Resource": arn,
        "Sid": "Open",
    }
    store.put_statements(opened)
    _until_shown(world, store, ["Open"])
    refused = refusal.of(s3.put_bucket_policy, Bucket=store.target, Policy=json.dumps(store.document(opened)))
    return held(refused.code == "MethodNotAllowed", str(refused))


@TABLE.belief(
    "P13",
    "ECR refuses a statement with a Resource, in the words of an unknown principal",
    "https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-policies.html; ecr-user-guide PR 20",
    local="takes any repository policy",
)
@alone("ecr")
def refuses_a_resource(world, store):
    refused = _refusal_of(store, store.statement(Sid="Somewhere", Resource="*", **principal(world, store)))
    return held(_is_about_principals("ecr", refused), str(refused))


@TABLE.belief(
    "P14",
    "What has no policy, or isn't there, is told by the codes that the functions know",
    "each service's model, and https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html",
)
def what_is_missing_has_its_codes(world):
    account = world.management
    repository, bucket = stores.repository(world, "p14"), stores.bucket(world, "p14")
    no_key = "00000000-0000-0000-0000-000000000000"
    calls = {
        "RepositoryPolicyNotFoundException": repository.get,
        "NoSuchBucketPolicy": bucket.get,
        "RepositoryNotFoundException": lambda: account.client("ecr").get_repository_policy(
            repositoryName=world.name("nothing")
        ),
        "NoSuchBucket": lambda: account.client("s3").get_bucket_policy(Bucket=world.name(f"nothing-{account.id}")),
        "NotFoundException": lambda: account.client("kms").describe_key(KeyId=no_key),
        "NoSuchEntity": lambda: account.client("iam").get_role(RoleName=world.name("nothing")),
    }
    seen = {code: refusal.of(call).code for code, call in calls.items()}
    wrong = {code: got for code, got in seen.items() if code != got}
    return held(not wrong, ", ".join(f"{got} for {code}" for code, got in wrong.items()) or ", ".join(seen))


def _refusal_of(store, *statements):
    return refusal.of(lambda: store.put_statements(*statements))


def _refusal_of_text(store, text):
    return refusal.of(lambda: store.put(text))


def _is_about_principals(name, refused):
    code, *words = UNKNOWN_PRINCIPAL[name]
    return refused.code == code and refused.says(*words)


def _shown(store):
    """What the service shows at the moment; nothing while it shows no policy."""
    try:
        return store.statements()
    except ClientError:
        return []


def _until_shown(world, store, sids):
    """The statements once all of these are shown, or None."""
    if world.until(lambda: {each.get("Sid") for each in _shown(store)} == set(sids)) is None:
        return None
    return _shown(store)
