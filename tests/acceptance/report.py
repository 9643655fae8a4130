"""The report of a run: what was believed and seen, what each type lived through, and what couldn't be removed."""

import collections
import json
import textwrap

from outcome import NOT_TRIED

WIDTH = 110


class Report:
    """It is kept while the run goes on, and written at its end, however that comes."""

    def __init__(self, prefix, where):
        self.prefix = prefix
        self.where = where
        self.beliefs = []
        self.steps = []
        self.problems = []
        self.left = {}
        self.seconds = 0.0

    def believed(self, belief, outcome):
        self.beliefs.append((belief, outcome))

    def lived(self, step):
        self.steps.append(step)

    def problem(self, said):
        """Something that kept a part of the run from being tried at all."""
        self.problems.append(said)

    @property
    def is_good(self):
        outcomes = [outcome for _, outcome in self.beliefs] + [step.outcome for step in self.steps]
        return all(outcome.is_good for outcome in outcomes) and not self.problems and not self.left

    def skipped(self):
        """The ids of what wasn't tried."""
        return [belief.id for belief, outcome in self.beliefs if outcome.verdict == NOT_TRIED]

    def text(self):
        lines = [f"Archipelago's acceptance, {self.prefix}, on {self.where}", ""]
        for belief, outcome in self.beliefs:
            lines += [f"{outcome.verdict:<13}{belief.id}: {belief.says} ({outcome.seconds} s)"]
            lines += _indented(f"seen: {outcome.seen}" if outcome.verdict != NOT_TRIED else f"since {outcome.seen}")
            if not outcome.is_good:
                lines += _indented(f"source: {belief.source}")
        for step in self.steps:
            lines += [f"{step.outcome.verdict:<13}{step.life}, {step.name} ({step.outcome.seconds} s)"]
            lines += _indented(step.outcome.seen)
        lines += [f"failed       {said}" for said in self.problems]
        lines += [
            f"left         {thing.kind} {thing.name} in {thing.account}: {why}" for thing, why in self.left.items()
        ]
        return "\n".join([*lines, "", self.summary(), ""])

    def summary(self):
        def counted(outcomes):
            counts = collections.Counter(outcome.verdict for outcome in outcomes)
            return ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items())) or "none"

        beliefs = counted(outcome for _, outcome in self.beliefs)
        steps = counted(step.outcome for step in self.steps)
        return f"Beliefs: {beliefs}. Steps of lives: {steps}. Left behind: {len(self.left)}. {self.seconds:.0f} s."

    def json(self):
        return {
            "prefix": self.prefix,
            "where": self.where,
            "good": self.is_good,
            "seconds": round(self.seconds, 1),
            "beliefs": [
                {
                    "id": belief.id,
                    "says": belief.says,
                    "source": belief.source,
                    "needs": belief.needs,
                    "costs": belief.costs,
                    **vars(outcome),
                }
                for belief, outcome in self.beliefs
            ],
            "lives": [{"type": step.life, "step": step.name, **vars(step.outcome)} for step in self.steps],
            "problems": self.problems,
            "left": [{**vars(thing), "why": why} for thing, why in self.left.items()],
        }

    def write(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "report.txt").write_text(self.text())
        (folder / "report.json").write_text(json.dumps(self.json(), indent=2) + "\n")


def _indented(text):
    return textwrap.wrap(text, WIDTH, initial_indent=" " * 13, subsequent_indent=" " * 13, break_long_words=False)
