"""The work of the Python peers: one statement into the policy of an ECR repository, without a lease or a second look."""

import json


def put(ecr, event):
    properties = event["ResourceProperties"]
    repository = properties["RepositoryName"]
    policy = json.loads(ecr.get_repository_policy(repositoryName=repository)["policyText"])
    statement = {**properties["Statement"], "Sid": event["LogicalResourceId"]}
    policy["Statement"] = [other for other in policy["Statement"] if other.get("Sid") != statement["Sid"]]
    policy["Statement"].append(statement)
    ecr.set_repository_policy(repositoryName=repository, policyText=json.dumps(policy))
    return event["LogicalResourceId"]
