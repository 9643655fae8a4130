"""Refuses policies as ECR, KMS, S3 and IAM do, and shows those of buckets as S3 does.

Judged are their sizes, the accounts that they name, and of key policies the elements of each statement; who else a
principal is, and what a statement allows, isn't looked at.
"""

import json
import re

from ministack.core.responses import error_response_json, get_account_id
from ministack.services import ecr, iam, kms, s3

from membership import organization_of, organizations
from rules import replaced

ACCOUNT = re.compile(r"(?:arn:aws[a-z-]*:iam::)?(\d{12})(?::.*)?")
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
TRUST, INLINE = 2048, 10240
# https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_SetRepositoryPolicy.html
REPOSITORY = 10240
# https://docs.aws.amazon.com/kms/latest/developerguide/resource-limits.html
KEY = 32768
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/add-bucket-policy.html
BUCKET = 20480


@replaced(ecr)
def _set_repository_policy(put, data):
    text = data.get("policyText", "")
    if len(text) > REPOSITORY:
        return _ecr_refused(f"Member must have length less than or equal to {REPOSITORY}")
    return _ecr_refused("Principal not found") if closed_in(text) else put(data)


@replaced(kms)
def _put_key_policy(put, data):
    return _key_policy_refused(data.get("Policy", "")) or put(data)


@replaced(kms)
def _create_key(create, data):
    return ("Policy" in data and _key_policy_refused(data["Policy"])) or create(data)


@replaced(s3)
def _put_bucket_policy(put, name, body):
    """What is put is counted, and what is shown may be longer: https://github.com/MIT-LCP/physionet-build/issues/2094"""
    if name in s3._buckets:
        text = body.decode()
        if _size(text) > BUCKET:
            words = f"Normalized policy document exceeds the maximum allowed size of {BUCKET} bytes"
            return s3._error("MalformedPolicy", words, 400)
        if closed := closed_in(text):
            return s3._error("MalformedPolicy", "Invalid principal in policy", 400, extra={"Detail": closed})
        body = with_roots(text).encode()
    return put(name, body)


@replaced(iam)
def _update_assume_role_policy(update, request):
    text = iam._p(request, "PolicyDocument")
    if _size(text) > TRUST:
        return iam._error(409, "LimitExceeded", f"Cannot exceed quota for ACLSizePerRole: {TRUST}")
    if closed := closed_in(text):
        return iam._error(400, "MalformedPolicyDocument", f'Invalid principal in policy: "AWS":"{closed}"')
    return update(request)


@replaced(iam)
def _put_role_policy(put, request):
    name, policy = iam._p(request, "RoleName"), iam._p(request, "PolicyName")
    inline = iam._roles[name]["InlinePolicies"] if name in iam._roles else {}
    policies = {**inline, policy: iam._p(request, "PolicyDocument")}
    if sum(_size(text) for text in policies.values()) > INLINE:
        return iam._error(409, "LimitExceeded", f"Maximum policy size of {INLINE} bytes exceeded for role {name}")
    return put(request)


iam._IAM_HANDLERS["UpdateAssumeRolePolicy"] = iam._update_assume_role_policy
iam._IAM_HANDLERS["PutRolePolicy"] = iam._put_role_policy


def _key_policy_refused(text):
    """Since August 2025 also for its statements: https://github.com/ministryofjustice/analytical-platform/issues/7691"""
    if _size(text) > KEY:
        return error_response_json("LimitExceededException", "The key policy exceeds the length constraint.", 400)
    words = None
    for statement in _statements(text):
        if not {"Action", "NotAction"} & set(statement) or statement.get("Resource") not in ("*", ["*"]):
            # Nobody has published its words.
            words = "The policy is malformed."
    if closed_in(text):
        words = "Policy contains a statement with one or more invalid principals."
    return words and error_response_json("MalformedPolicyDocumentException", words, 400)


def _ecr_refused(constraint):
    words = f"Invalid parameter at 'PolicyText' failed to satisfy constraint: '{constraint}'"
    return error_response_json("InvalidParameterException", words, 400)


def _size(text):
    """White space isn't counted."""
    return len("".join((text if isinstance(text, str) else json.dumps(text)).split()).encode())


def _statements(text):
    try:
        return statements_of(json.loads(text))
    except ValueError:
        return []


def statements_of(document):
    statements = document.get("Statement", []) if isinstance(document, dict) else []
    return statements if isinstance(statements, list) else [statements]


def _principals(text):
    for statement in _statements(text):
        for element in ("Principal", "NotPrincipal"):
            named = statement.get(element)
            principals = named.get("AWS", []) if isinstance(named, dict) else []
            yield from [principals] if isinstance(principals, str) else principals


def closed_in(text):
    """The first principal of an account that was closed: https://github.com/hashicorp/terraform-provider-aws/issues/8905"""
    accounts = {principal: ACCOUNT.fullmatch(principal) for principal in _principals(text)}
    return next((name for name, account in accounts.items() if account and is_closed(account[1])), None)


def is_closed(account):
    """Whether the organization of the account that calls has closed this one."""
    if account == get_account_id():
        return False
    organization = organization_of(get_account_id())
    if organization is None:
        return False
    management = organizations(organization["MasterAccountId"])
    try:
        return management.describe_account(AccountId=account)["Account"]["State"] == "SUSPENDED"
    except management.exceptions.AccountNotFoundException:
        return False


def with_roots(text):
    """The policy with the ARNs of their roots in the place of accounts that are principals."""
    try:
        document = json.loads(text)
    except ValueError:
        return text
    for statement in statements_of(document):
        for element in ("Principal", "NotPrincipal"):
            if isinstance(named := statement.get(element), dict) and "AWS" in named:
                statement[element] = {**named, "AWS": _roots(named["AWS"])}
    return json.dumps(document, separators=(",", ":"))


def _roots(principals):
    if isinstance(principals, list):
        return [_roots(principal) for principal in principals]
    return re.sub(r"^(\d{12})$", r"arn:aws:iam::\1:root", principals)
