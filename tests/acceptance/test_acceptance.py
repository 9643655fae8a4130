"""What a run asks for before it makes anything, and what its report says of it."""

import contextlib
import io
import json
import tempfile
import unittest
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import acceptance
from belief import Belief
from journal import Thing
from lives.life import Step
from outcome import confirmed, contradicted, not_tried
from report import Report

GIVEN = ["--management", "one", "--member", "two", "--prefix", "try-this"]
WORLD = SimpleNamespace(
    management=SimpleNamespace(id="111122223333"), member=SimpleNamespace(id="444455556666"), prefix="try-this"
)


def refused(asked):
    """What the command line says, if it isn't taken."""
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.suppress(SystemExit):
        acceptance.arguments(asked)
    return said.getvalue()


class ArgumentsTest(unittest.TestCase):
    def test_a_real_organization_needs_two_profiles_and_a_prefix(self):
        self.assertEqual(refused(GIVEN), "")
        self.assertIn("two profiles are needed", refused(["--prefix", "try-this"]))
        self.assertIn("no prefix", refused(["--management", "", "--member", "", "--prefix", ""]))
        self.assertIn("no prefix", refused([*GIVEN[:4], "--prefix", "aws-try"]))

    def test_nothing_that_stays_is_made_unless_a_flag_says_so(self):
        given = acceptance.arguments(GIVEN)
        self.assertFalse(given.make_accounts or given.change_organization or given.yes)

    def test_accounts_need_a_mailbox(self):
        self.assertIn("--mailbox", refused([*GIVEN, "--make-accounts"]))
        self.assertEqual(refused([*GIVEN, "--make-accounts", "--mailbox", "aws@example.test"]), "")

    def test_the_local_aws_needs_nothing_and_gets_all(self):
        given = acceptance.arguments(["--local", "--management", "", "--member", "", "--prefix", ""])
        self.assertTrue(given.make_accounts and given.change_organization)


class AgreementTest(unittest.TestCase):
    def agree(self, *more, terminal=False, answer=""):
        """What was asked, and the refusal to go on, if any."""
        given = acceptance.arguments([*GIVEN, *more])
        said, typed = io.StringIO(), SimpleNamespace(isatty=lambda: terminal)
        with (
            contextlib.redirect_stdout(said),
            mock.patch("sys.stdin", typed),
            mock.patch("builtins.input", return_value=answer),
        ):
            try:
                acceptance._agree(WORLD, given)
            except SystemExit as refusal:
                return said.getvalue(), str(refusal)
        return said.getvalue(), None

    def test_where_nobody_can_answer_only_the_flag_does(self):
        self.assertIn("--yes", self.agree()[1])
        self.assertIsNone(self.agree("--yes")[1])

    def test_a_person_is_asked(self):
        self.assertIsNone(self.agree(terminal=True, answer="yes")[1])
        self.assertEqual(self.agree(terminal=True, answer="")[1], "Nothing was made.")

    def test_what_stays_is_said(self):
        self.assertNotIn("90 days", self.agree("--yes")[0])
        self.assertIn("90 days", self.agree("--yes", "--make-accounts", "--mailbox", "aws@example.test")[0])
        self.assertIn("for good", self.agree("--yes", "--change-organization")[0])


class ReportTest(unittest.TestCase):
    def setUp(self):
        self.report = Report("try-this", "AWS")

    def believed(self, outcome):
        self.report.believed(Belief("X1", "Something holds", "a page", None), outcome)

    def test_what_is_confirmed_or_not_tried_is_good(self):
        self.believed(confirmed("it does"))
        self.believed(not_tried("it costs"))
        self.report.lived(Step("Account", "create", confirmed("it is there")))
        self.assertTrue(self.report.is_good)
        self.assertIn("Beliefs: 1 confirmed, 1 not tried. Steps of lives: 1 confirmed.", self.report.text())

    def test_a_contradiction_says_what_was_seen_and_where_it_was_read(self):
        self.believed(contradicted("it doesn't"))
        self.assertFalse(self.report.is_good)
        self.assertIn("it doesn't", self.report.text())
        self.assertIn("a page", self.report.text())

    def test_a_step_a_problem_and_what_is_left_are_each_bad(self):
        for spoil in (
            lambda report: report.lived(Step("Account", "create", contradicted("CREATE_FAILED"))),
            lambda report: report.problem("sam deploy failed"),
            lambda report: report.left.update({Thing("role", "111122223333", "us-east-1", "try-this-role"): "in use"}),
        ):
            report = Report("try-this", "AWS")
            spoil(report)
            self.assertFalse(report.is_good)

    def test_both_forms_are_written(self):
        self.believed(contradicted("it doesn't"))
        with tempfile.TemporaryDirectory() as folder:
            self.report.write(Path(folder) / "new")
            said = json.loads((Path(folder) / "new/report.json").read_text())
            self.assertIn("X1: Something holds", (Path(folder) / "new/report.txt").read_text())
        self.assertEqual((said["good"], said["beliefs"][0]["verdict"]), (False, "contradicted"))


if __name__ == "__main__":
    unittest.main()
