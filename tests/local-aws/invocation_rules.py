"""Lambda's invocations by ARN: of another account's function where its policy lets the caller in, and of an alias."""

import re
from urllib.parse import unquote

from ministack.core.arn import parse_arn
from ministack.core.iam_evaluator import EvalContext
from ministack.core.responses import error_response_json, get_account_id, get_region, request_scope
from ministack.services import lambda_svc
from ministack.services.cloudformation import custom_resource

from function_policy_rules import decision
from membership import condition_keys
from rules import replaced

ACTION = "lambda:InvokeFunction"
INVOCATIONS = re.compile(r"/2015-03-31/functions/(arn:[^/]+)/invocations")


@replaced(lambda_svc)
async def handle_request(handle, method, path, headers, body, query):
    """Another account's function runs in that account."""
    asked = INVOCATIONS.fullmatch(unquote(path))
    owner = _owner(asked[1]) if asked else get_account_id()
    if owner != get_account_id() and not _is_open(asked[1]):
        return error_response_json("AccessDeniedException", _refusal(asked[1]), 403, message_key="Message")
    with request_scope(owner, get_region()):
        return await handle(method, path, headers, body, query)


@replaced(custom_resource)
def invoke_custom_resource(invoke, request_type, logical_id, properties, *more, **named):
    """What isn't there in another account is refused like what is closed."""
    token = properties.get("ServiceToken", "")
    if _owner(token) != get_account_id() and not _is_open(token):
        raise PermissionError(_refusal(token))
    return invoke(request_type, logical_id, properties, *more, **named)


@replaced(lambda_svc)
def _get_func_record_for_ref(find, reference):
    """A function learns by which ARN it was invoked: that of an alias says who asks."""
    name, qualifier = lambda_svc._lambda_function_name_and_qualifier_from_arn(reference)
    owner = _owner(reference)
    if owner != get_account_id() and not _is_open(reference):
        return None, None, name
    with request_scope(owner, get_region()):
        function, configuration, name = find(reference)
    if qualifier and configuration:
        configuration = {**configuration, "FunctionArn": reference}
        function = {**function, "config": configuration}
    return function, configuration, name


@replaced(lambda_svc)
def invoke_async_with_retry(invoke, function, event):
    """An alias has settings of its own for asynchronous invocations, and none of its function's."""
    configuration = function.get("config") or function
    _, qualifier = lambda_svc._lambda_function_name_and_qualifier_from_arn(configuration["FunctionArn"])
    if qualifier:
        settings = lambda_svc._event_invoke_config(function, qualifier)
        function = {**function, "event_invoke_config": settings, "event_invoke_configs": {}}
    return invoke(function, event)


def _owner(reference):
    """The account of a function's ARN; for a name it is who asks."""
    name, _ = lambda_svc._lambda_function_name_and_qualifier_from_arn(reference)
    return parse_arn(reference).account_id if name else get_account_id()


def _is_open(arn):
    """Whether the policy of another account's function lets the calling account invoke it by this ARN."""
    context = EvalContext(
        principal_arn=_caller(),
        principal_type="Root",
        principal_account=get_account_id(),
        action=ACTION,
        resource_arn=arn,
        region=get_region(),
        principal_keys=condition_keys(get_account_id()),
    )
    return decision(arn, context) == "Allow"


def _refusal(arn):
    return (
        f"User: {_caller()} is not authorized to perform: {ACTION} on resource: {arn} "
        f"because no resource-based policy allows the {ACTION} action"
    )


def _caller():
    return f"arn:aws:iam::{get_account_id()}:root"
