"""Changes of policies as CloudTrail tells rules of EventBridge of them, and events as rules hand them to functions.

An event comes at once, where AWS takes minutes, and only where a trail logs. Whoever calls by a function's SDK has the
function's role; all others are the account. What ministack's native resources change without a call, the policies of
buckets and keys, comes as no event.
"""

import functools
import json
import re
from contextvars import ContextVar

from ministack.core.arn import parse_arn
from ministack.core.iam_evaluator import EvalContext
from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.services import cloudtrail, ecr, eventbridge, iam, kms, lambda_svc, s3

from function_policy_rules import decision
from rules import replaced

DETAIL_TYPE = "AWS API Call via CloudTrail"
# IAM is called there, whatever the Region of who calls, and its events are in no other.
# https://repost.aws/knowledge-center/eventbridge-rule-triggers-iam-single-region
REGIONS = {"iam": "us-east-1"}
CODE = re.compile(r'"__type": ?"(?:[\w.]+#)?(\w+)"|<Code>(\w+)</Code>')
# The user agent of the request that is being answered.
user_agent = ContextVar("user_agent", default="")


def _initially_small(names):
    """What a call of ECR, KMS or IAM was asked, in CloudTrail's spelling: each name begins with a small letter."""
    return {name[:1].lower() + name[1:]: value for name, value in names.items()}


def _of_form(request):
    names = ("RoleName", "PolicyName", "PolicyDocument", "AssumeRolePolicyDocument")
    return _initially_small({name: iam._p(request, name) for name in names if iam._p(request, name)})


def _of_bucket(name, *_, **__):
    return {"bucketName": name}


# The calls that rules of template.yaml are about: where they are answered, and what CloudTrail says they asked for.
CALLS = (
    (ecr, "_create_repository", "ecr", "CreateRepository", _initially_small),
    (ecr, "_delete_repository_policy", "ecr", "DeleteRepositoryPolicy", _initially_small),
    (ecr, "_set_repository_policy", "ecr", "SetRepositoryPolicy", _initially_small),
    (kms, "_put_key_policy", "kms", "PutKeyPolicy", _initially_small),
    (s3, "_create_bucket", "s3", "CreateBucket", _of_bucket),
    (s3, "_delete_bucket_policy", "s3", "DeleteBucketPolicy", _of_bucket),
    (s3, "_put_bucket_policy", "s3", "PutBucketPolicy", _of_bucket),
    (iam, "_create_role", "iam", "CreateRole", _of_form),
    (iam, "_delete_role_policy", "iam", "DeleteRolePolicy", _of_form),
    (iam, "_put_role_policy", "iam", "PutRolePolicy", _of_form),
    (iam, "_update_assume_role_policy", "iam", "UpdateAssumeRolePolicy", _of_form),
)


def _logged(answer, service, name, asked):
    """The call of `answer` with an event about it."""

    @functools.wraps(answer)
    def call(*given, **named):
        answered = answer(*given, **named)
        region = REGIONS.get(service, get_region())
        with request_scope(get_account_id(), region):
            if any(trail["IsLogging"] for _, _, trail in cloudtrail._visible_trail_items()):
                event = _event(service, name, asked(*given, **named), answered)
                eventbridge._put_events({"Entries": [event]}, allow_aws_source=True)
        return answered

    return call


def _event(service, name, asked, answered):
    """https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html"""
    detail = {
        "eventVersion": "1.11",
        "userIdentity": _identity(),
        "eventSource": f"{service}.amazonaws.com",
        "eventName": name,
        "awsRegion": get_region(),
        "userAgent": user_agent.get(),
        "requestParameters": asked,
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": get_account_id(),
        "eventCategory": "Management",
    }
    status, _, body = answered
    if status >= 400:
        body = body.decode() if isinstance(body, bytes) else body
        detail["errorCode"] = next(filter(None, CODE.search(body).groups()))
    return {"Source": f"aws.{service}", "DetailType": DETAIL_TYPE, "Detail": json.dumps(detail)}


def _identity():
    """https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html"""
    account = get_account_id()
    name = re.search(r" app/(\S+)", user_agent.get())
    function = name and lambda_svc._functions.get_scoped(account, get_region(), name[1])
    if not function:
        return {"type": "Root", "arn": f"arn:aws:iam::{account}:root", "accountId": account}
    role = function["config"]["Role"]
    user = role.rpartition("/")[2]
    issuer = {"type": "Role", "arn": role, "accountId": account, "userName": user}
    return {
        "type": "AssumedRole",
        "arn": f"arn:aws:sts::{account}:assumed-role/{user}/{name[1]}",
        "accountId": account,
        "sessionContext": {"sessionIssuer": issuer, "attributes": {"mfaAuthenticated": "false"}},
    }


@replaced(eventbridge)
def _invoke_target(invoke, target, event, rule, *more):
    """A function is invoked where its policy lets the rule, and asynchronously: what fails goes to its destination."""
    arn = target["Arn"]
    if parse_arn(arn).service != "lambda" or {"InputPath", "InputTransformer"} & set(target):
        return invoke(target, event, rule, *more)
    function, configuration, _ = lambda_svc._get_func_record_for_ref(arn)
    if function and _is_open(arn, rule):
        view = eventbridge._pattern_event_view(event)
        handed = json.loads(target["Input"]) if "Input" in target else view.event_with_detail()
        lambda_svc.invoke_async_with_retry(lambda_svc._execution_record_for_config(function, configuration), handed)
    return None


def _is_open(arn, rule):
    context = EvalContext(
        principal_arn="",
        principal_type="Service",
        principal_account=get_account_id(),
        action="lambda:InvokeFunction",
        resource_arn=arn,
        region=get_region(),
        principal_keys={"aws:sourcearn": rule["Arn"]},
    )
    return decision(arn, context, service="events.amazonaws.com") == "Allow"


for _module, _function, *_rest in CALLS:
    _answer = getattr(_module, _function)
    setattr(_module, _function, _logged(_answer, *_rest))
    if _module is iam:
        iam._IAM_HANDLERS[_rest[1]] = getattr(iam, _function)
