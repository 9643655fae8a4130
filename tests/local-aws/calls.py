"""The calls of AWS that functions made, as IAM sees them, read from the record that all servers of the tests keep."""

import functools
import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import parse_qsl, unquote

import botocore.session

# Actions that aren't called like their operation.
ACTIONS = {"lambda:Invoke": "lambda:InvokeFunction"}
# What AWS asks for as well where a request has tags, of a thing that isn't there yet: on no resource that it names.
TAGGING = {
    "organizations:CreateAccount": "organizations:TagResource",
    "organizations:CreateOrganizationalUnit": "organizations:TagResource",
}
# What AWS asks for as well, on the same resource.
# https://docs.aws.amazon.com/lambda/latest/dg/access-control-resource-based.html#access-control-resource-based-permissions
BESIDE = {
    "lambda:DeleteResourcePolicy": ("lambda:RemovePermission",),
    "lambda:GetResourcePolicy": ("lambda:GetPolicy",),
    "lambda:PutResourcePolicy": ("lambda:AddPermission", "lambda:RemovePermission"),
}
# What a transaction consists of, and the action that it is.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html
IN_TRANSACTIONS = {
    "ConditionCheck": "ConditionCheckItem",
    "Delete": "DeleteItem",
    "Put": "PutItem",
    "Update": "UpdateItem",
}
# The tables of template.yaml, and what CloudFormation's names and those of the tests' tables have in them.
TABLES = {"Ledger": "ledger", "Requests": "requests", "CallerTable": "caller"}
PARTITION_KEYS = ("Caller", "Policy", "Resource", "Type")
EQUALITY = re.compile(r"(#?\w+)\s*=\s*(:\w+)")
ID = "o-exampleorgid"
ORGANIZATIONS = {r"r-\w+": "root", r"ou-[\w-]+": "ou", r"\d{12}": "account"}
EC2 = {"subnet-": "subnet", "vpc-": "vpc"}


def recorded(folder):
    """What was written down in the folder, each call once."""
    calls = {}
    for path in sorted(Path(folder).glob("*.jsonl")):
        with path.open() as lines:
            for line in lines:
                for part in parts(json.loads(line)):
                    call = Call.read(part)
                    calls |= {repr(asked): asked for asked in (call, *call.tagging(), *call.beside())}
    return list(calls.values())


def parts(request):
    """The requests that IAM looks at: this one, or those that a transaction consists of."""
    target, _, operation = request["headers"].get("x-amz-target", "").rpartition(".")
    if operation == "BatchGetItem":
        # Of each table on its own; all keys together are the leading keys.
        # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
        tables = json.loads(request["body"])["RequestItems"].items()
        return [{**request, "body": json.dumps({"TableName": table, **wanted})} for table, wanted in tables]
    if operation != "TransactWriteItems":
        return [request]
    items = (part for item in json.loads(request["body"])["TransactItems"] for part in item.items())
    return [
        {
            **request,
            "headers": {**request["headers"], "x-amz-target": f"{target}.{IN_TRANSACTIONS[kind]}"},
            "body": json.dumps(given),
        }
        for kind, given in items
    ]


@dataclass(frozen=True)
class Call:
    """A call as IAM sees it. It counts whatever was answered: what is refused was asked for."""

    function: str
    # The account whose role made it: that of the function, or another one in which it had assumed a role.
    account: str
    region: str
    action: str
    # The ARNs that it is about; none where AWS knows no resource of the action.
    resources: tuple
    # What is asked for, by condition key, as far as the request says it.
    keys: dict
    # The marks of what it names, by ID or ARN, as far as they are known.
    marks: dict

    @classmethod
    def read(cls, request):
        headers = request["headers"]
        # Both servers take an account's 12 digits as its access key.
        account, _, region, service, _ = re.search(r"Credential=([^,\s]+)", headers["authorization"])[1].split("/")
        is_form = headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
        query = _pairs(request["query"])
        given = (_pairs(request["body"]) if is_form else json.loads(request["body"] or "{}")) | query
        if "x-amz-target" in headers:
            operation = headers["x-amz-target"].rpartition(".")[2]
        elif is_form:
            operation = given["Action"]
        else:
            operation, in_path = by_path(service, request["method"], request["path"], query)
            given |= in_path
        action = ACTIONS.get(f"{service}:{operation}", f"{service}:{operation}")
        return cls(
            function=re.search(r" app/(\S+)", headers["user-agent"])[1],
            account=account,
            region=region,
            action=action,
            resources=tuple(sorted(_resources(service, given, region, account))),
            keys=_keys(service, given),
            # What the tests themselves play has none to tell.
            marks=request.get("marks", {}),
        )

    def tagging(self):
        """The call that AWS checks beside this one, if it has tags."""
        if self.action in TAGGING and "aws:TagKeys" in self.keys:
            yield replace(self, action=TAGGING[self.action], resources=())

    def beside(self):
        """The calls that AWS checks beside this one, on the same resource."""
        for action in BESIDE.get(self.action, ()):
            yield replace(self, action=action)

    def marks_of(self, resource):
        """The marks that the resource carries; None where they aren't known."""
        return next((marks for name, marks in self.marks.items() if resource.endswith(name)), None)


def _pairs(text):
    return dict(parse_qsl(text, keep_blank_values=True))


@functools.cache
def _routes(service):
    model = botocore.session.get_session().get_service_model(service)
    routes = []
    for name in model.operation_names:
        path, _, query = model.operation_model(name).http["requestUri"].partition("?")
        pattern = re.sub(r"\{(\w+)\+?\}", r"(?P<\1>[^/]+)", path)
        wanted = [pair.partition("=")[0] for pair in query.split("&") if pair]
        routes.append((name, model.operation_model(name).http["method"], re.compile(f"{pattern}/?"), wanted))
    # That with a subresource goes before that without.
    return sorted(routes, key=lambda route: -len(route[3]))


def by_path(service, method, path, query):
    """The operation of a service whose requests tell it by their method and path, and what the path holds."""
    for name, its_method, pattern, wanted in _routes(service):
        found = pattern.fullmatch(path)
        if method == its_method and found and all(key in query for key in wanted):
            return name, {key: unquote(value) for key, value in found.groupdict().items()}
    raise ValueError(f"{service} has no operation {method} {path}")


def _resources(service, given, region, account):
    """ARNs as the Service Authorization Reference writes them. https://docs.aws.amazon.com/service-authorization/"""
    match service, given:
        case "account", {"AccountId": member}:
            return [f"arn:aws:account::{account}:account/{ID}/{member}"]
        case "dynamodb", {"TableName": table}:
            named = next((name for name, part in TABLES.items() if part in table.lower()), table)
            index = f"/index/{given['IndexName']}" if "IndexName" in given else ""
            return [f"arn:aws:dynamodb:{region}:{account}:table/{named}{index}"]
        case "ec2", _:
            named = [value for key, value in given.items() if key.startswith("ResourceId.")]
            kinds = {name: kind for name in named for start, kind in EC2.items() if name.startswith(start)}
            return [f"arn:aws:ec2:{region}:{account}:{kind}/{name}" for name, kind in kinds.items()]
        case "ecr", {"repositoryName": name} | {"repositoryNames": [name]}:
            return [f"arn:aws:ecr:{region}:{given.get('registryId', account)}:repository/{name}"]
        case "iam", {"RoleName": name}:
            return [f"arn:aws:iam::{account}:role/{name}"]
        case "kms", {"KeyId": key}:
            # Behind an alias is a key, whichever.
            name = key.rpartition(":")[2].removeprefix("key/").replace("alias/", "of-alias-")
            owner, place = (key.split(":")[4], key.split(":")[3]) if key.startswith("arn:") else (account, region)
            return [f"arn:aws:kms:{place}:{owner}:key/{name}"]
        case "lambda", {"ResourceArn": function}:
            return [function]
        case "lambda", {"FunctionName": function}:
            return [_function(function, given.get("Qualifier"), region, account)]
        case "organizations", _:
            ids = [value for key, value in given.items() if key.endswith("Id") and isinstance(value, str)]
            kinds = {name: kind for name in ids for form, kind in ORGANIZATIONS.items() if re.fullmatch(form, name)}
            return [f"arn:aws:organizations::{account}:{kind}/{ID}/{name}" for name, kind in kinds.items()]
        case "ram", {"resourceShareArn": share}:
            return [share]
        case "s3", {"Bucket": bucket}:
            return [f"arn:aws:s3:::{bucket}"]
        case "sts", {"RoleArn": role}:
            return [role]
    return []


def _function(named, qualifier, region, account):
    """The ARN of a function, or of the alias that the request names beside it: an alias that is made, read or deleted
    is about its function.

    https://docs.aws.amazon.com/lambda/latest/dg/lambda-api-permissions-ref.html
    """
    if not named.startswith("arn:"):
        named = f"arn:aws:lambda:{region}:{account}:function:{named.rpartition('function:')[2]}"
    return f"{named}:{qualifier}" if qualifier else named


def _keys(service, given):
    tags = [{name.lower(): said for name, said in tag.items()} for tag in given.get("Tags", given.get("tags", []))]
    keys = {f"aws:RequestTag/{tag['key']}": tag["value"] for tag in tags}
    if named := [tag["key"] for tag in tags] + given.get("TagKeys", given.get("tagKeys", [])):
        keys["aws:TagKeys"] = named
    match service, given:
        case "lambda", {"Principal": principal}:
            keys["lambda:Principal"] = principal
        case "kms", {"BypassPolicyLockoutSafetyCheck": bypassed}:
            keys["kms:BypassPolicyLockoutSafetyCheck"] = str(bypassed).lower()
        case "ram", {"resourceArns": [_, *_]}:
            keys["ram:RequestedResourceType"] = "ec2:Subnet"
        case "dynamodb", _:
            if leading := _leading_keys(given):
                keys["dynamodb:LeadingKeys"] = leading
    return keys


def _leading_keys(given):
    """The values of the partition key that a call on items names."""
    if "Key" in given or "Item" in given:
        named = given.get("Key", given.get("Item"))
        return [value["S"] for name, value in named.items() if name in PARTITION_KEYS]
    if "Keys" in given:
        return sorted({key[name]["S"] for key in given["Keys"] for name in PARTITION_KEYS if name in key})
    names, values = given.get("ExpressionAttributeNames", {}), given.get("ExpressionAttributeValues", {})
    equal = EQUALITY.findall(given.get("KeyConditionExpression", ""))
    # Of the keys of the index one is the partition key of the table.
    keys = PARTITION_KEYS[-1:] if "IndexName" in given else PARTITION_KEYS[:-1]
    return [values[value]["S"] for name, value in equal if names.get(name, name) in keys]
