"""The function of the checks, and aliases of it."""

import contextlib
from pathlib import Path

import stores
from stacks import Stack

ECHO = (Path(__file__).parent.parent / "echo.py").read_text()


def echo(world):
    """The ARN of the function, in a stack that all these checks share."""
    with world.lock("echo"):
        if "echo" not in world.made:
            trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
            role = {"AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]}}
            function = {
                "Runtime": "python3.12",
                "Handler": "index.handler",
                "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                "Code": {"ZipFile": ECHO},
                "FunctionName": world.name("echo"),
                "Timeout": 30,
            }
            template = {
                "Resources": {
                    # Without a right to write logs: nothing of a request is kept.
                    "Role": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": world.name("echo"), **role}},
                    "Function": {"Type": "AWS::Lambda::Function", "Properties": function},
                },
                "Outputs": {"Arn": {"Value": {"Fn::GetAtt": ["Function", "Arn"]}}},
            }
            ended = Stack(world, "echo").create(template)
            if ended.status != "CREATE_COMPLETE":
                raise RuntimeError(f"the stack of the function is {ended}")
            world.made["echo"] = ended.outputs["Arn"]
        return world.made["echo"]


@contextlib.contextmanager
def alias(world, of):
    """The ARN of an alias as callers have them, which goes again with all that it has."""
    function, name, client = echo(world), f"caller-{of}", world.management.client("lambda")
    client.create_alias(FunctionName=function, Name=name, FunctionVersion="$LATEST")
    try:
        yield f"{function}:{name}"
    finally:
        stores.quietly(lambda: client.delete_function_event_invoke_config(FunctionName=function, Qualifier=name))
        stores.quietly(lambda: client.delete_alias(FunctionName=function, Name=name))
