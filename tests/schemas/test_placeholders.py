"""That nothing which is pasted from here names an account or a domain of somebody else."""

import json
import re
import unittest

from cfnlint.decode import cfn_yaml

from test_rules import ROOT

# What people read and paste from. events/ is apart, below.
PASTED = (
    "stacks/*",
    "docs/**/*.md",
    "docs/examples/*",
    "schemas/*",
    "README.md",
    "SECURITY.md",
    "samconfig.toml",
    "template.yaml",
)

# AWS's documentation uses these, so anybody's account may have them.
OTHERS = (
    "000000000000",
    "111111111111",
    "222222222222",
    "999999999999",
    "123456789012",
    "111122223333",
    "444455556666",
)
OTHERS += ("210987654321", "012345678901")
AN_ACCOUNT = "700123456789"

# Ids that may stand in what is pasted, each with the reason.
IDS = {"200000000005": "an account of the played organization, in a sentence of docs/faults/Account.md"}

# Domains that may, each with all below it: AWS's own, and those that the pages link to.
DOMAINS = (
    "amazonaws.com",
    "amazonaws.com.cn",
    "docs.aws.amazon.com",
    "cargo-lambda.info",
    "github.com",
    "json-schema.org",
    "keepachangelog.com",
    "pypi.org",
    "semver.org",
    "w3.org",
)
ID = re.compile(r"(?<![\w-])\d{12}(?!\w)|(?<=::)\d{12}(?=:)")
DOMAIN = re.compile(
    r"(?<![\w./<-])(?:https?://|[\w.+-]+@)?((?:[a-z0-9-]+\.)+(?:com|cn|net|org|io|dev|info))\b(?![\w/-]*\()"
)


def files(*patterns):
    return sorted(file for pattern in patterns for file in ROOT.glob(pattern) if file.is_file())


def templates():
    """Those that are pasted, by name."""
    for file in files("stacks/*.yaml", "docs/examples/*.yaml", "template.yaml"):
        yield file.name, cfn_yaml.load(str(file))


def parameters(*names):
    """Each parameter of the stacks with one of these names."""
    for file in files("stacks/*.yaml"):
        for name, declared in cfn_yaml.load(str(file))["Parameters"].items():
            if name in names:
                yield f"{file.name}: {name}", declared


def takes(declared, value):
    return re.search(declared["AllowedPattern"], value) is not None


class PlaceholdersTest(unittest.TestCase):
    def test_no_account_is_named(self):
        for file in files(*PASTED):
            text = file.read_text(encoding="utf-8")
            # A pattern says what is refused.
            text = re.sub(r"AllowedPattern:.*", "", text)
            with self.subTest(file=str(file.relative_to(ROOT))):
                self.assertEqual(sorted(set(ID.findall(text)) - IDS.keys()), [])

    def test_no_domain_but_aws_own_and_those_of_links_is_named(self):
        for file in files(*PASTED):
            found = {name for name in DOMAIN.findall(file.read_text(encoding="utf-8"))}
            strange = sorted(
                each for each in found if not re.search(rf"(^|\.)({'|'.join(map(re.escape, DOMAINS))})$", each)
            )
            with self.subTest(file=str(file.relative_to(ROOT))):
                self.assertEqual(strange, [])

    def test_the_scan_sees_what_it_looks_for(self):
        for text in ('"222222222222"', "iam::222222222222:root", "Accounts=222222222222,x", "`222222222222`"):
            self.assertEqual(ID.findall(text), ["222222222222"], text)
        self.assertEqual(ID.findall("51af3dc0-da77-11e4-872e-123456712312 [0-9]{12} 5.2222222222223"), [])
        for text in ("aws+app@example.com", "Domain=example.com", "https://example.com/a", '"example.com"'):
            self.assertEqual(DOMAIN.findall(text), ["example.com"], text)

    def test_no_parameter_that_names_somebody_has_a_default(self):
        named = re.compile(
            r"Account(Id|s)?$|Arns?$|Domain$|Email$|Principals$|OrganizationId$|BucketName$|Units$|UnitIds$|Url$"
        )
        seen = 0
        for file, template in templates():
            for name, declared in template.get("Parameters", {}).items():
                if named.search(name):
                    seen += 1
                    self.assertEqual(declared.get("Default", ""), "", f"{file}: {name}")
        self.assertGreater(seen, 25)

    def test_where_an_account_is_asked_for_those_of_aws_documentation_are_refused(self):
        asked = 0
        for file in files("stacks/*.yaml"):
            for name, declared in cfn_yaml.load(str(file))["Parameters"].items():
                if "AllowedPattern" not in declared or not takes(declared, AN_ACCOUNT) or takes(declared, "abc"):
                    continue
                asked += 1
                for each in OTHERS:
                    self.assertFalse(takes(declared, each), f"{file.name}: {name} takes {each}")
        self.assertGreater(asked, 5)

    def test_the_domain_of_a_mailbox_is_not_that_of_an_example(self):
        asked = list(parameters("MailboxDomain"))
        self.assertGreater(len(asked), 1)
        for name, declared in asked:
            for domain in ("example.com", "mail.example.org", "example.net", "example", "acme.example"):
                self.assertFalse(takes(declared, domain), f"{name} takes {domain}")
            for domain in ("acme.test", "my-example.com", "example-corp.com"):
                self.assertTrue(takes(declared, domain), f"{name} refuses {domain}")

    def test_a_stack_of_the_functions_has_a_name_that_works(self):
        """Lambda takes 64 characters of a function's name, and SSM no parameter that begins with aws or ssm."""
        functions = (ROOT / "template.yaml").read_text(encoding="utf-8")
        endings = re.findall(r'FunctionName: !Sub "\$\{AWS::StackName\}([\w-]+)"', functions)
        longest = 64 - max(map(len, endings))
        asked = list(parameters("Archipelago"))
        self.assertGreater(len(asked), 5)
        for name, declared in asked:
            for good in ("archipelago", "a" * longest, "A1-b"):
                self.assertTrue(takes(declared, good), f"{name} refuses {good}")
            for bad in ("a" * (longest + 1), "aws-landing", "AWS", "Ssm1", "1a", "a_b", ""):
                self.assertFalse(takes(declared, bad), f"{name} takes {bad}")
        self.assertIn(f"at most {longest} characters", (ROOT / "README.md").read_text(encoding="utf-8"))

    def test_an_event_is_one_that_a_function_refuses_in_every_other_account(self):
        """A function takes requests from stacks of its own account alone, so these change nothing elsewhere."""
        events = [file for file in files("events/*/*.json") if file.parent.name != "failure-responder"]
        self.assertGreater(len(events), 30)
        for file in events:
            with self.subTest(event=str(file.relative_to(ROOT))):
                account = json.loads(file.read_text(encoding="utf-8"))["StackId"].split(":")[4]
                self.assertIn(account, OTHERS)


if __name__ == "__main__":
    unittest.main()
