"""That a function, and each of its aliases, has a policy that is written whole or by statements, as in Lambda."""

import json
import unittest

from lambda_case import FUNCTION, NAME, LambdaCase
from moto_case import MANAGEMENT, STANDALONE

ALIAS = f"{FUNCTION}:caller-{STANDALONE}"
OTHER = "00000000-0000-0000-0000-000000000000"


def statement(sid="Unit", resource=ALIAS, **elements):
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": "lambda:InvokeFunction",
        "Resource": resource,
        "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-exampleorgid"}},
        **elements,
    }


def policy(*statements, filling=0):
    return json.dumps({"Version": "2012-10-17", "Id": "x" * filling, "Statement": statements})


class FunctionPolicies(LambdaCase):
    def setUp(self):
        super().setUp()
        self.lambda_ = self.functions()
        for name in (STANDALONE, MANAGEMENT):
            self.lambda_.create_alias(FunctionName=NAME, Name=f"caller-{name}", FunctionVersion="$LATEST")

    def put(self, text, arn=ALIAS, **more):
        return self.lambda_.put_resource_policy(ResourceArn=arn, Policy=text, **more)

    def add(self, sid, principal=STANDALONE, **more):
        request = {"FunctionName": NAME, "Qualifier": f"caller-{STANDALONE}", "Action": "lambda:InvokeFunction"}
        added = self.lambda_.add_permission(StatementId=sid, Principal=principal, **{**request, **more})
        return json.loads(added["Statement"])

    def remove(self, sid, **more):
        self.lambda_.remove_permission(FunctionName=NAME, Qualifier=f"caller-{STANDALONE}", StatementId=sid, **more)

    def shown(self, arn=ALIAS):
        return self.lambda_.get_resource_policy(ResourceArn=arn)

    def sids(self, arn=ALIAS):
        return [each["Sid"] for each in json.loads(self.shown(arn)["Policy"])["Statement"]]

    def test_a_policy_is_kept_as_it_was_put_and_each_writing_is_another_revision(self):
        text = policy(statement())
        made = self.put(text)
        self.assertEqual(made["Policy"], text)
        shown = self.shown()
        self.assertEqual((shown["Policy"], shown["RevisionId"]), (text, made["RevisionId"]))
        self.assertNotEqual(self.put(text)["RevisionId"], made["RevisionId"])

    def test_both_ways_of_writing_and_reading_are_about_the_same_document(self):
        self.add("first")
        self.put(policy(statement("second")))
        self.assertEqual(self.sids(), ["second"])
        self.add("third")
        self.assertEqual(self.sids(), ["second", "third"])
        read = self.lambda_.get_policy(FunctionName=NAME, Qualifier=f"caller-{STANDALONE}")
        shown = self.shown()
        self.assertEqual((read["Policy"], read["RevisionId"]), (shown["Policy"], shown["RevisionId"]))
        self.remove("second")
        self.assertEqual(self.sids(), ["third"])
        self.remove("third")
        for call, request in (
            (self.lambda_.get_resource_policy, {"ResourceArn": ALIAS}),
            (self.lambda_.delete_resource_policy, {"ResourceArn": ALIAS}),
            (self.lambda_.get_policy, {"FunctionName": ALIAS}),
            (self.lambda_.remove_permission, {"FunctionName": ALIAS, "StatementId": "third"}),
        ):
            self.assertEqual(self.refused(call, **request), "ResourceNotFoundException")

    def test_each_alias_has_a_policy_of_its_own_and_so_has_the_function(self):
        other = f"{FUNCTION}:caller-{MANAGEMENT}"
        for qualifier in ({"Qualifier": f"caller-{MANAGEMENT}"}, {}):
            request = {"StatementId": "same", "Principal": STANDALONE, "Action": "lambda:InvokeFunction", **qualifier}
            self.lambda_.add_permission(FunctionName=NAME, **request)
        self.add("same")
        self.put(policy(statement("unit")))
        self.assertEqual((self.sids(), self.sids(other), self.sids(FUNCTION)), (["unit"], ["same"], ["same"]))
        self.lambda_.delete_resource_policy(ResourceArn=other)
        self.assertEqual((self.sids(), self.sids(FUNCTION)), (["unit"], ["same"]))

    def test_a_statement_id_is_used_once_in_a_policy_and_one_that_is_not_there_is_told(self):
        self.put(policy(statement("unit")))
        with self.assertRaises(self.lambda_.exceptions.ResourceConflictException):
            self.add("unit")
        with self.assertRaises(self.lambda_.exceptions.ResourceNotFoundException):
            self.remove("other")

    def test_a_revision_that_is_not_the_latest_is_refused_in_every_writing(self):
        for kept in (None, self.put(policy(statement("unit")))["RevisionId"]):
            for write in (
                lambda revision: self.put(policy(statement()), RevisionId=revision),
                lambda revision: self.add("more", RevisionId=revision),
            ):
                with self.assertRaises(self.lambda_.exceptions.PreconditionFailedException) as raised:
                    write(OTHER)
                self.assertEqual(raised.exception.response["ResponseMetadata"]["HTTPStatusCode"], 412)
            if kept is None:
                continue
            with self.assertRaises(self.lambda_.exceptions.PreconditionFailedException):
                self.remove("unit", RevisionId=OTHER)
            stale = {"ResourceArn": ALIAS, "RevisionId": OTHER}
            self.assertEqual(self.refused(self.lambda_.delete_resource_policy, **stale), "PreconditionFailedException")
            self.assertEqual(self.sids(), ["unit"])
        kept = self.put(policy(statement("unit")), RevisionId=kept)["RevisionId"]
        self.add("more", RevisionId=kept)
        self.remove("more", RevisionId=self.shown()["RevisionId"])
        self.lambda_.delete_resource_policy(ResourceArn=ALIAS, RevisionId=self.shown()["RevisionId"])

    def test_what_is_not_a_policy_of_the_resource_is_refused(self):
        without = statement()
        del without["Principal"]
        for text in (
            "{",
            "[]",
            "{}",
            policy(),
            policy(statement(Effect="allow")),
            policy(without),
            policy(statement(resource=FUNCTION)),
            policy(statement(resource=[ALIAS, f"{FUNCTION}:caller-{MANAGEMENT}"])),
            policy(statement(resource="*")),
            policy(statement(), statement(Resource=[])),
        ):
            request = {"ResourceArn": ALIAS, "Policy": text}
            code = self.refused(self.lambda_.put_resource_policy, **request)
            self.assertEqual(code, "InvalidParameterValueException", text)
        self.put(policy(statement(resource=[FUNCTION, f"{FUNCTION}:*"])), arn=FUNCTION)

    def test_a_policy_for_everybody_without_a_condition_is_refused(self):
        for principal in ("*", {"AWS": "*"}, {"AWS": ["*"]}):
            request = {"ResourceArn": ALIAS, "Policy": policy(statement(Principal=principal, Condition={}))}
            self.assertEqual(self.refused(self.lambda_.put_resource_policy, **request), "PublicPolicyException")

    def test_a_policy_may_be_so_long_however_it_is_written(self):
        room = 20480 - len(policy(statement()))
        self.put(policy(statement(), filling=room))
        too_long = {"ResourceArn": ALIAS, "Policy": policy(statement(), filling=room + 1)}
        self.assertEqual(self.refused(self.lambda_.put_resource_policy, **too_long), "PolicyLengthExceededException")
        with self.assertRaisesRegex(
            self.lambda_.exceptions.PolicyLengthExceededException, r"is bigger than the limit \(20480\)"
        ):
            self.add("more")
        self.assertEqual(self.sids(), ["Unit"])

    def test_what_is_not_there_has_no_policy_and_gets_none(self):
        for arn in (
            f"{FUNCTION}:nothing",
            FUNCTION.replace(NAME, "other"),
            ALIAS.replace("us-east-1", "eu-west-1"),
        ):
            for call, more in (
                (self.lambda_.put_resource_policy, {"Policy": policy(statement(resource=arn))}),
                (self.lambda_.get_resource_policy, {}),
                (self.lambda_.delete_resource_policy, {}),
            ):
                self.assertEqual(self.refused(call, ResourceArn=arn, **more), "ResourceNotFoundException", arn)

    def test_another_account_s_function_is_not_for_those_who_have_no_permission(self):
        with self.assertRaisesRegex(
            Exception, rf"not authorized to perform: lambda:GetResourcePolicy on resource: {ALIAS} because no resource"
        ):
            self.functions(STANDALONE).get_resource_policy(ResourceArn=ALIAS)

    def test_the_version_latest_gets_no_policy(self):
        latest = f"{FUNCTION}:$LATEST"
        request = {"ResourceArn": latest, "Policy": policy(statement(resource=latest))}
        self.assertEqual(self.refused(self.lambda_.put_resource_policy, **request), "InvalidParameterValueException")
        with self.assertRaises(self.lambda_.exceptions.InvalidParameterValueException):
            self.add("latest", Qualifier="$LATEST")

    def test_an_account_becomes_its_root_and_conditions_are_those_that_were_asked_for(self):
        added = self.add("one", PrincipalOrgID="o-exampleorgid")
        self.assertEqual(
            added,
            {
                "Sid": "one",
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{STANDALONE}:root"},
                "Action": "lambda:InvokeFunction",
                "Resource": ALIAS,
                "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-exampleorgid"}},
            },
        )
        rule = "arn:aws:events:us-east-1:111111111111:rule/one"
        added = self.add("two", "events.amazonaws.com", SourceArn=rule, SourceAccount=STANDALONE)
        self.assertEqual(added["Principal"], {"Service": "events.amazonaws.com"})
        self.assertEqual(
            added["Condition"],
            {"ArnLike": {"AWS:SourceArn": rule}, "StringEquals": {"AWS:SourceAccount": STANDALONE}},
        )
        self.assertEqual(self.add("three", "*", PrincipalOrgID="o-exampleorgid")["Principal"], "*")

    def test_an_account_that_was_closed_is_an_invalid_principal_in_all_that_is_written(self):
        closed = self.member()
        self.add("closed", closed)
        self.organizations.close_account(AccountId=closed)
        self.clock.now += 1
        with self.assertRaisesRegex(
            self.lambda_.exceptions.InvalidParameterValueException, "The provided principal was invalid"
        ):
            self.add("another")
        request = {"ResourceArn": ALIAS, "Policy": policy(statement(Principal={"AWS": closed}))}
        self.assertEqual(self.refused(self.lambda_.put_resource_policy, **request), "InvalidParameterValueException")
        self.remove("closed")
        self.add("another")


if __name__ == "__main__":
    unittest.main()
