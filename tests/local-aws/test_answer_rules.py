"""How long the answer of a custom resource may be."""

import asyncio
import json
import unittest

from ministack import app
from ministack.services.cloudformation import custom_resource

import answer_rules


class Answers(unittest.TestCase):
    def answered(self, length):
        """What CloudFormation takes for the answer, of one that has this length."""
        answer = {"Status": "SUCCESS", "Data": {"Long": ""}}
        answer["Data"]["Long"] = "x" * (length - len(json.dumps(answer)))
        body = json.dumps(answer).encode()
        self.assertEqual(len(body), length)
        custom_resource.register_token("token")
        self.addCleanup(custom_resource.reset)
        path = "/_ministack/cfn-response/token"
        asyncio.run(app._handle_post_body_shortcuts("PUT", path, {}, body, {}, "request"))
        return custom_resource._pending["token"]["result"]

    def test_the_longest_is_taken(self):
        self.assertEqual(self.answered(answer_rules.LONGEST)["Status"], "SUCCESS")

    def test_a_longer_one_fails_in_the_words_of_cloudformation(self):
        refused = self.answered(answer_rules.LONGEST + 1)
        self.assertEqual(refused, {"Status": "FAILED", "Reason": "Response object is too long."})


if __name__ == "__main__":
    unittest.main()
