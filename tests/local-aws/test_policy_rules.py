"""What ECR, KMS, S3 and IAM refuse of policies."""

import json
import unittest
from unittest import mock

from ministack.services import ecr, iam, kms, s3

import policy_rules

CLOSED = "444444444444"
ROOT = f"arn:aws:iam::{CLOSED}:root"


def statement(**elements):
    return {"Effect": "Allow", "Principal": {"AWS": "222222222222"}, "Action": "a:b", "Resource": "*", **elements}


def policy(*statements, filling=0):
    return json.dumps({"Version": "2012-10-17", "Id": "x" * filling, "Statement": statements}, indent=1)


class Policies(unittest.TestCase):
    def setUp(self):
        self.enterContext(mock.patch.object(policy_rules, "is_closed", lambda account: account == CLOSED))
        ecr._create_repository({"repositoryName": "app"})
        s3._create_bucket("artifacts", b"", {})
        iam._create_role({"RoleName": "deploy", "AssumeRolePolicyDocument": policy(statement())})
        made = json.loads(kms._create_key({"Policy": policy(statement())})[2])
        self.key = made["KeyMetadata"]["KeyId"]
        self.puts = {
            "ecr": lambda text: ecr._set_repository_policy({"repositoryName": "app", "policyText": text}),
            "kms": lambda text: kms._put_key_policy({"KeyId": self.key, "Policy": text}),
            "s3": lambda text: s3._put_bucket_policy("artifacts", text.encode()),
            "trust": lambda text: iam._IAM_HANDLERS["UpdateAssumeRolePolicy"](
                {"RoleName": "deploy", "PolicyDocument": text}
            ),
        }

    def refused(self, put, text):
        status, _, body = put(text)
        self.assertGreaterEqual(status, 400, body)
        return body.decode() if isinstance(body, bytes) else body

    def test_a_policy_may_be_so_large_without_its_white_space(self):
        for name, most in (("kms", 32768), ("s3", 20480), ("trust", 2048)):
            room = most - policy_rules._size(policy(statement()))
            self.assertLess(self.puts[name](policy(statement(), filling=room))[0], 300, name)
            self.refused(self.puts[name], policy(statement(), filling=room + 1))

    def test_ecr_takes_so_many_characters(self):
        room = 10240 - len(policy(statement()))
        self.assertLess(self.puts["ecr"](policy(statement(), filling=room))[0], 300)
        words = self.refused(self.puts["ecr"], policy(statement(), filling=room + 1))
        self.assertIn("length less than or equal to 10240", words)

    def test_all_inline_policies_of_a_role_share_a_limit(self):
        put = iam._IAM_HANDLERS["PutRolePolicy"]
        request = {"RoleName": "deploy", "PolicyName": "one"}
        allowed = {"Effect": "Allow", "Action": "a:b", "Resource": "*"}
        half = {"PolicyDocument": policy(allowed, filling=6000)}
        self.assertEqual(put({**request, **half})[0], 200)
        self.assertEqual(put({**request, **half})[0], 200)
        self.assertEqual(put({**request, **half, "PolicyName": "two"})[0], 409)

    def test_kms_takes_no_statement_without_an_action_or_with_another_resource(self):
        for elements in ({"Resource": "arn:aws:kms:us-east-1:1:key/a"}, {"Resource": None}):
            self.assertIn("Malformed", self.refused(self.puts["kms"], policy(statement(), statement(**elements))))
        without = statement()
        del without["Action"]
        self.assertIn("Malformed", self.refused(self.puts["kms"], policy(without)))
        self.assertEqual(kms._create_key({"Policy": policy(without)})[0], 400)
        self.assertEqual(self.puts["kms"](policy(statement(Resource=["*"])))[0], 200)

    def test_accounts_that_were_closed_are_unknown(self):
        for principal in (CLOSED, ROOT, f"arn:aws:iam::{CLOSED}:role/a"):
            text = policy(statement(), statement(Principal={"AWS": ["222222222222", principal]}))
            self.assertIn("Principal not found", self.refused(self.puts["ecr"], text))
            self.assertIn("one or more invalid principals", self.refused(self.puts["kms"], text))
            self.assertIn(f"<Detail>{principal}</Detail>", self.refused(self.puts["s3"], text))
            self.assertIn(f'"AWS":"{principal}"', self.refused(self.puts["trust"], text))

    def test_s3_shows_the_roots_of_accounts_that_are_principals_and_leaves_conditions_as_they_are(self):
        source = {"StringEquals": {"aws:SourceAccount": "222222222222"}}
        service = statement(Principal={"Service": "events.amazonaws.com"}, Condition=source)
        self.puts["s3"](policy(statement(), statement(Principal={"AWS": ["222222222222", "*"]}), service))
        shown = json.loads(s3._get_bucket_policy("artifacts")[2])["Statement"]
        root = "arn:aws:iam::222222222222:root"
        self.assertEqual([each["Principal"].get("AWS") for each in shown], [root, [root, "*"], None])
        self.assertEqual(shown[2]["Condition"], source)


if __name__ == "__main__":
    unittest.main()
