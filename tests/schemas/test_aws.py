"""What pages and templates say of AWS itself, beside what cfn-lint and botocore know of it."""

import re
import unittest
from pathlib import Path

import botocore.session
from cfnlint.decode import cfn_yaml
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

ROOT = Path(__file__).resolve().parents[2]


class AwsTest(unittest.TestCase):
    def test_every_native_type_that_a_page_names_exists(self):
        known = set(PROVIDER_SCHEMA_MANAGER.get_resource_types("us-east-1"))
        named = set()
        for page in [ROOT / "README.md", *ROOT.glob("docs/*.md")]:
            named |= set(re.findall(r"\bAWS::\w+::\w+", page.read_text(encoding="utf-8")))
        self.assertIn("AWS::RAM::PrincipalAssociation", named)
        # The SAM CLI makes native types of these.
        transformed = {name for name in named if name.startswith("AWS::Serverless::")}
        self.assertEqual(named - transformed - known, set())

    def test_a_set_of_stacks_may_be_in_every_region(self):
        declared = cfn_yaml.load(str(ROOT / "stacks/stackset.yaml"))["Parameters"]["Region"]
        session = botocore.session.get_session()
        regions = [
            region
            for partition in session.get_available_partitions()
            for region in session.get_available_regions("cloudformation", partition)
        ]
        self.assertIn("cn-north-1", regions)
        refused = [
            region for region in [*regions, "eusc-de-east-1"] if not re.search(declared["AllowedPattern"], region)
        ]
        self.assertEqual(refused, [])


if __name__ == "__main__":
    unittest.main()
