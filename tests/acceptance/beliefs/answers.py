"""What CloudFormation asks of a custom resource, and what it does with its answer."""

import json
import time
from calendar import timegm

from belief import Table
from outcome import confirmed, contradicted, held
from stacks import Stack

from . import functions

TABLE = Table(costs="a run of a function, which is free or less than a cent")
GUIDE = "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide"
LIFETIME = 7200
# By which words CloudFormation refuses what isn't text: tests/local-aws/value_rules.py says where they were seen.
OUTPUTS = "Every Value member must be a string"
SUB = "does not resolve to a string"
JOIN = "every Fn::Join object requires two parameters"


def _asked(world, of, output=None, parameters=None, **properties):
    """How a stack with one such resource ends, whose output is what is given."""
    resource = {"ServiceToken": functions.echo(world), "Answers": "yes", **properties}
    outputs = {"Value": {"Value": output}} if output else {}
    template = {
        "Parameters": {name: {"Type": kind} for name, (kind, _) in (parameters or {}).items()},
        "Resources": {"Echo": {"Type": "Custom::Echo", "Properties": resource}},
        "Outputs": outputs,
    }
    if not outputs:
        del template["Outputs"]
    if not parameters:
        del template["Parameters"]
    stack = Stack(world, of)
    ended = stack.create(template, **{name: value for name, (_, value) in (parameters or {}).items()})
    stack.delete()
    return ended


def _told(ended):
    """What the function told in the stack's output."""
    if "Value" not in ended.outputs:
        raise RuntimeError(f"the stack is {ended}")
    return json.loads(ended.outputs["Value"])


def _read(attribute):
    return {"Fn::GetAtt": ["Echo", attribute]}


@TABLE.belief(
    "C1-output",
    "A number of a custom resource's answer fails in an Output",
    "https://github.com/aws-cloudformation/cfn-lint/issues/3013; inferred for custom resources",
)
def a_number_fails_in_an_output(world):
    return _refused(_asked(world, "c1-output", _read("Number")), OUTPUTS)


@TABLE.belief(
    "C1-sub", "A number of an answer fails in Fn::Sub", "https://github.com/aws-cloudformation/cfn-lint/issues/390"
)
def a_number_fails_in_sub(world):
    return _refused(_asked(world, "c1-sub", {"Fn::Sub": "${Echo.Number} of them"}), SUB)


@TABLE.belief("C1-join", "A number of an answer fails in Fn::Join", "https://github.com/aws/aws-cdk/issues/4808")
def a_number_fails_in_join(world):
    return _refused(_asked(world, "c1-join", {"Fn::Join": [",", [_read("Number"), "x"]]}), JOIN)


@TABLE.belief("C1-boolean", "A boolean of an answer fails in an Output", "shared/custom-resource/src/attributes.rs")
def a_boolean_fails_in_an_output(world):
    return _refused(_asked(world, "c1-boolean", _read("Boolean")), OUTPUTS)


@TABLE.belief(
    "C1-text", "Digits as text pass in Outputs, Fn::Sub and Fn::Join", "shared/custom-resource/src/attributes.rs"
)
def text_passes(world):
    ended = _asked(world, "c1-text", {"Fn::Join": [",", [_read("Text"), {"Fn::Sub": "${Echo.Text}"}]]})
    return held(ended.outputs.get("Value") == "42,42", str(ended))


@TABLE.belief(
    "C1-list",
    "A list of strings of an answer is one in Fn::Join",
    "https://github.com/aws-cloudformation/cfn-lint/issues/1127",
)
def a_list_of_strings_passes(world):
    ended = _asked(world, "c1-list", {"Fn::Join": [",", _read("List")]})
    return held(ended.outputs.get("Value") == "a,b", str(ended))


@TABLE.belief(
    "C2",
    "A ResponseURL says when it was made, and is valid for two hours: X-Amz-Date and X-Amz-Expires, or Expires",
    "https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html",
)
def a_url_says_when_it_was_made(world):
    asked = time.time()
    url = _told(_asked(world, "c2", _read("Url")))
    if "X-Amz-Date" in url:
        made = timegm(time.strptime(url["X-Amz-Date"], "%Y%m%dT%H%M%SZ"))
        lifetime = int(url.get("X-Amz-Expires", 0))
    elif "Expires" in url:
        lifetime, made = LIFETIME, int(url["Expires"]) - LIFETIME
    else:
        return contradicted(f"its parameters are {', '.join(url['names'])}")
    seen = f"{', '.join(url['names'])}; made {made - asked:.0f} s after the stack was asked for, for {lifetime} s"
    # The clocks of this machine and of AWS may differ.
    return held(lifetime == LIFETIME and -300 < made - asked < 600, seen)


@TABLE.belief(
    "C7",
    "A ResponseURL leads to CloudFormation's bucket of the Region, at a host of S3",
    f"{GUIDE}/vpc-interface-endpoints.html",
    local="has a ResponseURL of its own host",
)
def a_url_leads_to_s3(world):
    url = _told(_asked(world, "c7", _read("Url")))
    bucket = f"cloudformation-custom-resource-response-{world.management.region.replace('-', '')}"
    labels = url["host"].split(".")
    is_s3 = any(label == "s3" or label.startswith("s3-") for label in labels)
    return held(is_s3 and bucket in (labels[0], url["bucket"]), f"bucket {url['bucket']} at {url['host']}")


@TABLE.belief(
    "C12",
    "CloudFormation hands over every scalar as a string",
    "https://github.com/aws/aws-cdk/issues/4808",
)
def scalars_are_strings(world):
    seen = _told(_asked(world, "c12", _read("Properties"), Flag=True, Count=3, Ports=[80], Nested={"Deep": False}))
    as_strings = {"Flag": "true", "Count": "3", "Ports": ["80"], "Nested": {"Deep": "false"}}
    return held({name: seen.get(name) for name in as_strings} == as_strings, json.dumps(seen))


@TABLE.belief(
    "C13",
    "CloudFormation refuses an answer of more than 4,096 bytes",
    f"{GUIDE}/crpg-ref-responses.html; aws-cdk 2825, 23958",
)
def long_answers_are_refused(world):
    ended = _asked(world, "c13", None, Length="5000")
    return held(ended.failed_with("too long") or ended.failed_with("4096"), str(ended))


@TABLE.belief(
    "C14",
    "A change set shows all properties of a custom resource, and what isn't known before the deployment by a marker",
    "https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceChange.html; "
    "https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/2113",
    local="shows no values of properties in a change set",
)
def a_change_set_shows_properties(world):
    marker, function = "{{changeSet:KNOWN_AFTER_APPLY}}", functions.echo(world)
    later = {"Whole": {"Ref": "Later"}, "Part": {"Fn::Sub": "a-${Later}"}}
    echo = {"ServiceToken": function, "Nested": {"List": ["a"]}, **later}
    resources = {
        "Later": {"Type": "AWS::CloudFormation::WaitConditionHandle"},
        "Echo": {"Type": "Custom::Echo", "Properties": echo},
    }
    stack = Stack(world, "c14")
    try:
        (change,) = [each for each in stack.changes({"Resources": resources}) if each["LogicalResourceId"] == "Echo"]
    finally:
        if stack.id:
            stack.delete()
    if "AfterContext" not in change:
        return contradicted(f"it shows {', '.join(sorted(change))}")
    shown = json.loads(change["AfterContext"]).get("Properties", {})
    is_shown = shown.get("ServiceToken") == function and shown.get("Nested") == {"List": ["a"]}
    return held(is_shown and all(marker in str(shown.get(name)) for name in later), json.dumps(shown))


@TABLE.belief(
    "C15",
    "CloudFormation refuses another ServiceToken in an update, also if it is an alias of the same function",
    "https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/802; "
    "https://github.com/cloudcomponents/cdk-constructs/issues/197",
    local="takes another ServiceToken",
)
def a_service_token_stays(world):
    stack, function = Stack(world, "c15"), functions.echo(world)
    with functions.alias(world, "c15") as alias:
        templates = [
            {"Resources": {"Echo": {"Type": "Custom::Echo", "Properties": {"ServiceToken": token}}}}
            for token in (function, alias)
        ]
        made = stack.create(templates[0])
        if made.status != "CREATE_COMPLETE":
            raise RuntimeError(f"the stack is {made}")
        ended = stack.update(templates[1])
        stack.delete()
    return _refused(ended, "Modifying service token is not allowed")


@TABLE.belief(
    "P11-number",
    "CloudFormation hands over an id of 12 digits, unquoted and without a leading zero, with its digits or an exponent",
    "shared/custom-resource/src/mangled.rs",
)
def a_number_of_twelve_digits(world):
    seen = _told(_asked(world, "p11-number", _read("Properties"), Account=123456780123))
    known = ("123456780123", "1.23456780123E11", "1.23456780123E+11", "1.23456780123e+11")
    return held(seen["Account"] in known, json.dumps(seen["Account"]))


@TABLE.belief(
    "P11-empty",
    "An empty CommaDelimitedList is a list with one empty text, and a list with spaces loses those around its parts",
    f"{GUIDE}/parameters-section-structure.html",
)
def an_empty_list(world):
    parameters = {"Empty": ("CommaDelimitedList", ""), "Spaced": ("CommaDelimitedList", "a, b")}
    properties = {name: {"Ref": name} for name in parameters}
    seen = _told(_asked(world, "p11-empty", _read("Properties"), parameters, **properties))
    return held(seen["Empty"] in ([""], []) and seen["Spaced"] == ["a", "b"], json.dumps(seen))


@TABLE.belief(
    "C5",
    "Lambda takes asynchronous events of more than 256 KB, up to 1 MB",
    "https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html",
)
def large_events_are_taken(world):
    function, client = functions.echo(world), world.management.client("lambda")
    # It has nothing of a request, so the function ends at once, and is not to be run again.
    client.put_function_event_invoke_config(FunctionName=function, MaximumRetryAttempts=0)
    payload = json.dumps({"padding": "x" * 900_000})
    answered = client.invoke(FunctionName=function, InvocationType="Event", Payload=payload)
    return held(answered["StatusCode"] == 202, f"{len(payload):,} bytes: {answered['StatusCode']}")


def _refused(ended, words):
    if ended.failed_with(words):
        return confirmed(f"{ended.status}, in these words")
    return contradicted(str(ended))
