"""That who may do what is told as the policy says it."""

import json
import unittest

from botocore.exceptions import ClientError

import grants

NAMES = {"111111111111": "tooling", "222222222222": "app", "ou-abcd-12345678": "Workloads/Production/app"}
PULL = {
    "Sid": "Pull",
    "Effect": "Allow",
    "Principal": {"AWS": "arn:aws:iam::222222222222:root"},
    "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
    "Condition": {
        "ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::222222222222:role/app-task-execution"},
        "StringEquals": {"kms:ViaService": "ecr.us-east-1.amazonaws.com"},
    },
}
INSECURE = {
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:*",
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}


class Grants(unittest.TestCase):
    def told(self, *statements):
        policy = {"Version": "2012-10-17", "Statement": list(statements)}
        return grants.read(lambda: json.dumps(policy), NAMES)

    def test_a_role_that_a_condition_names_is_who_may(self):
        (grant,) = self.told(PULL)
        self.assertEqual(grant.who, ("role/app-task-execution of app",))
        self.assertEqual(
            " ".join(str(grant).split()),
            "role/app-task-execution of app Pull may ecr:BatchGetImage, ecr:GetDownloadUrlForLayer "
            "if kms:ViaService is ecr.us-east-1.amazonaws.com",
        )

    def test_accounts_have_their_names_and_strangers_their_ids(self):
        principals = ["arn:aws:iam::111111111111:root", "222222222222", "arn:aws:iam::444444444444:user/bob"]
        (grant,) = self.told({"Effect": "Allow", "Principal": {"AWS": principals}, "Action": "kms:*"})
        self.assertEqual(grant.who, ("tooling", "app", "user/bob of 444444444444"))

    def test_what_is_denied_to_everybody_is_said_so(self):
        (grant,) = self.told(INSECURE)
        self.assertEqual((grant.who, grant.verb), (("everybody",), "may not"))
        self.assertIn("if aws:SecureTransport is false", str(grant))

    def test_a_condition_that_asks_for_more_than_equality_keeps_its_operator(self):
        (grant,) = self.told({**PULL, "Condition": {"StringLike": {"aws:PrincipalOrgPaths": ["o-a/*", "o-b/*"]}}})
        self.assertEqual(grant.who, ("app",))
        self.assertEqual(grant.conditions, ("aws:PrincipalOrgPaths StringLike o-a/* or o-b/*",))

    def test_units_have_their_names_and_strange_ones_their_paths(self):
        for unit, said in (
            ("ou-abcd-12345678", "in Workloads/Production/app"),
            ("ou-abcd-87654321", "aws:PrincipalOrgPaths ForAnyValue:StringLike o-a/r-abcd/*ou-abcd-87654321/*"),
        ):
            paths = {"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": [f"o-a/r-abcd/*{unit}/*"]}}
            (grant,) = self.told({**PULL, "Condition": {**PULL["Condition"], **paths}})
            self.assertEqual(grant.conditions[-1], said)

    def test_where_there_is_no_policy_nobody_may(self):
        def missing():
            raise ClientError({"Error": {"Code": "RepositoryPolicyNotFoundException"}}, "GetRepositoryPolicy")

        self.assertEqual(grants.entries(grants.read(missing, NAMES)), ["(nobody)"])

    def test_a_refusal_is_not_taken_for_a_policy_that_is_not_there(self):
        def refused():
            raise ClientError({"Error": {"Code": "AccessDeniedException"}}, "GetRepositoryPolicy")

        with self.assertRaises(ClientError):
            grants.read(refused, NAMES)


if __name__ == "__main__":
    unittest.main()
