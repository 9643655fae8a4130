"""CodePipeline's pipelines: ministack's CloudFormation makes them in moto, which keeps them and runs none."""

import contextlib
import json
import os

import boto3
from ministack.core.responses import get_account_id, get_region
from ministack.services import iam
from ministack.services.cloudformation import provisioners

# What it holds is the action's own, and spelt as the action spells it.
OPAQUE = "Configuration"


def create(_, properties, __):
    return _kept("create_pipeline", properties)


def update(name, _, properties, stack):
    # Another name is another pipeline; CloudFormation deletes the first one.
    return _kept("update_pipeline" if properties["Name"] == name else "create_pipeline", properties)


def delete(name, _):
    _moto("codepipeline").delete_pipeline(name=name)


provisioners._RESOURCE_HANDLERS["AWS::CodePipeline::Pipeline"] = {"create": create, "update": update, "delete": delete}


def _kept(operation, properties):
    _show_role(properties["RoleArn"])
    pipeline = getattr(_moto("codepipeline"), operation)(pipeline=_spelt(properties))["pipeline"]
    return pipeline["name"], {"Version": str(pipeline["version"])}


def _show_role(arn):
    """moto looks at whom the pipeline's role trusts, and the role is in ministack."""
    name = arn.rpartition("/")[2]
    trust = iam._roles.get(name, {}).get("AssumeRolePolicyDocument")
    roles = _moto("iam")
    with contextlib.suppress(roles.exceptions.NoSuchEntityException):
        roles.delete_role(RoleName=name)
    if trust:
        document = trust if isinstance(trust, str) else json.dumps(trust)
        roles.create_role(RoleName=name, AssumeRolePolicyDocument=document)


def _spelt(value):
    """The properties by the names that the API has for them, which begin with a small letter."""
    match value:
        case dict():
            small = {name[0].lower() + name[1:]: part for name, part in value.items() if name != OPAQUE}
            opaque = {OPAQUE.lower(): value[OPAQUE]} if OPAQUE in value else {}
            return {name: _spelt(part) for name, part in small.items()} | opaque
        case list():
            return [_spelt(part) for part in value]
    return value


def _moto(service):
    return boto3.client(
        service,
        get_region(),
        endpoint_url=os.environ["AWS_ENDPOINT_URL_CODEPIPELINE"],
        aws_access_key_id=get_account_id(),
        aws_secret_access_key="local",
    )
