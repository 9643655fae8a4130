"""That aliases of functions come, go and have settings as in Lambda."""

import threading
import unittest
from unittest import mock

from ministack.services import lambda_svc
from ministack.services.cloudformation import provisioners

from lambda_case import FUNCTION, NAME, REGION, LambdaCase
from moto_case import MANAGEMENT, STANDALONE

CALLER = f"caller-{STANDALONE}"
QUEUE = f"arn:aws:sqs:{REGION}:{MANAGEMENT}:failures"
SETTINGS = {
    "MaximumRetryAttempts": 0,
    "MaximumEventAgeInSeconds": 3000,
    "DestinationConfig": {"OnFailure": {"Destination": QUEUE}},
}


class AliasCase(LambdaCase):
    def setUp(self):
        super().setUp()
        self.lambda_ = self.functions()

    def create(self, name=CALLER, version="$LATEST", function=NAME):
        return self.lambda_.create_alias(FunctionName=function, Name=name, FunctionVersion=version)

    def delete(self, name=CALLER):
        self.lambda_.delete_alias(FunctionName=NAME, Name=name)

    def permit(self):
        permission = {"StatementId": "one", "Action": "lambda:InvokeFunction", "Principal": STANDALONE}
        self.lambda_.add_permission(FunctionName=NAME, Qualifier=CALLER, **permission)

    def policy(self):
        return self.lambda_.get_resource_policy(ResourceArn=f"{FUNCTION}:{CALLER}")

    def set(self, qualifier=CALLER, **settings):
        named = {"Qualifier": qualifier} if qualifier else {}
        return self.lambda_.put_function_event_invoke_config(FunctionName=NAME, **named, **(settings or SETTINGS))

    def settings(self, qualifier=CALLER):
        named = {"Qualifier": qualifier} if qualifier else {}
        return self.lambda_.get_function_event_invoke_config(FunctionName=NAME, **named)


class Aliases(AliasCase):
    def test_an_alias_is_made_once(self):
        self.assertEqual(self.create()["AliasArn"], f"{FUNCTION}:{CALLER}")
        self.assertEqual(self.lambda_.get_alias(FunctionName=FUNCTION, Name=CALLER)["FunctionVersion"], "$LATEST")
        with self.assertRaisesRegex(
            self.lambda_.exceptions.ResourceConflictException, f"Alias already exists: {FUNCTION}:{CALLER}"
        ):
            self.create()

    def test_what_it_is_an_alias_of_is_there(self):
        for more in ({"function": "other"}, {"version": "7"}):
            with self.assertRaises(self.lambda_.exceptions.ResourceNotFoundException):
                self.create(**more)
        request = {"FunctionName": NAME, "Name": CALLER}
        self.assertEqual(self.refused(self.lambda_.get_alias, **request), "ResourceNotFoundException")

    def test_a_name_is_what_the_model_says(self):
        unit = f"caller-o-{'a' * 32}-ou-{'b' * 32}-{'c' * 32}"
        for name in (unit, "a" * 128):
            self.create(name)
        for name in ("1234", "caller 1", "caller:1", "$LATEST", "a" * 129):
            with self.assertRaisesRegex(Exception, "1 validation error detected: Value .* at 'name' failed"):
                self.create(name)

    def test_its_policy_goes_with_it(self):
        self.create()
        self.permit()
        self.delete()
        self.create()
        with self.assertRaises(self.lambda_.exceptions.ResourceNotFoundException):
            self.policy()

    def test_its_policy_goes_with_it_if_cloudformation_deletes_it(self):
        properties = {"FunctionName": NAME, "Name": CALLER, "FunctionVersion": "$LATEST"}
        handlers = provisioners._RESOURCE_HANDLERS["AWS::Lambda::Alias"]
        made, _ = self.owner(handlers["create"], "Alias", properties, "callers")
        self.permit()
        self.owner(handlers["delete"], made, properties)
        self.create()
        with self.assertRaises(self.lambda_.exceptions.ResourceNotFoundException):
            self.policy()

    def test_one_that_is_not_there_is_deleted_as_well(self):
        self.delete()
        with self.assertRaises(self.lambda_.exceptions.ResourceNotFoundException):
            self.lambda_.delete_alias(FunctionName="other", Name=CALLER)


class Settings(AliasCase):
    def test_each_alias_has_settings_of_its_own_and_so_has_the_function(self):
        self.create()
        self.set()
        self.set(None, MaximumRetryAttempts=1)
        kept = self.settings()
        self.assertEqual(
            {name: kept[name] for name in ("MaximumRetryAttempts", "MaximumEventAgeInSeconds")},
            {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 3000},
        )
        self.assertEqual(kept["DestinationConfig"]["OnFailure"]["Destination"], QUEUE)
        self.assertEqual(kept["FunctionArn"], f"{FUNCTION}:{CALLER}")
        self.lambda_.delete_function_event_invoke_config(FunctionName=NAME, Qualifier=CALLER)
        self.assertEqual(self.settings(None)["MaximumRetryAttempts"], 1)
        request = {"FunctionName": NAME, "Qualifier": CALLER}
        for call in (
            self.lambda_.get_function_event_invoke_config,
            self.lambda_.delete_function_event_invoke_config,
        ):
            self.assertEqual(self.refused(call, **request), "ResourceNotFoundException")

    def test_those_of_the_version_latest_are_those_of_the_function(self):
        made = self.set("$LATEST")
        self.assertEqual(made["FunctionArn"], f"{FUNCTION}:$LATEST")
        self.assertEqual(self.settings(None)["FunctionArn"], f"{FUNCTION}:$LATEST")
        self.set(None, MaximumRetryAttempts=1)
        self.assertEqual(self.settings("$LATEST")["MaximumRetryAttempts"], 1)
        self.lambda_.delete_function_event_invoke_config(FunctionName=NAME)
        request = {"FunctionName": NAME, "Qualifier": "$LATEST"}
        self.assertEqual(
            self.refused(self.lambda_.get_function_event_invoke_config, **request), "ResourceNotFoundException"
        )

    def test_an_alias_that_is_not_there_gets_none_and_one_that_comes_again_finds_those_of_before(self):
        with self.assertRaises(self.lambda_.exceptions.ResourceNotFoundException):
            self.set()
        self.create()
        self.set()
        self.delete()
        with self.assertRaises(self.lambda_.exceptions.ResourceNotFoundException):
            self.settings()
        self.create()
        self.assertEqual(self.settings()["MaximumRetryAttempts"], 0)

    def test_they_are_what_the_model_says(self):
        self.create()
        for wrong in (
            {"MaximumRetryAttempts": 3},
            {"MaximumEventAgeInSeconds": 21601},
        ):
            with self.assertRaisesRegex(Exception, f"at 'm{next(iter(wrong))[1:]}' failed to satisfy constraint"):
                self.set(**wrong)

    def test_those_of_the_alias_that_a_function_is_invoked_by_hold(self):
        """What isn't said of an alias isn't taken from the function: two retries, and no destination."""
        self.create()
        self.set(None)
        for qualifier, tries, destinations in ((f":{CALLER}", 3, []), ("", 1, [QUEUE])):
            self.assertEqual(self.failing(f"{FUNCTION}{qualifier}"), (tries, destinations))
        self.set()
        self.assertEqual(self.failing(f"{FUNCTION}:{CALLER}"), (1, [QUEUE]))

    def failing(self, arn):
        """How often a function is run by this ARN that fails, and where its failure goes."""
        runs, routed = [], []

        def fail(function, event):
            runs.append(event)
            return {"error": True}

        with (
            mock.patch.object(lambda_svc, "_execute_function", fail),
            mock.patch.object(lambda_svc, "_LAMBDA_ASYNC_RETRY_BASE_SECONDS", 0),
            mock.patch.object(lambda_svc, "_route_async_failure", lambda destination, *_: routed.append(destination)),
        ):
            function, _, _ = self.owner(lambda_svc._get_func_record_for_ref, arn)
            before = set(threading.enumerate())
            self.owner(lambda_svc.invoke_async_with_retry, function, {"RequestType": "Create"})
            for thread in set(threading.enumerate()) - before:
                thread.join(10)
        return len(runs), routed


if __name__ == "__main__":
    unittest.main()
