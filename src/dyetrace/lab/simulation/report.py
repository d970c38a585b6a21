"""What a simulation has shown: accuracy against the truth, times, and what each part took."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dyetrace.lab.simulation.processes import Used
from dyetrace.lab.simulation.truth import HEALTHY, Outcome

Json = dict[str, Any]
QUANTILES = {"p50": 0.5, "p99": 0.99, "max": 1.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One run."""

    version: str
    at: datetime
    cores: int
    wanted: Mapping[str, Any]  # the simulation's settings
    vfds: int
    networks: int
    outcomes: tuple[Outcome, ...]
    added_s: tuple[float, ...]  # requests to add a task
    probes_s: tuple[float, ...]  # small requests meanwhile
    used: Mapping[str, Used]
    took_s: float

    @property
    def answered(self) -> tuple[Outcome, ...]:
        """Tasks that have a verdict."""
        return tuple(each for each in self.outcomes if each.verdict)

    def as_json(self) -> Json:
        """Write it with stable names; seconds, bytes and shares."""
        judged = [each for each in self.outcomes if each.had_agents]
        broken = [each for each in judged if each.fault]
        healthy = [each for each in judged if not each.fault]
        records = sum(each.records for each in self.answered)
        return {
            "version": self.version,
            "at": self.at.isoformat(),
            "cores": self.cores,
            "is_simulated": True,
            "settings": dict(self.wanted),
            "vfds": self.vfds,
            "networks": self.networks,
            "tasks": len(self.outcomes),
            "answered": len(self.answered),
            "took_s": round(self.took_s, 3),
            "accuracy": {
                "broken": _accuracy(broken),
                "healthy": _accuracy(healthy),
                "false_accusations": sum(each.is_false_accusation for each in self.outcomes),
                "lucky": sum(each.is_lucky for each in self.outcomes),
                "kinds": {
                    kind: _accuracy([each for each in judged if each.kind == kind])
                    for kind in sorted({each.kind for each in self.outcomes} - {HEALTHY})
                },
            },
            "without_agents": _without_agents(
                [each for each in self.outcomes if not each.had_agents]
            ),
            "verdict_s": quantiles([each.verdict_s for each in self.answered]),
            "add_s": quantiles(self.added_s),
            "other_requests_s": quantiles(self.probes_s),
            "records": records,
            "records_lost": sum(each.records_lost for each in self.answered),
            "records_per_s": round(records / self.took_s, 1) if self.took_s else 0.0,
            "processes": {
                name: {"cpu_s": round(used.cpu_s, 3), "memory_peak_bytes": used.memory_peak_bytes}
                for name, used in self.used.items()
            },
            "wrong": [
                _told(each)
                for each in self.outcomes
                if not each.is_cause_right and (each.had_agents or not each.is_blindness_told)
            ],
        }


def quantiles(values: Sequence[float]) -> dict[str, float]:
    """Give median, 99th percentile and maximum."""
    ordered = sorted(values)
    if not ordered:
        return dict.fromkeys(QUANTILES, 0.0)
    return {
        name: round(ordered[min(int(share * len(ordered)), len(ordered) - 1)], 4)
        for name, share in QUANTILES.items()
    }


def _accuracy(outcomes: Sequence[Outcome]) -> Json:
    def share(is_right: Callable[[Outcome], bool]) -> float | None:
        if not outcomes:
            return None
        return round(sum(map(is_right, outcomes)) / len(outcomes), 4)

    return {
        "tasks": len(outcomes),
        "verdict": share(lambda each: each.is_verdict_right),
        "place": share(lambda each: each.is_place_right),
        "cause": share(lambda each: each.is_cause_right),
    }


def _without_agents(outcomes: Sequence[Outcome]) -> Json:
    """Count the tasks whose packets passed hosts that had no agent at some time meanwhile."""
    right = sum(each.is_cause_right for each in outcomes)
    blind = [each for each in outcomes if not each.is_cause_right and each.is_blindness_told]
    refused = sum(not each.verdict for each in blind)
    return {
        "tasks": len(outcomes),
        "right": right,
        "undetermined": len(blind) - refused,
        "refused": refused,
        "wrong": len(outcomes) - right - len(blind),
        "false_accusations": sum(each.is_false_accusation for each in outcomes),
    }


def _told(outcome: Outcome) -> Json:
    return {
        "fault": outcome.fault,
        "share": outcome.share,
        "expected": list(outcome.expected),
        "said": list(outcome.said),
        "verdict": outcome.verdict,
        "summary": outcome.summary,
        "error": outcome.error,
    }
