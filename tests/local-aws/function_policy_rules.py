"""Lambda's resource policies: a document each of a function, a version and an alias, written whole or by statements.

https://docs.aws.amazon.com/lambda/latest/dg/access-control-resource-based.html
"""

import json
import threading
from urllib.parse import unquote

from ministack.core.arn import parse_arn
from ministack.core.iam_evaluator import evaluate_resource_policy, validate_policy_document
from ministack.core.responses import error_response_json, get_account_id, get_region, json_response, new_uuid
from ministack.services import lambda_svc

from policy_rules import closed_in, statements_of, with_roots
from rules import replaced

PATH = "/2026-07-09/resource-policy/"
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
LONGEST = 20480
# The conditions that AddPermission writes.
CONDITIONS = {
    "EventSourceToken": ("StringEquals", "lambda:EventSourceToken"),
    "FunctionUrlAuthType": ("StringEquals", "lambda:FunctionUrlAuthType"),
    "InvokedViaFunctionUrl": ("Bool", "lambda:InvokedViaFunctionUrl"),
    "PrincipalOrgID": ("StringEquals", "aws:PrincipalOrgID"),
    "SourceAccount": ("StringEquals", "AWS:SourceAccount"),
    "SourceArn": ("ArnLike", "AWS:SourceArn"),
}
# Stacks are made in threads of their own, and a policy is read and then written.
_one_at_a_time = threading.RLock()


def decision(arn, context, service=None):
    """What is decided of a call by this ARN: the policy of a function may be about its aliases, too."""
    owner, (name, qualifier) = parse_arn(arn), lambda_svc._lambda_function_name_and_qualifier_from_arn(arn)
    function = lambda_svc._functions.get_scoped(owner.account_id, owner.region, name)
    if not lambda_svc._function_qualifier_exists(function, qualifier):
        return "ImplicitDeny"
    kept = [_kept(function, each) for each in {None, qualifier}]
    statements = [statement for each in kept if each for statement in statements_of(json.loads(each["Policy"]))]
    return evaluate_resource_policy({"Statement": statements}, context, service).decision


def forget(function, qualifier):
    """Takes the policy of an alias away."""
    with _one_at_a_time:
        _policies(function).pop(qualifier, None)


@replaced(lambda_svc)
async def handle_request(handle, method, path, headers, body, query):
    if not path.startswith(PATH):
        return await handle(method, path, headers, body, query)
    action, answer = {
        "PUT": ("PutResourcePolicy", _put),
        "GET": ("GetResourcePolicy", _get),
        "DELETE": ("DeleteResourcePolicy", _delete),
    }[method]
    arn = unquote(path.removeprefix(PATH))
    owner, (name, qualifier) = parse_arn(arn), lambda_svc._lambda_function_name_and_qualifier_from_arn(arn)
    if owner.account_id != get_account_id():
        return error_response_json(
            "AccessDeniedException",
            f"User: arn:aws:iam::{get_account_id()}:root is not authorized to perform: lambda:{action} "
            f"on resource: {arn} because no resource-based policy allows the lambda:{action} action",
            403,
            message_key="Message",
        )
    function = lambda_svc._functions.get(name) if owner.region == get_region() else None
    if not lambda_svc._function_qualifier_exists(function, qualifier):
        return _not_found(f"Function not found: {arn}")
    given = json.loads(body) if body else {"RevisionId": lambda_svc._qp_first(query, "RevisionId")}
    with _one_at_a_time:
        return answer(function, qualifier, given)


@replaced(lambda_svc)
def _add_permission(_, name, given, query=None, path_qualifier=None):
    function, qualifier, refused = _asked(name, query, path_qualifier)
    if refused:
        return refused
    with _one_at_a_time:
        kept = _kept(function, qualifier)
        document = json.loads(kept["Policy"]) if kept else {"Version": "2012-10-17", "Id": "default"}
        statement, statements = _statement(given, _arn(function, qualifier)), statements_of(document)
        if any(each.get("Sid") == statement["Sid"] for each in statements):
            return error_response_json(
                "ResourceConflictException",
                f"The statement id ({statement['Sid']}) provided already exists. Please provide a new statement id, or "
                "remove the existing statement.",
                409,
            )
        text = with_roots(json.dumps({**document, "Statement": [*statements, statement]}))
        refused = _stale(kept, given.get("RevisionId"), "GetPolicy") or _keep(function, qualifier, text)
        return refused or json_response({"Statement": json.dumps(statements_of(json.loads(text))[-1])}, 201)


@replaced(lambda_svc)
def _remove_permission(_, name, sid, query, path_qualifier=None):
    function, qualifier, refused = _asked(name, query, path_qualifier)
    if refused:
        return refused
    with _one_at_a_time:
        kept = _kept(function, qualifier)
        if kept is None:
            return _not_found("No policy is associated with the given resource.")
        document = json.loads(kept["Policy"])
        left = [each for each in statements_of(document) if each.get("Sid") != sid]
        if len(left) == len(statements_of(document)):
            return _not_found(f"Statement {sid} is not found in resource policy.")
        if refused := _stale(kept, lambda_svc._qp_first(query, "RevisionId"), "GetPolicy"):
            return refused
        if left:
            # Nothing is judged of what is left, since an account that was closed must not keep others' statements.
            _policies(function)[qualifier] = _revision(json.dumps({**document, "Statement": left}))
        else:
            forget(function, qualifier)
        return 204, {}, b""


@replaced(lambda_svc)
def _get_policy(_, name, query=None, path_qualifier=None):
    function, qualifier, refused = _asked(name, query, path_qualifier)
    return refused or _get(function, qualifier, None)


def _put(function, qualifier, given):
    text, kept = given["Policy"], _kept(function, qualifier)
    refused = _malformed(text, _arn(function, qualifier)) or _stale(kept, given.get("RevisionId"), "GetResourcePolicy")
    return refused or _keep(function, qualifier, text) or json_response(_kept(function, qualifier))


def _get(function, qualifier, _):
    """Of what has none: https://github.com/aws/serverless-application-model/issues/307"""
    kept = _kept(function, qualifier)
    return json_response(kept) if kept else _not_found("The resource you requested does not exist.")


def _delete(function, qualifier, given):
    kept = _kept(function, qualifier)
    if kept is None:
        return _not_found("The resource you requested does not exist.")
    if refused := _stale(kept, given["RevisionId"], "GetResourcePolicy"):
        return refused
    forget(function, qualifier)
    return 204, {}, b""


def _asked(name, query, path_qualifier):
    """The function and the qualifier that a request is about, or why there is none."""
    qualifier = lambda_svc._qualifier_from_path_or_query(path_qualifier, query)
    refused = lambda_svc._validate_function_qualifier_exists(name, qualifier)
    return lambda_svc._functions.get(name), qualifier, refused


def _policies(function):
    """The policies of a function by qualifier; its own is that of None."""
    return function.setdefault("policies", {})


def _kept(function, qualifier):
    return _policies(function).get(qualifier)


def _revision(text):
    return {"Policy": text, "RevisionId": new_uuid()}


def _keep(function, qualifier, text):
    """Keeps the policy, if nothing is wrong with the whole of it."""
    if qualifier == "$LATEST":
        return _invalid("We currently do not support adding policies for $LATEST.")
    if len(text) > LONGEST:
        words = f"The final policy size ({len(text)}) is bigger than the limit ({LONGEST})."
        return error_response_json("PolicyLengthExceededException", words, 400)
    if closed_in(text):
        # Also if it was there before:
        # https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/1189
        return _invalid("The provided principal was invalid. Please check the principal and try again.")
    _policies(function)[qualifier] = _revision(text)
    return None


def _stale(kept, revision, reader):
    if not revision or (kept and kept["RevisionId"] == revision):
        return None
    return error_response_json(
        "PreconditionFailedException",
        "The RevisionId provided does not match the latest RevisionId for the Lambda function or alias. "
        f"Call the {reader} API to retrieve the latest RevisionId for your resource.",
        412,
    )


def _malformed(text, arn):
    """Why a whole policy isn't one of this resource. Nobody has published the words."""
    if wrong := validate_policy_document(text):
        return _invalid(f"The policy is malformed: {wrong}")
    for statement in statements_of(json.loads(text)):
        principal, resources = statement.get("Principal"), statement.get("Resource", [])
        if principal is None and "NotPrincipal" not in statement:
            return _invalid("The policy is malformed: a statement has no principal")
        resources = [resources] if isinstance(resources, str) else resources
        if not resources or not all(each == arn or each.startswith(f"{arn}:") for each in resources):
            return _invalid("The policy is malformed: a statement is about another resource")
        everybody = principal in ("*", {"AWS": "*"}, {"AWS": ["*"]})
        if everybody and statement["Effect"] == "Allow" and not statement.get("Condition"):
            words = "The resource-based policy would grant public access to the Lambda resource, which isn't allowed."
            return error_response_json("PublicPolicyException", words, 400, message_key="Message")
    return None


def _statement(given, arn):
    principal, condition = given["Principal"], {}
    for name, (operator, key) in CONDITIONS.items():
        if name in given:
            value = given[name]
            condition.setdefault(operator, {})[key] = str(value).lower() if operator == "Bool" else value
    # An account becomes its root: https://docs.aws.amazon.com/lambda/latest/dg/permissions-function-cross-account.html
    kind = "Service" if principal.endswith((".amazonaws.com", ".amazonaws.com.cn")) else "AWS"
    return {
        "Sid": given["StatementId"],
        "Effect": "Allow",
        "Principal": principal if principal == "*" else {kind: principal},
        "Action": given["Action"],
        "Resource": arn,
        **({"Condition": condition} if condition else {}),
    }


def _arn(function, qualifier):
    return ":".join([function["config"]["FunctionArn"], *([qualifier] if qualifier else [])])


def _invalid(words):
    return error_response_json("InvalidParameterValueException", words, 400)


def _not_found(words):
    return error_response_json("ResourceNotFoundException", words, 404, message_key="Message")
