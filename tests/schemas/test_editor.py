"""That an editor with schemas/template.json knows our types, and lets alone what it can't judge."""

import json
import unittest

from cfnlint.decode import cfn_yaml
from jsonschema import Draft7Validator

from test_rules import ECR, ROOT, STATEMENT, UNIT, template

SCHEMA = json.loads((ROOT / "schemas/template.json").read_text(encoding="utf-8"))
VALIDATOR = Draft7Validator(SCHEMA)


def is_fine(written):
    return VALIDATOR.is_valid(written)


class EditorTest(unittest.TestCase):
    def test_the_schema_is_one(self):
        Draft7Validator.check_schema(SCHEMA)

    def test_names_places_and_kinds_are_judged(self):
        self.assertTrue(is_fine(template(UNIT, {"Name": "a", "Tags": [{"Key": "a", "Value": "b"}]})))
        for properties in ({"Nmae": "a"}, {"Name": "a", "Path": "b"}, {}, {"Name": "a", "Tags": [{"key": "a"}]}):
            self.assertFalse(is_fine(template(UNIT, properties)), properties)
        self.assertTrue(is_fine(template(ECR, {"RepositoryName": "app", "Statement": [STATEMENT]})))
        self.assertFalse(is_fine(template(ECR, {"RepositoryName": "app", "Statement": [STATEMENT | {"Acton": "*"}]})))

    def test_a_function_may_stand_for_any_value_in_its_long_form_and_in_its_short(self):
        for value in ({"Ref": "Parent"}, {"Fn::GetAtt": ["It", "Id"]}, "Parent"):
            properties = {"Name": value, "ParentId": value, "AdoptExisting": value, "Tags": value}
            self.assertTrue(is_fine(template(UNIT, properties)), value)

    def test_our_own_templates_are_fine(self):
        for file in [*ROOT.glob("stacks/*.yaml"), *ROOT.glob("docs/examples/*.yaml")]:
            with self.subTest(file=file.name):
                self.assertEqual([error.message for error in VALIDATOR.iter_errors(cfn_yaml.load(str(file)))], [])


if __name__ == "__main__":
    unittest.main()
