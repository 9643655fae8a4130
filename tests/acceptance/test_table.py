"""That the table of beliefs and the lives are complete, and what the helpers of checks do."""

import contextlib
import io
import json
import math
import re
import unittest
from types import SimpleNamespace
from unittest import mock
from urllib.request import Request

from botocore.exceptions import ClientError

import beliefs
import echo
import refusal
from belief import SHORTLY, Belief
from beliefs import wording
from installation import ROOT
from lives import types
from outcome import CONFIRMED, CONTRADICTED, FAILED, NOT_TRIED, confirmed, contradicted, not_tried
from world import PREFIX, Stopped, _again

# The longest names that are made of a prefix: Lambda takes 64 characters, S3 63.
LONGEST_FUNCTION, LONGEST_BUCKET = 64, 63


def world(**more):
    return SimpleNamespace(**{"local": False, "make_accounts": False, "change_organization": False, **more})


def belief(check, **more):
    return Belief("X1", "Something holds", "a page", check, **more)


def denied(code):
    def check(_):
        raise ClientError({"Error": {"Code": code, "Message": "no"}}, "PutPolicy")

    return check


class TableTest(unittest.TestCase):
    def test_each_belief_has_an_id_of_its_own_a_sentence_and_a_source(self):
        ids = [each.id for each in beliefs.TABLE]
        self.assertEqual(len(ids), len(set(ids)))
        for each in beliefs.TABLE:
            with self.subTest(belief=each.id):
                self.assertRegex(each.id, r"^[A-Z]+\d+(-[a-z-]+)?[a-z0-9]*$")
                self.assertRegex(each.says, r"^[A-Z].+[^.]$")
                self.assertRegex(each.source, r"https://|\.rs")

    def test_every_kind_of_row_that_a_call_can_settle_is_there(self):
        rows = {re.match(r"[A-Z]+\d+", each.id)[0] for each in beliefs.TABLE}
        settled = "C1 C2 C7 O1 O2 O4 O5 O8 P1 P2 P3 P4 P5 P6 N1 N5"
        self.assertLessEqual(set(settled.split()), rows)

    def test_every_type_has_a_life(self):
        schemas = {path.stem for path in (ROOT / "schemas").glob("[A-Z]*.json")}
        self.assertEqual({life.type for life in types.ALL}, schemas)
        functions = {path.name for path in (ROOT / "handlers").iterdir()} - {"failure-responder"}
        self.assertEqual({life.function for life in types.ALL}, functions)


class PrefixTest(unittest.TestCase):
    def test_what_is_made_of_it_is_no_longer_than_may_be(self):
        longest = "a" * 20
        self.assertTrue(PREFIX.fullmatch(longest))
        self.assertFalse(PREFIX.fullmatch(longest + "a"))
        for life in types.ALL:
            self.assertLessEqual(len(f"{longest}-{life.function}"), LONGEST_FUNCTION)
        self.assertLessEqual(len(f"{longest}-functions-123456789012"), LONGEST_BUCKET)

    def test_what_services_refuse_is_no_prefix(self):
        for bad in (
            "aws-test",
            "ssm-test",
            "short",
            "Upper-case",
            "two--hyphens",
            "ends-in-one-",
            "archipelago",
            "1first",
        ):
            with self.subTest(bad=bad):
                self.assertFalse(PREFIX.fullmatch(bad))


class BeliefTest(unittest.TestCase):
    def test_what_the_local_aws_cannot_settle_is_not_tried_there(self):
        for check in (lambda _: contradicted("it takes it"), lambda _: not_tried("none"), denied("Throttling")):
            outcome = belief(check, local="has no such thing").settle(world(local=True))
            self.assertEqual((outcome.verdict, outcome.seen), (NOT_TRIED, "the local AWS has no such thing"))

    def test_an_exemption_that_the_local_aws_needs_no_more_is_found(self):
        outcome = belief(lambda _: confirmed("it does"), local="has no such thing").settle(world(local=True))
        self.assertEqual(outcome.verdict, FAILED)
        self.assertIn("needs no exemption", outcome.seen)
        self.assertEqual(belief(lambda _: confirmed("it does"), local="has none").settle(world()).verdict, CONFIRMED)

    def test_what_is_exempted_waits_for_nothing_long(self):
        waits = []

        def check(given):
            waits.append(given.longest_wait)
            return contradicted("it takes it")

        local = world(local=True, longest_wait=math.inf)
        belief(check, local="has no such thing").settle(local)
        self.assertEqual((waits, local.longest_wait), ([SHORTLY], math.inf))

    def test_what_needs_a_flag_is_not_tried_without_it(self):
        for need in ("--make-accounts", "--change-organization"):
            outcome = belief(lambda _: self.fail(), needs=(need,)).settle(world())
            self.assertEqual((outcome.verdict, outcome.seen), (NOT_TRIED, f"it needs {need}"))

    def test_a_profile_that_may_not_call_contradicts_nothing(self):
        self.assertEqual(belief(denied("AccessDeniedException")).settle(world()).verdict, NOT_TRIED)

    def test_a_check_that_ends_otherwise_has_failed(self):
        self.assertEqual(belief(denied("Throttling")).settle(world()).verdict, FAILED)
        self.assertEqual(belief(lambda _: {}["x"]).settle(world()).verdict, FAILED)

    def test_a_run_that_stops_contradicts_nothing(self):
        def stopped(_):
            raise Stopped

        self.assertEqual(belief(stopped).settle(world()).verdict, NOT_TRIED)

    def test_failures_and_contradictions_are_not_good(self):
        good = {verdict: SimpleNamespace(verdict=verdict) for verdict in (CONFIRMED, NOT_TRIED, CONTRADICTED, FAILED)}
        judged = {name: type(confirmed("")).is_good.fget(each) for name, each in good.items()}
        self.assertEqual(judged, {CONFIRMED: True, NOT_TRIED: True, CONTRADICTED: False, FAILED: False})


class RefusalTest(unittest.TestCase):
    def test_code_and_words_are_told(self):
        refused = refusal.of(lambda: denied("MalformedPolicy")(None))
        self.assertEqual(str(refused), "MalformedPolicy: no")
        self.assertTrue(refused.says("never", "no"))

    def test_a_call_that_is_taken_has_none(self):
        taken = refusal.of(lambda: None)
        self.assertIsNone(taken.code)
        self.assertFalse(taken.says("taken"))

    def test_a_reason_is_told_where_there_is_one(self):
        error = ClientError({"Error": {"Code": "X", "Message": "no"}, "Reason": "SERVICE_ACCESS_NOT_ENABLED"}, "Call")
        refused = refusal.of(mock.Mock(side_effect=error))
        self.assertEqual(str(refused), "X (SERVICE_ACCESS_NOT_ENABLED): no")

    def test_who_met_another_call_is_asked_again_for_a_while(self):
        def met(code):
            return (None, {"Error": {"Code": code}})

        self.assertEqual(_again(met("ConcurrentModificationException"), attempts=1), 2)
        self.assertIsNone(_again(met("ConcurrentModificationException"), attempts=30))
        self.assertIsNone(_again(met("DuplicateOrganizationalUnitException"), attempts=1))
        self.assertIsNone(_again(None, attempts=1))


class WordingTest(unittest.TestCase):
    PUT = (
        {"Sid": "A", "Principal": {"AWS": "123456789012"}, "Action": ["s3:Get"], "Condition": {"Bool": {"x": True}}},
        {"Sid": "B", "Principal": {"AWS": "123456789012"}, "Action": "s3:Put", "Condition": {}},
    )
    SHOWN = (
        {
            "Sid": "A",
            "Principal": {"AWS": "arn:aws:iam::123456789012:root"},
            "Action": "s3:get",
            "Condition": {"Bool": {"X": "true"}},
        },
        {"Sid": "B", "Principal": {"AWS": "arn:aws:iam::123456789012:root"}, "Action": "s3:Put"},
    )

    def test_other_words_mean_the_same(self):
        self.assertEqual(wording.meaning(self.PUT), wording.meaning(self.SHOWN))

    def test_another_order_or_value_does_not(self):
        self.assertNotEqual(wording.meaning(self.PUT), wording.meaning(self.SHOWN[::-1]))
        other = ({**self.SHOWN[0], "Action": "s3:List"}, self.SHOWN[1])
        self.assertNotEqual(wording.meaning(self.PUT), wording.meaning(other))

    def test_differences_are_told_without_an_account_in_them(self):
        said = wording.differences(self.PUT, self.SHOWN)
        self.assertIn("Principal is {AWS: an account's id} and shown as {AWS: a root's ARN}", said)
        self.assertIn("Condition is {} and shown as absent", said)
        self.assertNotIn("123456789012", json.dumps(said))


URL = "https://bucket.s3.amazonaws.com/arn?X-Amz-Date=20261130T000000Z&X-Amz-Expires=7200&X-Amz-Signature=secret"
EVENT = {
    "ResponseURL": URL,
    "StackId": "stack",
    "RequestId": "request",
    "LogicalResourceId": "Echo",
    "ResourceProperties": {"ServiceToken": "token", "Answers": "yes", "Count": "3"},
}


class EchoTest(unittest.TestCase):
    def test_it_fits_into_a_template(self):
        self.assertLessEqual(len((ROOT / "tests/acceptance/echo.py").read_bytes()), 4096)

    def test_it_answers_its_properties_and_tells_no_secret(self):
        printed = io.StringIO()
        with mock.patch("urllib.request.urlopen") as put, contextlib.redirect_stdout(printed):
            echo.handler(EVENT, None)
        request = put.call_args.args[0]
        self.assertIsInstance(request, Request)
        answer = json.loads(request.data)
        self.assertEqual(json.loads(answer["Data"]["Properties"]), {"Answers": "yes", "Count": "3"})
        self.assertEqual(json.loads(answer["Data"]["Url"])["host"], "bucket.s3.amazonaws.com")
        self.assertNotIn("secret", request.data.decode() + printed.getvalue())


if __name__ == "__main__":
    unittest.main()
