"""That changes of policies reach rules as CloudTrail's events do, and functions as EventBridge hands them over."""

import json
import unittest
from unittest import mock

from ministack.core.responses import get_account_id, request_scope
from ministack.services import cloudtrail, ecr, eventbridge, iam, kms, lambda_svc, s3

import ministack_rules  # noqa: F401
import trail_rules

REGION = "us-east-1"
NAME = "statements"
POLICY = json.dumps(
    {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}}
)
CALLS = {
    "SetRepositoryPolicy": lambda: ecr._set_repository_policy({"repositoryName": "trailed", "policyText": POLICY}),
    "DeleteRepositoryPolicy": lambda: ecr._delete_repository_policy({"repositoryName": "trailed"}),
    "PutBucketPolicy": lambda: s3._put_bucket_policy("trailed", POLICY.encode()),
    "DeleteBucketPolicy": lambda: s3._delete_bucket_policy("trailed"),
    "PutRolePolicy": lambda: iam._IAM_HANDLERS["PutRolePolicy"](
        {"RoleName": "trailed", "PolicyName": "grants", "PolicyDocument": POLICY}
    ),
    "DeleteRolePolicy": lambda: iam._IAM_HANDLERS["DeleteRolePolicy"]({"RoleName": "trailed", "PolicyName": "grants"}),
    "UpdateAssumeRolePolicy": lambda: iam._IAM_HANDLERS["UpdateAssumeRolePolicy"](
        {"RoleName": "trailed", "PolicyDocument": POLICY}
    ),
}


class Trails(unittest.TestCase):
    def setUp(self):
        self.enterContext(request_scope("787878787878", REGION))
        self.sent = []
        self.enterContext(
            mock.patch.object(
                eventbridge, "_dispatch_event", lambda event, view: self.sent.append(view.event_with_detail())
            )
        )
        ecr._create_repository({"repositoryName": "trailed"})
        s3._create_bucket("trailed", b"", {})
        iam._IAM_HANDLERS["CreateRole"]({"RoleName": "trailed", "AssumeRolePolicyDocument": POLICY})
        self.assertEqual(self.sent, [], "no trail logs")
        cloudtrail._create_trail({"Name": "all", "S3BucketName": "trailed"})
        cloudtrail._start_logging({"Name": "all"})
        self.addCleanup(cloudtrail._delete_trail, {"Name": "all"})

    def test_each_change_is_an_event_while_a_trail_logs(self):
        for name, call in CALLS.items():
            self.assertLess(call()[0], 300, name)
        details = [event["detail"] for event in self.sent]
        self.assertEqual([detail["eventName"] for detail in details], list(CALLS))
        self.assertEqual({event["detail-type"] for event in self.sent}, {"AWS API Call via CloudTrail"})
        asked = [detail["requestParameters"] for detail in details]
        self.assertEqual(asked[0], {"repositoryName": "trailed", "policyText": POLICY})
        self.assertEqual(asked[2], {"bucketName": "trailed"})
        self.assertEqual(asked[4], {"roleName": "trailed", "policyName": "grants", "policyDocument": POLICY})
        cloudtrail._stop_logging({"Name": "all"})
        CALLS["SetRepositoryPolicy"]()
        self.assertEqual(len(self.sent), len(CALLS))

    def test_what_is_made_and_a_key_s_policy_are_events_too(self):
        key = json.loads(kms._create_key({})[2])["KeyMetadata"]["KeyId"]
        kms._put_key_policy({"KeyId": key, "Policy": POLICY})
        ecr._create_repository({"repositoryName": "another"})
        s3._create_bucket("another-trailed", b"", {})
        iam._IAM_HANDLERS["CreateRole"]({"RoleName": "another", "AssumeRolePolicyDocument": POLICY})
        names = [event["detail"]["eventName"] for event in self.sent]
        self.assertEqual(names, ["PutKeyPolicy", "CreateRepository", "CreateBucket", "CreateRole"])
        self.assertEqual(self.sent[0]["detail"]["requestParameters"]["keyId"], key)

    def test_what_was_refused_says_so(self):
        ecr._set_repository_policy({"repositoryName": "nowhere", "policyText": POLICY})
        s3._delete_bucket_policy("nowhere")
        iam._IAM_HANDLERS["UpdateAssumeRolePolicy"]({"RoleName": "nowhere", "PolicyDocument": POLICY})
        codes = [event["detail"]["errorCode"] for event in self.sent]
        self.assertEqual(codes, ["RepositoryNotFoundException", "NoSuchBucket", "NoSuchEntity"])

    def test_iam_is_heard_in_one_region_alone(self):
        cloudtrail._delete_trail({"Name": "all"})
        cloudtrail._create_trail({"Name": "all", "S3BucketName": "trailed", "IsMultiRegionTrail": True})
        cloudtrail._start_logging({"Name": "all"})
        with request_scope(get_account_id(), "eu-west-1"):
            CALLS["UpdateAssumeRolePolicy"]()
            ecr._create_repository({"repositoryName": "trailed"})
        self.assertEqual([event["region"] for event in self.sent], ["us-east-1", "eu-west-1"])

    def test_a_function_s_own_change_names_its_role(self):
        role = f"arn:aws:iam::{get_account_id()}:role/archipelago/statements/mine"
        function = {"config": {"Role": role}}
        for agent, issuer in ((f"aws-sdk-rust/1.3 app/{NAME} lang/rust", role), ("aws-cli/2", None)):
            with mock.patch.object(lambda_svc, "_functions", mock.Mock(get_scoped=lambda *_: function)):
                token = trail_rules.user_agent.set(agent)
                CALLS["SetRepositoryPolicy"]()
                trail_rules.user_agent.reset(token)
            identity = self.sent.pop()["detail"]["userIdentity"]
            self.assertEqual(identity.get("sessionContext", {}).get("sessionIssuer", {}).get("arn"), issuer)


class Targets(unittest.TestCase):
    def invoked(self, rule, **target):
        """What a function is handed by a rule, whose permission is for `one`."""
        arn = f"arn:aws:lambda:{REGION}:{get_account_id()}:function:{NAME}"
        rules = f"arn:aws:events:{REGION}:{get_account_id()}:rule"
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "lambda:InvokeFunction",
            "Resource": arn,
            "Condition": {"ArnLike": {"AWS:SourceArn": f"{rules}/one"}},
        }
        function, handed = {"policies": {None: {"Policy": json.dumps({"Statement": [statement]})}}}, []
        event = {"Source": "aws.ecr", "DetailType": trail_rules.DETAIL_TYPE, "Detail": '{"eventName": "x"}'}
        with (
            mock.patch.object(lambda_svc, "_functions", mock.Mock(get_scoped=lambda *_: function)),
            mock.patch.object(lambda_svc, "_get_func_record_for_ref", lambda _: (function, {}, NAME)),
            mock.patch.object(lambda_svc, "_execution_record_for_config", lambda *_: function),
            mock.patch.object(lambda_svc, "invoke_async_with_retry", lambda _, event: handed.append(event)),
        ):
            eventbridge._invoke_target({"Id": "function", "Arn": arn, **target}, event, {"Arn": f"{rules}/{rule}"})
        return handed

    def test_a_function_gets_the_event_or_the_input_of_the_rule_asynchronously(self):
        (event,) = self.invoked("one")
        self.assertEqual((event["detail-type"], event["detail"]), (trail_rules.DETAIL_TYPE, {"eventName": "x"}))
        self.assertEqual(self.invoked("one", Input='{"RequestType": "Reconcile"}'), [{"RequestType": "Reconcile"}])

    def test_a_function_whose_policy_lets_another_rule_in_gets_nothing(self):
        self.assertEqual(self.invoked("other"), [])


if __name__ == "__main__":
    unittest.main()
