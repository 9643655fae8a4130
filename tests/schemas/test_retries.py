"""That a page says of each code for how long it is retried, and has that from the code alone."""

import sys
import unittest

from test_rules import ROOT

sys.path.insert(0, str(ROOT / "docs"))

from retries import Disagreement, Retries, duration

SCHEMA = {
    "title": "Custom::Thing",
    "x-passing": [
        {"call": "Make", "codes": ["Busy", "Late"], "within": 600},
        {"call": "Close", "codes": ["Late"], "within": 3600},
        {"codes": ["Busy", "ID.NotFound"], "within": 240},
    ],
    "x-waits": {"LISTED_WITHIN": 60},
}
MAKE = "| `Busy`, `Late` of `Make` | wait; up to {within} | x |"
CLOSE = "| `Late` of `Close` | up to {within} | x |"
OTHER = "| `Busy`, `ID.NotFound` of other calls | up to {within} | x |"
LISTED = "| it isn't listed yet | up to {LISTED_WITHIN} | x |"


def filled(*rows):
    return Retries(SCHEMA).filled("\n".join(rows))


class RetriesTest(unittest.TestCase):
    def test_each_row_gets_the_duration_of_its_codes_and_calls(self):
        text = filled(MAKE, CLOSE, OTHER, LISTED, "| `Gone` | at once; `${id}` | x |")
        said = (
            "wait; up to ten minutes |",
            "up to one hour |",
            "up to four minutes |",
            "up to one minute |",
            "`${id}`",
        )
        for line, words in zip(text.split("\n"), said, strict=True):
            self.assertIn(words, line)

    def test_a_code_whose_durations_are_the_same_needs_no_calls(self):
        passing = [{"call": call, "codes": ["Busy"], "within": 20} for call in ("A", "B")]
        schema = {"title": "Custom::Thing", "x-passing": passing, "x-waits": {}}
        self.assertEqual(Retries(schema).filled("| `Busy` | {within} |"), "| `Busy` | 20 seconds |")

    def test_what_the_code_retries_and_no_row_says_is_no_page(self):
        for left_out in (MAKE, CLOSE, OTHER, LISTED):
            with self.subTest(left_out=left_out), self.assertRaisesRegex(Disagreement, "no row says"):
                filled(*{MAKE, CLOSE, OTHER, LISTED} - {left_out})

    def test_what_the_code_does_not_retry_is_no_page(self):
        for wrong in (
            "| `Unknown` | {within} | x |",
            "| `Busy` of `Close` | {within} | x |",
            "| `Late` of `Close` and `Open` | {within} | x |",
            "| `Late` of other calls | {within} | x |",
            "| `Late` | {within} | x |",
            "| it isn't listed yet | {within} | x |",
            "| it isn't listed yet | {UNLISTED_WITHIN} | x |",
        ):
            with (
                self.subTest(row=wrong),
                self.assertRaisesRegex(Disagreement, "the code has no duration|row of a code"),
            ):
                filled(MAKE, CLOSE, OTHER, LISTED, wrong)

    def test_a_code_of_a_call_has_one_duration(self):
        passing = [{"call": "Make", "codes": ["Busy"], "within": within} for within in (20, 30)]
        with self.assertRaisesRegex(Disagreement, "two durations: .*Busy"):
            Retries({"title": "Custom::Thing", "x-passing": passing, "x-waits": {}})

    def test_no_duration_is_written_by_hand(self):
        for words in ("retried for up to two minutes", "up to 20 seconds", "up to an hour"):
            with self.subTest(words=words), self.assertRaisesRegex(Disagreement, "by hand"):
                filled(MAKE, CLOSE, OTHER, LISTED, words)

    def test_a_duration_is_said_in_the_largest_unit_that_fits(self):
        for seconds, words in ((1, "one second"), (30, "30 seconds"), (90, "90 seconds"), (120, "two minutes")):
            self.assertEqual(duration(seconds), words)
        self.assertEqual(duration(900), "15 minutes")
        self.assertEqual(duration(7200), "two hours")


if __name__ == "__main__":
    unittest.main()
