"""That a stack's pipeline is in moto's CodePipeline as the template has it: run with the servers' Python."""

import json
import os
from unittest import main, mock

from botocore.exceptions import ClientError, ParamValidationError
from ministack.core.responses import request_scope
from ministack.services import iam

import pipeline_rules
from moto_case import MANAGEMENT, MotoCase

ROLE = f"arn:aws:iam::{MANAGEMENT}:role/app-pipeline"


def action(name, category, provider, **more):
    kind = {"Category": category, "Owner": "AWS", "Provider": provider, "Version": "1"}
    return {"Name": name, "ActionTypeId": kind, **more}


def pipeline(name="app", **more):
    source = action("Bucket", "Source", "S3", Configuration={"S3Bucket": "artifacts", "S3ObjectKey": "app.zip"})
    stages = [
        {"Name": "Source", "Actions": [source]},
        {"Name": "Approval", "Actions": [action("Approve", "Approval", "Manual")]},
    ]
    store = {"Type": "S3", "Location": "artifacts"}
    return {"Name": name, "RoleArn": ROLE, "ArtifactStore": store, "Stages": stages, **more}


class PipelineRules(MotoCase):
    def setUp(self):
        super().setUp()
        self.enterContext(mock.patch.dict(os.environ, {"AWS_ENDPOINT_URL_CODEPIPELINE": self.endpoint}))
        self.enterContext(request_scope(MANAGEMENT, "us-east-1"))
        self.trust("codepipeline.amazonaws.com")
        self.addCleanup(iam._roles.pop, "app-pipeline")

    def trust(self, service):
        statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam._roles["app-pipeline"] = {"AssumeRolePolicyDocument": document}

    def kept(self, name="app"):
        return self.client("codepipeline").get_pipeline(name=name)["pipeline"]

    def test_it_is_there_until_the_stack_deletes_it(self):
        self.assertEqual(pipeline_rules.create("Pipeline", pipeline(), "pipeline")[0], "app")
        self.assertEqual(self.kept()["roleArn"], ROLE)
        (source,) = self.kept()["stages"][0]["actions"]
        self.assertEqual(source["configuration"], {"S3Bucket": "artifacts", "S3ObjectKey": "app.zip"})
        pipeline_rules.delete("app", pipeline())
        with self.assertRaisesRegex(ClientError, "does not have a pipeline"):
            self.kept()

    def test_an_update_changes_it_and_another_name_is_another_one(self):
        pipeline_rules.create("Pipeline", pipeline(), "pipeline")
        changed = pipeline(ExecutionMode="QUEUED")
        self.assertEqual(pipeline_rules.update("app", pipeline(), changed, "pipeline")[1], {"Version": "2"})
        self.assertEqual(self.kept()["executionMode"], "QUEUED")
        self.assertEqual(pipeline_rules.update("app", changed, pipeline("other"), "pipeline")[0], "other")
        self.assertEqual(self.kept("other")["name"], "other")

    def test_a_role_that_does_not_trust_codepipeline_is_refused(self):
        self.trust("codebuild.amazonaws.com")
        with self.assertRaisesRegex(ClientError, "not authorized to perform AssumeRole"):
            pipeline_rules.create("Pipeline", pipeline(), "pipeline")

    def test_a_property_that_codepipeline_does_not_know_is_refused(self):
        with self.assertRaisesRegex(ParamValidationError, "executionMood"):
            pipeline_rules.create("Pipeline", pipeline(ExecutionMood="QUEUED"), "pipeline")


if __name__ == "__main__":
    main()
