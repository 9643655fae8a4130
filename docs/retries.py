"""Fills in how long functions retry, where a page's source asks for that: `{within}` in the row of a code, or `{NAME}`.

The durations are those of the code, from the schemas: `x-passing` has its tables of AWS's codes, `x-waits` the rest.
"""

import re

PLACEHOLDER = re.compile(r"(?<!\$)\{(\w+)\}")
# A row that begins with codes of AWS, and the calls that they are of.
ROW = re.compile(r"\| (?P<codes>`[\w.]+`(?:, `[\w.]+`)*)(?: of (?P<calls>[^|]+))? \|")
# Words of a row about calls that no other row names.
ANY_OTHER = "other calls"
BY_HAND = re.compile(r"\bup to [\w-]+ (?:second|minute|hour)")
UNITS = [(3600, "hour"), (60, "minute"), (1, "second")]
NUMBERS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]


class Disagreement(Exception):
    """A page says something else than the code."""


def duration(seconds):
    """In words, such as `two minutes`."""
    count, unit = next((seconds // size, unit) for size, unit in UNITS if seconds % size == 0)
    number = NUMBERS[count - 1] if count <= len(NUMBERS) else str(count)
    return f"{number} {unit}" if count == 1 else f"{number} {unit}s"


class Retries:
    """What a type retries, and which of it a page has not said yet."""

    def __init__(self, schema):
        self.title = schema["title"]
        self.waits = schema["x-waits"]
        self.passing = {}
        for each in schema["x-passing"]:
            for key in ((each.get("call", ANY_OTHER), code) for code in each["codes"]):
                if self.passing.setdefault(key, each["within"]) != each["within"]:
                    raise self.disagreement(f"the code retries this for two durations: {key}")
        self.unsaid = {*self.waits, *self.passing}

    def filled(self, source):
        """The source with durations in it, after a check that it says all of them."""
        if by_hand := BY_HAND.search(source):
            raise self.disagreement(f"`{by_hand[0]}` is written by hand: name what it comes from, such as {{within}}")
        text = "\n".join(map(self.filled_line, source.split("\n")))
        for unsaid in self.unsaid:
            raise self.disagreement(f"no row says how long this is retried: {unsaid}")
        return text

    def filled_line(self, line):
        return PLACEHOLDER.sub(lambda asked: duration(self.said(asked[1], line)), line)

    def said(self, name, line):
        """The seconds that a line asks for."""
        asked = self.of_row(line) if name == "within" else {name}
        found = {self.passing.get(each, self.waits.get(each)) for each in asked}
        if len(found) != 1 or None in found:
            raise self.disagreement(f"the code has no duration for this, or several: {line}")
        self.unsaid -= asked
        return found.pop()

    def of_row(self, line):
        """The keys in the tables that a row is about."""
        row = ROW.match(line)
        if not row:
            raise self.disagreement(f"{{within}} stands in the row of a code of AWS: {line}")
        codes = re.findall(r"`([^`]+)`", row["codes"])
        if row["calls"]:
            calls = re.findall(r"`([^`]+)`", row["calls"]) or [row["calls"]]
            return {(call, code) for code in codes for call in calls}
        return {key for code in codes for key in self.of_code(code)}

    def of_code(self, code):
        """The keys of a code, whatever call says it."""
        return {key for key in self.passing if key[1] == code} or {(ANY_OTHER, code)}

    def disagreement(self, what):
        return Disagreement(f"{self.title}: {what}")
