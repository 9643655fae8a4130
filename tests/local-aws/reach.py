"""A template by which an account asks for one statement in a policy of another application's."""

import json

from local_aws import REGION


def template(thing, tooling, made, qualifier, account):
    """For the repository app, or the key or the bucket of its artifacts, asked of the functions by that alias."""
    name, target, action, resource = {
        "repository": ("Ecr", {"RepositoryName": "app"}, "ecr:BatchGetImage", None),
        "key": ("Kms", {"KeyId": made["ArtifactKeyArn"]}, "kms:Decrypt", "*"),
        "bucket": (
            "S3",
            {"BucketName": made["ArtifactBucketName"]},
            "s3:GetObject",
            f"arn:aws:s3:::{made['ArtifactBucketName']}/*",
        ),
    }[thing]
    statement = {
        "Sid": "Reach",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
        "Action": action,
        **({"Resource": resource} if resource else {}),
    }
    function = f"arn:aws:lambda:{REGION}:{tooling}:function:archipelago-{name.lower()}-policy-statement"
    properties = {"ServiceToken": f"{function}:{qualifier}", **target, "Statement": statement}
    return json.dumps({"Resources": {"Reach": {"Type": f"Custom::{name}PolicyStatement", "Properties": properties}}})
