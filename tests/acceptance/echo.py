"""The function of the checks: a custom resource that answers what its properties say, and tells what its request was.

CloudFormation puts this text into a template, so it has at most 4,096 characters. The ResponseURL is a secret: it is
never logged, and told by its form alone.
"""

import json
import urllib.parse
import urllib.request


def handler(event, _context):
    properties = event["ResourceProperties"]
    data = {"Number": 42, "Boolean": True, "Text": "42", "List": ["a", "b"], "Numbers": [1, 2]}
    if "Length" in properties:
        data = {"Long": "x" * int(properties["Length"])}
    data["Properties"] = json.dumps({key: value for key, value in properties.items() if key != "ServiceToken"})
    data["Url"] = json.dumps(form(event["ResponseURL"]))
    answer = {key: event[key] for key in ("StackId", "RequestId", "LogicalResourceId")}
    answer |= {"Status": "SUCCESS", "PhysicalResourceId": "echo", "Data": data if "Answers" in properties else {}}
    body = json.dumps(answer).encode()
    put = urllib.request.Request(event["ResponseURL"], body, {"Content-Type": ""}, method="PUT")
    urllib.request.urlopen(put).close()


def form(url):
    """What may be told of the URL: its host, the names of its parameters, and when it was made and ends."""
    parts = urllib.parse.urlsplit(url)
    query = dict(urllib.parse.parse_qsl(parts.query))
    told = ("X-Amz-Algorithm", "X-Amz-Date", "X-Amz-Expires", "Expires")
    return {
        "host": parts.hostname,
        "bucket": parts.path.split("/")[1],
        "names": sorted(query),
        **{name: query[name] for name in told if name in query},
    }
