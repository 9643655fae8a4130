"""Which names functions and parameters may have, as they are made of a stack's name."""

import io
import zipfile

import refusal
from belief import Table
from outcome import held

TABLE = Table()


@TABLE.belief(
    "N5-function",
    "Lambda refuses the name of a function that has more than 64 characters",
    "https://github.com/awslabs/aws-api-gateway-developer-portal/issues/425",
    local="takes the name of a function however long it is",
)
def names_of_functions_end(world):
    account, name = world.management, world.name("n5-").ljust(65, "x")
    functions = account.client("lambda")
    refused = refusal.of(
        functions.create_function,
        FunctionName=name,
        Role=f"arn:{account.partition}:iam::{account.id}:role/{world.name('nobody')}",
        Runtime="python3.12",
        Handler="echo.handler",
        Code={"ZipFile": _zip()},
    )
    if refused.code is None:
        functions.delete_function(FunctionName=name)
    # The role that isn't there is refused in other words.
    return held(refused.says("Member must have length less than or equal to 64"), str(refused))


def _zip():
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("echo.py", "")
    return packed.getvalue()


@TABLE.belief(
    "N5-parameter",
    "SSM refuses the names of parameters that a stack whose name begins with aws or ssm would give them",
    "https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html; quota-monitor-for-aws 30",
)
def names_of_parameters_are_reserved(world):
    ssm, seen = world.management.client("ssm"), {}
    for start in ("aws", "ssm"):
        name = f"/{start}-{world.prefix}/n5"
        # It is taken only where the belief is wrong, and has neither prefix nor tag: it goes at once.
        seen[start] = refusal.of(ssm.put_parameter, Name=name, Value="nothing", Type="String")
        if seen[start].code is None:
            ssm.delete_parameter(Name=name)
    said = "; ".join(f"{start}: {refused}" for start, refused in seen.items())
    return held(all(refused.code for refused in seen.values()), said)
