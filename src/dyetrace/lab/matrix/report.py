"""What the outcomes come to, as numbers."""

import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import quantiles
from typing import Any

from dyetrace.lab.matrix.outcome import Outcome
from dyetrace.lab.matrix.scenario import HEALTHY

HUNDREDTHS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How many scenarios of a sort there were, and how many were right."""

    name: str
    total: int
    verdict: int
    place: int
    cause: int  # the code and, where it is declared, the object
    right: int  # all of it, with nothing false beside


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixReport:
    """One run of the matrix."""

    command: str
    seconds: float
    outcomes: tuple[Outcome, ...]
    whole: int  # scenarios there are, whatever was chosen

    @property
    def valid(self) -> tuple[Outcome, ...]:
        """The scenarios whose truth the receiver's count bears out."""
        return tuple(each for each in self.outcomes if not each.invalid)

    @property
    def invalid(self) -> tuple[Outcome, ...]:
        """Those that prove nothing, because the lab did not do what it declared."""
        return tuple(each for each in self.outcomes if each.invalid)

    @property
    def broken(self) -> tuple[Outcome, ...]:
        """The valid scenarios with a fault."""
        return tuple(each for each in self.valid if each.scenario.fault != HEALTHY)

    @property
    def healthy(self) -> tuple[Outcome, ...]:
        """The valid scenarios without one."""
        return tuple(each for each in self.valid if each.scenario.fault == HEALTHY)

    @property
    def wrong(self) -> tuple[Outcome, ...]:
        """Whatever is not all right."""
        return tuple(each for each in self.valid if not each.is_right)

    def confusion(self) -> list[tuple[str, str, int]]:
        """Count pairs of the expected code and another one that was found."""
        pairs = Counter(
            (each.code, each.found.code) for each in self.broken if each.code != each.found.code
        )
        return [(expected, found, count) for (expected, found), count in sorted(pairs.items())]

    def seconds_to_verdict(self) -> dict[str, float]:
        """Give the distribution of the time from asking to the verdict."""
        times = sorted(each.seconds for each in self.valid)
        if len(times) < 2:  # noqa: PLR2004  # fewer have no quantiles
            return dict.fromkeys(("p50", "p90", "p99", "max"), times[0] if times else 0.0)
        at = quantiles(times, n=HUNDREDTHS, method="inclusive")
        return {"p50": at[49], "p90": at[89], "p99": at[98], "max": times[-1]}

    def summary(self) -> str:
        """Say it in a line."""
        right = sum(each.is_right for each in self.valid)
        return (
            f"{right} of {len(self.valid)} scenarios right ({len(self.broken)} with a fault, "
            f"{len(self.healthy)} healthy), {len(self.invalid)} invalid, {self.seconds:.0f} s"
        )

    def as_json(self) -> str:
        """Write everything as JSON, an outcome a line: differences between runs can be read."""
        told = self.as_dict()
        lines = ",\n".join(json.dumps(each) for each in told.pop("outcomes"))
        return f'{json.dumps(told, indent=1)[:-2]},\n "outcomes": [\n{lines}\n]}}\n'

    def as_dict(self) -> dict[str, Any]:
        """Write everything for JSON."""
        return {
            "command": self.command,
            "seconds": round(self.seconds, 1),
            "scenarios": len(self.outcomes),
            "whole": self.whole,
            "invalid": len(self.invalid),
            "faults": len({each.scenario.fault for each in self.broken}),
            "broken": score_json(score("broken", self.broken)),
            "healthy": score_json(score("healthy", self.healthy)),
            **{
                f"by_{name}": [score_json(each) for each in scores(self.broken, key)]
                for name, key in SORTS.items()
            },
            "confusion": [
                {"expected": expected, "found": found, "count": count}
                for expected, found, count in self.confusion()
            ],
            "seconds_to_verdict": {
                name: round(value, 3) for name, value in self.seconds_to_verdict().items()
            },
            "outcomes": [each.as_dict() for each in self.outcomes],
        }


SORTS: dict[str, Callable[[Outcome], str]] = {
    "fault": lambda each: each.scenario.fault,
    "position": lambda each: each.scenario.position,
    "route": lambda each: each.scenario.route,
    "family": lambda each: f"IPv{each.scenario.family}",
    "protocol": lambda each: each.scenario.protocol,
}


def scores(outcomes: Iterable[Outcome], key: Callable[[Outcome], str]) -> list[Score]:
    """Score each sort of outcomes."""
    sorts: dict[str, list[Outcome]] = {}
    for each in outcomes:
        sorts.setdefault(key(each), []).append(each)
    return [score(name, alike) for name, alike in sorted(sorts.items())]


def score(name: str, outcomes: Iterable[Outcome]) -> Score:
    """Count what is right."""
    outcomes = tuple(outcomes)
    return Score(
        name=name,
        total=len(outcomes),
        verdict=sum(each.verdict_right for each in outcomes),
        place=sum(each.place_right for each in outcomes),
        cause=sum(each.found.code == each.code and each.object_right for each in outcomes),
        right=sum(each.is_right for each in outcomes),
    )


def score_json(of: Score) -> dict[str, Any]:
    """Write a score."""
    return {
        "name": of.name,
        "total": of.total,
        "verdict_right": of.verdict,
        "place_right": of.place,
        "cause_right": of.cause,
        "right": of.right,
    }
