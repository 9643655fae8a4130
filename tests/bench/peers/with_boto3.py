"""A custom resource with boto3 alone; the answer goes through urllib3, as in AWS's own cfn-response module."""

import json

import boto3
import statements
import urllib3

ecr = boto3.client("ecr")
http = urllib3.PoolManager()


def handler(event, context):
    answer = {
        "Status": "SUCCESS",
        "PhysicalResourceId": statements.put(ecr, event),
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
    }
    http.request("PUT", event["ResponseURL"], headers={"content-type": ""}, body=json.dumps(answer))
