"""That the pages of the types are those that the schemas, template.yaml, the examples and docs/source/ make."""

import re
import sys
import unittest

from test_rules import ROOT

sys.path.insert(0, str(ROOT / "docs"))

import pages


class PagesTest(unittest.TestCase):
    made = pages.made()

    def test_every_page_is_what_its_sources_say(self):
        for name, text in self.made.items():
            with self.subTest(file=name):
                kept = (ROOT / name).read_text(encoding="utf-8")
                self.assertTrue(kept == text, f"{name} isn't what its sources say; `make docs` writes it")

    def test_nothing_is_left_over(self):
        for folder, ending in (("docs/source", ".md"), ("docs/examples", ".yaml")):
            names = {each + ending for each in pages.schemas()}
            self.assertEqual({file.name for file in (ROOT / folder).iterdir()}, names)

    def test_every_link_leads_to_a_file(self):
        for name, text in self.made.items():
            for link in re.findall(r"\]\(([^)#:]+)\)", text):
                with self.subTest(page=name, link=link):
                    self.assertTrue((ROOT / "docs" / link).exists())

    def test_a_page_says_what_the_schema_the_role_and_the_bad_templates_say(self):
        page = self.made["docs/OrganizationalUnit.md"]
        for words in (
            "### `ParentId`",
            "- *Required*: Yes, unless there is `Path`",
            "- *Update*: Replacement",
            "| `ParentId` | The id of the root",
            "`organizations:CreateOrganizationalUnit`",
            "[Its faults](faults/OrganizationalUnit.md) say what comes of a call that goes wrong;",
            "| neither a name nor a path | ResourceProperties: either `Name` or `Path` is required |",
        ):
            self.assertIn(words, page)

    def test_what_a_role_is_denied_does_not_read_as_allowed(self):
        statements = pages.Permissions(ROOT / "template.yaml", pages.schemas()).statements
        for name, each in statements.items():
            denied = sum(statement["Effect"] == "Deny" for statement in each)
            self.assertEqual(self.made[f"docs/{name}.md"].count("\n| Deny | "), denied, name)
        self.assertTrue(any(statement["Effect"] == "Deny" for each in statements.values() for statement in each))


if __name__ == "__main__":
    unittest.main()
