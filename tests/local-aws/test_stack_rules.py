"""What CloudFormation refuses of a stack that failed, asked of ministack with the rules, in AWS's words."""

import asyncio
import json
import re
import time
import unittest
from unittest import mock

from ministack.core.responses import request_scope
from ministack.services import cloudformation
from ministack.services.cloudformation import stacks

import stack_rules  # noqa: F401

ACCOUNT, REGION = "111111111111", "us-east-1"
TEMPLATE = json.dumps({"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}})
UPDATED = {"TemplateBody": TEMPLATE.replace("Queue", "Other", 1)}


class Stacks(unittest.IsolatedAsyncioTestCase):
    def setUp(self):
        self.enterContext(request_scope(ACCOUNT, REGION))
        self.addCleanup(cloudformation.reset)

    async def asked(self, action, **parameters):
        form = {"Action": [action], "StackName": ["it"], **{name: [value] for name, value in parameters.items()}}
        status, _, body = await cloudformation.handle_request("POST", "/", {}, b"", form)
        text = body.decode() if isinstance(body, bytes) else body
        return status, text

    async def refused(self, action, **parameters):
        status, text = await self.asked(action, **parameters)
        self.assertEqual(status, 400, text)
        return tuple(re.search(f"<{name}>(.*?)</{name}>", text)[1] for name in ("Code", "Message"))

    async def stack(self, status):
        """A stack that is in this state, with its ARN."""
        self.assertEqual((await self.asked("CreateStack", TemplateBody=TEMPLATE))[0], 200)
        stack = cloudformation._stacks["it"]
        end = time.monotonic() + 60
        while stack["StackStatus"] != "CREATE_COMPLETE":
            self.assertLess(time.monotonic(), end, stack["StackStatus"])
            await asyncio.sleep(0.01)
        stack["StackStatus"] = status
        return stack["StackId"]

    async def test_a_stack_that_failed_is_not_updated(self):
        for status in (
            "ROLLBACK_COMPLETE",
            "ROLLBACK_FAILED",
            "DELETE_FAILED",
            "UPDATE_ROLLBACK_FAILED",
            "UPDATE_IN_PROGRESS",
            "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
        ):
            with self.subTest(status):
                cloudformation.reset()
                arn = await self.stack(status)
                said = ("ValidationError", f"Stack:{arn} is in {status} state and can not be updated.")
                self.assertEqual(await self.refused("UpdateStack", **UPDATED), said)
                # Of this type is also one whose type isn't said.
                for kind in ({"ChangeSetType": "UPDATE"}, {}):
                    refused = await self.refused("CreateChangeSet", ChangeSetName="change", **UPDATED, **kind)
                    self.assertEqual(refused, said)

    async def test_a_stack_that_is_there_is_not_created_again(self):
        for status in ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED", "CREATE_COMPLETE"):
            with self.subTest(status):
                cloudformation.reset()
                await self.stack(status)
                said = ("AlreadyExistsException", "Stack [it] already exists")
                self.assertEqual(await self.refused("CreateStack", TemplateBody=TEMPLATE), said)
                refused = await self.refused(
                    "CreateChangeSet", ChangeSetName="again", ChangeSetType="CREATE", TemplateBody=TEMPLATE
                )
                said = "Stack [it] already exists and cannot be created again with the changeSet [again]."
                self.assertEqual(refused, ("ValidationError", said))

    async def test_a_stack_at_rest_is_updated_and_one_that_is_gone_is_created_again(self):
        await self.stack("UPDATE_ROLLBACK_COMPLETE")
        self.assertEqual((await self.asked("CreateChangeSet", ChangeSetName="change", **UPDATED))[0], 200)
        cloudformation._stacks["it"]["StackStatus"] = "DELETE_COMPLETE"
        self.assertEqual((await self.asked("CreateStack", TemplateBody=TEMPLATE))[0], 200)

    async def test_what_a_rollback_could_not_delete_stays_in_the_stack(self):
        arn = await self.stack("CREATE_IN_PROGRESS")
        stack = cloudformation._stacks["it"]
        # Deleting anything fails.
        with mock.patch.object(stacks, "_delete_resource", side_effect=ValueError("in use")):
            operation = {"created": ["Queue"], "template": json.loads(TEMPLATE)}
            await stacks._roll_back_operation("it", arn, stack, operation)
        self.assertEqual(stack["StackStatus"], "ROLLBACK_FAILED")
        self.assertEqual(stack["_resources"]["Queue"]["ResourceStatus"], "DELETE_FAILED")
        await stacks._delete_stack_async("it", arn)
        self.assertEqual((stack["StackStatus"], stack["_resources"]), ("DELETE_COMPLETE", {}))


if __name__ == "__main__":
    unittest.main()
