"""Aliases of functions: what Lambda refuses of them, what goes with them, and their settings for events."""

import json
import re

import botocore.session
from ministack.core.responses import error_response_json, json_response
from ministack.services import lambda_svc
from ministack.services.cloudformation import provisioners

from calls import by_path
from function_policy_rules import forget
from rules import replaced

MODEL = botocore.session.get_session().get_service_model("lambda")
# The operations whose requests are compared with the model.
JUDGED = {
    *("CreateAlias", "GetAlias", "UpdateAlias", "DeleteAlias"),
    *("AddPermission", "GetPolicy", "RemovePermission"),
    *("PutResourcePolicy", "GetResourcePolicy", "DeleteResourcePolicy"),
    *("PutFunctionEventInvokeConfig", "GetFunctionEventInvokeConfig", "DeleteFunctionEventInvokeConfig"),
}
LATEST = "$LATEST"


@replaced(lambda_svc)
async def handle_request(handle, method, path, headers, body, query):
    query = {name: lambda_svc._qp_first(query, name) for name in query}
    try:
        operation, given = by_path("lambda", method, path, query)
    except ValueError:
        operation, given = None, {}
    if operation in JUDGED:
        given |= query | (json.loads(body) if body else {})
        members = MODEL.operation_model(operation).input_shape.members
        # The length of a policy has an error of its own.
        wrong = [_wrong(name, members[name], given[name]) for name in members if name in given and name != "Policy"]
        if wrong := list(filter(None, wrong)):
            words = f"{len(wrong)} validation error{'s' * (len(wrong) > 1)} detected: {'; '.join(wrong)}"
            return error_response_json("ValidationException", words, 400)
    return await handle(method, path, headers, body, query)


@replaced(lambda_svc)
def _create_alias(create, name, given):
    """https://github.com/HumanCellAtlas/data-store/issues/929"""
    function, version = lambda_svc._functions.get(name), given["FunctionVersion"]
    if function and given["Name"] in function["aliases"]:
        arn = function["aliases"][given["Name"]]["AliasArn"]
        return error_response_json("ResourceConflictException", f"Alias already exists: {arn}", 409)
    if function and version != LATEST and version not in function["versions"]:
        return lambda_svc._function_qualifier_not_found(name, version)
    return create(name, given)


@replaced(lambda_svc)
def _delete_alias(delete, name, alias):
    """The policy goes along, and settings for asynchronous events stay for the next alias of that name.

    https://github.com/hashicorp/terraform-provider-aws/issues/12917
    https://github.com/alchemy-run/alchemy/pull/627
    What isn't there is deleted as well: https://github.com/localstack/localstack/pull/11878
    """
    function = lambda_svc._functions.get(name)
    if function is None:
        return delete(name, alias)
    function["aliases"].pop(alias, None)
    forget(function, alias)
    return 204, {}, b""


@replaced(provisioners)
def _lambda_alias_delete(delete, physical_id, properties):
    delete(physical_id, properties)
    function, *_ = provisioners._lambda_function_for_cfn_ref(properties.get("FunctionName", ""))
    if function:
        forget(function, properties.get("Name"))


provisioners._RESOURCE_HANDLERS["AWS::Lambda::Alias"]["delete"] = provisioners._lambda_alias_delete


@replaced(lambda_svc)
def _put_event_invoke_config(put, name, qualifier, settings):
    answered = put(name, _settings_of(qualifier), settings)
    if answered[0] == 200 and _settings_of(qualifier) is None:
        kept = lambda_svc._functions[name]["event_invoke_config"]
        kept["FunctionArn"] += f":{LATEST}"
        return json_response(kept)
    return answered


@replaced(lambda_svc)
def _get_event_invoke_config(get, name, qualifier=None):
    return get(name, _settings_of(qualifier))


@replaced(lambda_svc)
def _delete_event_invoke_config(delete, name, qualifier=None):
    return delete(name, _settings_of(qualifier))


def _settings_of(qualifier):
    """Whose settings these are: a function without a qualifier is its version $LATEST.

    https://docs.aws.amazon.com/cli/latest/reference/lambda/put-function-event-invoke-config.html
    """
    return None if qualifier == LATEST else qualifier


def _wrong(name, shape, value):
    """What the model says that the value isn't, in the words of AWS's front ends."""
    limits, number = shape.metadata, shape.type_name in ("integer", "long")
    if not number and not isinstance(value, str):
        return None
    size, what = (int(value), "value") if number else (len(value), "length")
    said = None
    if "pattern" in limits and not re.fullmatch(limits["pattern"], value):
        said = f"satisfy regular expression pattern: {limits['pattern']}"
    if size > limits.get("max", size):
        said = f"have {what} less than or equal to {limits['max']}"
    if size < limits.get("min", size):
        said = f"have {what} greater than or equal to {limits['min']}"
    path = f"{name[0].lower()}{name[1:]}"
    return said and f"Value '{value}' at '{path}' failed to satisfy constraint: Member must {said}"
