"""DynamoDB in ministack, with the rules, asked as the functions ask it: run with the servers' Python."""

import json
import threading
import unittest
from unittest import mock

from ministack.services import dynamodb

import table_rules  # noqa: F401

TABLE = "ledger"
TEXTS = ("Policy", "Item", "Type")


def key(item, policy="app"):
    return {"Policy": {"S": policy}, "Item": {"S": item}}


def values(**values):
    return {f":{name}": {"S": value} for name, value in values.items()}


def update(item, expression, condition=None, **more):
    request = {"TableName": TABLE, "Key": key(item), "UpdateExpression": expression, **more}
    return request if condition is None else {**request, "ConditionExpression": condition}


def sets(item, text, **more):
    return update(item, "SET A = :a", ExpressionAttributeValues=values(a=text), **more)


class Tables(unittest.TestCase):
    def setUp(self):
        dynamodb.reset()
        by_type = {
            "IndexName": "ByType",
            "KeySchema": [
                {"AttributeName": "Type", "KeyType": "HASH"},
                {"AttributeName": "Policy", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        }
        self.done(
            dynamodb._create_table,
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in TEXTS],
            KeySchema=[
                {"AttributeName": "Policy", "KeyType": "HASH"},
                {"AttributeName": "Item", "KeyType": "RANGE"},
            ],
            GlobalSecondaryIndexes=[by_type],
        )

    def asked(self, operation, **request):
        status, _, body = operation(request)
        return status, json.loads(body)

    def done(self, operation, **request):
        status, answer = self.asked(operation, **request)
        self.assertEqual(status, 200, answer)
        return answer

    def refused(self, operation, **request):
        status, answer = self.asked(operation, **request)
        self.assertEqual(status, 400, answer)
        return answer

    def invalid(self, operation, **request):
        answer = self.refused(operation, **request)
        self.assertEqual(answer["__type"], "ValidationException")
        return answer["message"]

    def item(self, item):
        return self.done(dynamodb._get_item, TableName=TABLE, Key=key(item), ConsistentRead=True).get("Item")

    def query(self, more_values=None, **more):
        return {
            "TableName": TABLE,
            "KeyConditionExpression": "Policy = :p",
            "ExpressionAttributeValues": values(p="app", **more_values or {}),
            **more,
        }


class Writes(Tables):
    def test_an_update_returns_the_item_as_it_was_or_is_and_makes_it(self):
        self.assertEqual(self.done(dynamodb._update_item, **sets("lease", "one", ReturnValues="ALL_OLD")), {})
        was = self.done(dynamodb._update_item, **sets("lease", "two", ReturnValues="ALL_OLD"))["Attributes"]
        self.assertEqual(was["A"], {"S": "one"})
        now = self.done(dynamodb._update_item, **sets("lease", "three", ReturnValues="ALL_NEW"))["Attributes"]
        self.assertEqual(now, {**key("lease"), "A": {"S": "three"}})

    def test_a_condition_that_is_not_met_shows_the_item_to_whoever_asks(self):
        self.done(dynamodb._update_item, **sets("lease", "one"))
        first = sets("lease", "two", condition="attribute_not_exists(A)")
        self.assertNotIn("Item", self.refused(dynamodb._update_item, **first))
        shown = self.refused(dynamodb._update_item, **first, ReturnValuesOnConditionCheckFailure="ALL_OLD")
        self.assertEqual(shown["__type"], "ConditionalCheckFailedException")
        self.assertEqual(shown["Item"]["A"], {"S": "one"})

    def test_one_place_is_named_once_in_an_update(self):
        self.done(dynamodb._update_item, **update("lease", "SET M = :m", ExpressionAttributeValues={":m": {"M": {}}}))
        for expression, words in (
            ("SET A = :a REMOVE A", "Two document paths overlap"),
            ("SET M.B = :a, M = :a", "Two document paths overlap"),
            ("SET A = :a SET B = :a", 'The "SET" section can only be used once'),
        ):
            asked = update("lease", expression, ExpressionAttributeValues=values(a="one"))
            self.assertIn(words, self.invalid(dynamodb._update_item, **asked))
        self.assertEqual(self.item("lease"), {**key("lease"), "M": {"M": {}}})

    def test_what_is_in_a_map_needs_the_map_but_need_not_be_there(self):
        given = {":m": {"M": {"order": {"S": "one"}}}}
        self.done(dynamodb._update_item, **update("lease", "SET wish = :m", ExpressionAttributeValues=given))
        names = {"#w": "wish", "#o": "order", "#none": "none"}
        asked = update("lease", "SET #w.#o = :o REMOVE #w.#none", ExpressionAttributeNames=names)
        self.done(dynamodb._update_item, **asked, ExpressionAttributeValues=values(o="two"))
        self.assertEqual(self.item("lease")["wish"], {"M": {"order": {"S": "two"}}})
        for expression, given in (("REMOVE M.B", {}), ("SET M.B = :a", {"ExpressionAttributeValues": values(a="one")})):
            words = self.invalid(dynamodb._update_item, **update("lease", expression, **given))
            self.assertIn("is invalid for update", words)

    def test_a_placeholder_is_not_used_by_a_longer_one(self):
        asked = update("lease", "SET A = :ab", ExpressionAttributeValues=values(a="one", ab="two"))
        self.assertIn("unused in expressions: keys: {:a}", self.invalid(dynamodb._update_item, **asked))
        asked = update("lease", "REMOVE #ab", ExpressionAttributeNames={"#a": "A", "#ab": "AB"})
        self.assertIn("unused in expressions: keys: {#a}", self.invalid(dynamodb._update_item, **asked))

    def test_writes_and_reads_exclude_the_deletion_of_expired_items(self):
        normalize, free = dynamodb._normalize_table_name, []

        def from_another_thread():
            is_free = dynamodb._lock.acquire(blocking=False)
            free.append(is_free)
            if is_free:
                dynamodb._lock.release()

        def in_the_middle(name):
            other = threading.Thread(target=from_another_thread)
            other.start()
            other.join()
            return normalize(name)

        for operation, request in (
            (dynamodb._update_item, sets("lease", "one")),
            (dynamodb._put_item, {"TableName": TABLE, "Item": key("claim 1")}),
            (dynamodb._delete_item, {"TableName": TABLE, "Key": key("claim 1")}),
            (dynamodb._transact_write_items, {"TransactItems": [{"Update": sets("lease", "two")}]}),
            (dynamodb._query, self.query()),
            (dynamodb._get_item, {"TableName": TABLE, "Key": key("lease")}),
            (dynamodb._batch_get_item, {"RequestItems": {TABLE: {"Keys": [key("lease"), key("claim 1")]}}}),
        ):
            free.clear()
            with mock.patch.object(dynamodb, "_normalize_table_name", in_the_middle):
                self.done(operation, **request)
            self.assertEqual(set(free), {False}, operation)


class Transactions(Tables):
    def test_a_transaction_is_done_as_a_whole_or_cancelled_with_a_reason_for_each_item(self):
        self.done(dynamodb._update_item, **sets("lease", "held"))
        held = {"TableName": TABLE, "Key": key("lease"), "ConditionExpression": "attribute_exists(A)"}
        first = sets("claim 1", "one", condition="attribute_not_exists(A)")
        actions = [
            {"ConditionCheck": held},
            {"Update": {**first, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}},
            {"Update": sets("claim 2", "two")},
        ]
        self.done(dynamodb._transact_write_items, TransactItems=actions)
        self.done(dynamodb._update_item, **sets("claim 2", "changed"))
        cancelled = self.refused(dynamodb._transact_write_items, TransactItems=actions)
        self.assertEqual(cancelled["__type"], "TransactionCanceledException")
        self.assertIn("[None, ConditionalCheckFailed, None]", cancelled["Message"])
        reasons = cancelled["CancellationReasons"]
        self.assertEqual([reason["Code"] for reason in reasons], ["None", "ConditionalCheckFailed", "None"])
        self.assertEqual(reasons[1]["Item"]["A"], {"S": "one"})
        self.assertEqual(self.item("claim 2")["A"], {"S": "changed"})

    def test_an_item_that_grows_too_large_cancels_a_transaction(self):
        actions = [{"Update": sets("lease", "one")}, {"Update": sets("claim 1", "x" * 410_000)}]
        cancelled = self.refused(dynamodb._transact_write_items, TransactItems=actions)
        self.assertIn("[None, ValidationError]", cancelled["Message"])
        self.assertIsNone(self.item("lease"))

    def test_two_actions_on_one_item_are_refused(self):
        held = {"TableName": TABLE, "Key": key("lease"), "ConditionExpression": "attribute_not_exists(A)"}
        actions = [{"ConditionCheck": held}, {"Update": sets("lease", "one")}]
        words = self.invalid(dynamodb._transact_write_items, TransactItems=actions)
        self.assertEqual(words, "Transaction request cannot include multiple operations on one item")

    def test_no_item_gets_another_key(self):
        self.done(dynamodb._update_item, **sets("lease", "one"))
        names = {"#i": "Item"}
        asked = update("lease", "SET #i = :a", ExpressionAttributeNames=names, ExpressionAttributeValues=values(a="x"))
        words = self.invalid(dynamodb._transact_write_items, TransactItems=[{"Update": asked}])
        self.assertIn("This attribute is part of the key", words)
        self.assertEqual(self.item("lease")["A"], {"S": "one"})


class Callers(Tables):
    """The items of a caller: a grant for each owner, and a lease."""

    def put(self, item, **more):
        self.done(dynamodb._put_item, TableName=TABLE, Item={**key(item), **more})

    def delete(self, item, **more):
        return dynamodb._delete_item({"TableName": TABLE, "Key": key(item), **more})

    def lease(self, holder, now, until):
        named = {"ExpressionAttributeNames": {"#holder": "Holder", "#until": "Until"}}
        given = {**values(holder=holder), ":now": {"N": str(now)}, ":until": {"N": str(until)}}
        asked = update(
            "lease",
            "SET #holder = :holder, #until = :until",
            "attribute_not_exists(#until) OR #until < :now OR #holder = :holder",
            ExpressionAttributeValues=given,
            **named,
        )
        return dynamodb._update_item(asked)[0]

    def test_the_grants_of_a_caller_are_read_without_its_lease_and_without_those_of_others(self):
        for item in ("grant 1", "grant 2", "lease"):
            self.put(item, Grant={"S": item})
        self.done(dynamodb._put_item, TableName=TABLE, Item={**key("grant 3", "another")})
        asked = self.query({"g": "grant "}, ConsistentRead=True)
        asked["KeyConditionExpression"] += " AND begins_with(#i, :g)"
        found = self.done(dynamodb._query, **asked, ExpressionAttributeNames={"#i": "Item"})["Items"]
        self.assertEqual([item["Item"]["S"] for item in found], ["grant 1", "grant 2"])
        # What is put takes the place of all that was there.
        self.put("grant 1", Other={"S": "x"})
        self.assertNotIn("Grant", self.item("grant 1"))
        self.assertEqual(self.delete("grant 1")[0], 200)
        self.assertIsNone(self.item("grant 1"))
        self.assertEqual(self.delete("grant 1")[0], 200)

    def test_a_lease_is_one_s_until_it_ends_or_is_given_back(self):
        self.assertEqual([self.lease("one", 10, 70), self.lease("one", 20, 80)], [200, 200])
        self.assertEqual([self.lease("two", 80, 140), self.lease("two", 81, 141)], [400, 200])
        held = {"ConditionExpression": "Holder = :h", "ExpressionAttributeValues": values(h="one")}
        status, _, body = self.delete("lease", **held)
        self.assertEqual((status, json.loads(body)["__type"]), (400, "ConditionalCheckFailedException"))
        held["ExpressionAttributeValues"] = values(h="two")
        self.assertEqual(self.delete("lease", **held)[0], 200)
        # It may be gone already.
        self.assertEqual(self.delete("lease", **held)[0], 400)
        self.assertEqual(self.lease("one", 90, 150), 200)


class Queries(Tables):
    def test_a_consistent_query_is_answered_in_pages_of_a_megabyte_before_its_filter(self):
        for number in range(3):
            self.done(dynamodb._update_item, **sets(f"claim {number}", "x" * 390_000))
        asked = self.query(ConsistentRead=True, FilterExpression="attribute_not_exists(A)")
        page = self.done(dynamodb._query, **asked)
        self.assertEqual((page["Items"], page["ScannedCount"]), ([], 2))
        self.assertEqual(page["LastEvaluatedKey"], key("claim 1"))
        last = self.done(dynamodb._query, **asked, ExclusiveStartKey=page["LastEvaluatedKey"])
        self.assertEqual(last["ScannedCount"], 1)
        self.assertNotIn("LastEvaluatedKey", last)

    def test_a_filter_names_no_key(self):
        for name, given in (("Item", {}), ("#i", {"ExpressionAttributeNames": {"#i": "Item"}})):
            asked = self.query({"i": "lease"}, FilterExpression=f"{name} = :i", **given)
            words = self.invalid(dynamodb._query, **asked)
            self.assertIn("can only contain non-primary key attributes", words)
        self.done(dynamodb._query, **self.query({"i": "lease"}, FilterExpression="A.Item = :i"))

    def test_the_index_has_the_keys_of_items_with_a_type_and_no_consistent_reads(self):
        self.done(dynamodb._update_item, **sets("claim 1", "one"))
        names = {"#t": "Type"}
        asked = update("lease", "SET #t = :a, A = :a", ExpressionAttributeNames=names)
        self.done(dynamodb._update_item, **asked, ExpressionAttributeValues=values(a="statement"))
        asked = {
            "TableName": TABLE,
            "IndexName": "ByType",
            "KeyConditionExpression": "#t = :t",
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": values(t="statement"),
        }
        found = self.done(dynamodb._query, **asked)["Items"]
        self.assertEqual(found, [{**key("lease"), "Type": {"S": "statement"}}])
        self.invalid(dynamodb._query, **asked, ConsistentRead=True)


if __name__ == "__main__":
    unittest.main()
