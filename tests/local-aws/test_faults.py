"""That whatever a function may call has met every fault: docs/faults has a row for each of its actions."""

import re
import unittest

from local_aws import ROOT
from policies import Template
from privilege import OF_ALL, is_of_others

# Asked after a refusal alone, to say it with the account's own number. What goes wrong with that is in the unit tests.
EXPLAINING = {("iam-trust-statement", "iam:GetAccountSummary")}
# Asked only where somebody else has pointed a caller's alias at another version. That is in the unit tests as well.
POINTING_BACK = {("caller", "lambda:UpdateAlias")}
# What a request asks of the ledger only where it meets others. The tests of shared/policy-statement kill it at
# each of these calls.
MEETING_OTHERS = {"dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query"}


class Faults(unittest.TestCase):
    def test_every_action_of_a_function_has_a_row_on_the_page_of_its_type(self):
        missing = set()
        for function, policy in Template(ROOT / "template.yaml").policies("111111111111", "us-east-1").items():
            page = ROOT / f"docs/faults/{''.join(word.capitalize() for word in function.split('-'))}.md"
            if not page.exists():
                self.assertEqual(function, "failure-responder")
                continue
            rows = set(re.findall(r"^\| (\w+)", page.read_text(), re.MULTILINE))
            for permission in policy:
                action = permission.action
                of_itself = permission.effect == "Allow" and not is_of_others(function, action) and action not in OF_ALL
                name = action.partition(":")[2]
                if of_itself and action not in MEETING_OTHERS and name not in rows:
                    missing.add((function, action))
        self.assertEqual(missing, EXPLAINING | POINTING_BACK)


if __name__ == "__main__":
    unittest.main()
