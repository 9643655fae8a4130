"""That the rules refuse what the functions refuse, and take what they take."""

import json
import re
import unittest

from test_rules import ROOT, TESTS, complaints, template

BAD = sorted((TESTS / "bad-templates").glob("*.json"))

# What the functions alone can judge: what is in a statement, how one property goes with another, and what can't be in a
# template at all.
LEFT_TO_THE_FUNCTION = re.compile(
    r"\.Statement(\[\d+\])?\.(Principal|Condition)\b"
    r"|Statement: allows everyone|is an alias, which stands for itself"
    r"|is a role of account|belongs to account|the policy of |can't be read"
    r"|this key is there twice|a line break or another control character"
    r"|and `Types` has no |than the function, wh|it is the function's own account"
)

# Words that the tests of the functions make long texts of, and intrinsic functions, which CloudFormation replaces.
NOT_AS_WRITTEN = re.compile(r'<[\d,a-z ]+>|"(Ref|Fn::\w+)":')


def properties_of(event):
    """Those of a request, with the token in them."""
    return template(event["ResourceType"], event["ResourceProperties"])


class AgreementTest(unittest.TestCase):
    def test_what_a_function_refuses_for_its_schema_the_rules_refuse(self):
        judged = 0
        for file in BAD:
            for bad in json.loads(file.read_text(encoding="utf-8")):
                if LEFT_TO_THE_FUNCTION.search(bad["reason"]) or NOT_AS_WRITTEN.search(json.dumps(bad["properties"])):
                    continue
                judged += 1
                with self.subTest(type=file.stem, bad=bad["bad"]):
                    self.assertTrue(complaints(template(f"Custom::{file.stem}", bad["properties"])), bad["reason"])
        self.assertGreater(judged, 100)

    def test_what_a_function_takes_the_rules_take(self):
        events = [*ROOT.glob("events/*/create.json"), *ROOT.glob("events/*/update.json")]
        self.assertGreater(len(events), 20)
        for file in events:
            event = json.loads(file.read_text(encoding="utf-8"))
            with self.subTest(event=str(file.relative_to(ROOT))):
                self.assertEqual(complaints(properties_of(event)), [])

    def test_the_stacks_of_the_repository_are_taken(self):
        for file in sorted(ROOT.glob("stacks/*.yaml")):
            with self.subTest(stack=file.name):
                self.assertEqual(complaints(file.read_text(encoding="utf-8")), [])

    def test_every_type_has_its_schema(self):
        schemas = {file.stem for file in (ROOT / "schemas").glob("[A-Z]*.json")}
        self.assertEqual(schemas, {file.stem for file in BAD})


if __name__ == "__main__":
    unittest.main()
