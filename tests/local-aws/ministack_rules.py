"""ministack with a CloudFormation that invokes functions asynchronously, as AWS does, shared subnets and queries."""

import json
from datetime import UTC, datetime
from urllib.parse import urlencode

from ministack import app
from ministack.core.responses import new_uuid
from ministack.services import dynamodb, ecs, lambda_svc
from ministack.services.cloudformation import custom_resource, provisioners

import alias_rules  # noqa: F401
import answer_rules  # noqa: F401
import condition_rules  # noqa: F401
import function_policy_rules  # noqa: F401
import invocation_rules  # noqa: F401
import pipeline_rules  # noqa: F401
import policy_rules  # noqa: F401
import stack_rules  # noqa: F401
import stack_set_rules  # noqa: F401
import subnet_rules  # noqa: F401
import table_rules  # noqa: F401
import trail_rules
import value_rules  # noqa: F401
from record import record
from rules import replaced


@replaced(lambda_svc)
def _execute_function_with_config_scope(run, function, event):
    """What fails goes to the function's destination, and CloudFormation isn't told."""
    if isinstance(event, dict) and "ResponseURL" in event:
        return lambda_svc.invoke_async_with_retry(function, event)
    return run(function, event)


@replaced(custom_resource)
def _response_url(sign, token):
    """CloudFormation signs it when it makes the request, and the URL says so."""
    return f"{sign(token)}?X-Amz-Date={datetime.now(UTC):%Y%m%dT%H%M%SZ}&X-Amz-Expires=7200&X-Amz-Signature=local"


@replaced(app)
def _dispatch_service_request(dispatch, method, path, headers, body, query, request_id):
    record(method, path, urlencode(query, doseq=True), headers, body)
    trail_rules.user_agent.set(headers.get("user-agent") or "")
    return dispatch(method, path, headers, body, query, request_id)


@replaced(ecs)
def _create_service(create, request):
    return create(_counted(request))


@replaced(ecs)
def _update_service(update, request):
    return update(_counted(request))


def _create_table(logical_id, properties, stack_name):
    """CloudFormation asks DynamoDB for all that the template says of a table."""
    name, attributes = provisioners._ddb_create(logical_id, properties, stack_name)
    if policy := properties.get("ResourcePolicy"):
        document = json.dumps(policy["PolicyDocument"])
        _asked(dynamodb._put_resource_policy({"ResourceArn": attributes["Arn"], "Policy": document}))
    if backups := properties.get("PointInTimeRecoverySpecification"):
        _asked(dynamodb._update_continuous_backups({"TableName": name, "PointInTimeRecoverySpecification": backups}))
    return name, attributes


def _delete_table(name, _):
    """CloudFormation asks DynamoDB, which keeps what is protected."""
    if name in dynamodb._tables:
        _asked(dynamodb._delete_table({"TableName": name}))


def _asked(answered):
    status, _, body = answered
    if status >= 400:
        raise ValueError(body.decode() if isinstance(body, bytes) else body)


provisioners._RESOURCE_HANDLERS["AWS::DynamoDB::Table"] |= {"create": _create_table, "delete": _delete_table}

# Nobody runs a saved query here: it is enough that a stack may have one.
provisioners._RESOURCE_HANDLERS["AWS::Logs::QueryDefinition"] = {
    "create": lambda logical_id, properties, stack_name: (new_uuid(), {}),
    "update": lambda physical_id, old, new, stack_name: (physical_id, {}),
    "delete": lambda physical_id, properties: None,
}


def _counted(request):
    """CloudFormation hands on a parameter's number as the string that it came as."""
    count = request.get("desiredCount")
    return request if count is None else {**request, "desiredCount": int(count)}


if __name__ == "__main__":
    app.main()
