"""What became of a check or a step of a life."""

from dataclasses import dataclass, replace

CONFIRMED, CONTRADICTED, NOT_TRIED, FAILED = "confirmed", "contradicted", "not tried", "failed"


@dataclass(frozen=True)
class Outcome:
    """The verdict and what was seen, or why nothing was tried. A check that could not end has failed."""

    verdict: str
    seen: str
    seconds: float = 0.0

    @classmethod
    def failed(cls, seen):
        return cls(FAILED, seen)

    def took(self, seconds):
        return replace(self, seconds=round(seconds, 1))

    @property
    def is_good(self):
        return self.verdict in (CONFIRMED, NOT_TRIED)


def confirmed(seen):
    return Outcome(CONFIRMED, seen)


def contradicted(seen):
    return Outcome(CONTRADICTED, seen)


def not_tried(why):
    return Outcome(NOT_TRIED, why)


def held(holds, seen):
    """Confirmed or contradicted, with what was seen in either case."""
    return Outcome(CONFIRMED if holds else CONTRADICTED, seen)
