"""One bench's figures, for people or as JSON, with the machine they are of."""

import argparse
import json
import os
import platform
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from lib.stats import Summary


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured quantity; at most or at least says which limit it must hold."""

    name: str
    unit: str
    summary: Summary
    at_most: float | None = None
    at_least: float | None = None
    judged: str = "median"  # what of the summary the limit is about; "interval": all of it

    @property
    def holds(self) -> bool | None:
        """Whether it is within its limit; None where there is none, or it cannot be told."""
        if self.judged == "interval":
            answers = {self._is_within(self.summary.low), self._is_within(self.summary.high)}
            return answers.pop() if len(answers) == 1 else None
        return self._is_within(float(getattr(self.summary, self.judged)))

    def _is_within(self, value: float) -> bool | None:
        if self.at_most is not None:
            return value <= self.at_most
        return value >= self.at_least if self.at_least is not None else None

    def line(self) -> str:
        """Write it as one line."""
        found = self.summary
        text = (
            f"  {self.name:<44}{_short(found.median):>9} {self.unit:<11}"
            f"{found.spread} {_short(found.low)} .. {_short(found.high)}, n={found.samples}"
        )
        if self.at_most is None and self.at_least is None:
            return text
        limit = f"<= {self.at_most:g}" if self.at_most is not None else f">= {self.at_least:g}"
        answer = {True: "holds", False: "MISSED", None: "too noisy to tell"}[self.holds]
        return f"{text}  (limit {limit}: {answer})"


@dataclass(slots=True, kw_only=True)
class Report:
    """What one bench found."""

    title: str
    figures: list[Figure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def show(self, *, as_json: bool) -> None:
        """Print it."""
        if as_json:
            found = [asdict(figure) | {"holds": figure.holds} for figure in self.figures]
            content = {"title": self.title, "machine": machine()}
            print(json.dumps(content | {"figures": found, "notes": self.notes}, indent=2))
            return
        print(f"{self.title}\n  {machine()}")
        for figure in self.figures:
            print(figure.line())
        for note in self.notes:
            print(f"  - {note}")
        print()


def options(description: str | None) -> argparse.ArgumentParser:
    """Give the options that every bench has."""
    parser = argparse.ArgumentParser(description=(description or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


def machine() -> str:
    """Say what this was measured on."""
    cpu = platform.processor() or platform.machine()
    for line in _lines("/proc/cpuinfo"):
        if line.startswith("model name"):
            cpu = line.partition(":")[2].strip()
            break
    virtual = ", virtual" if any("hypervisor" in line for line in _lines("/proc/cpuinfo")) else ""
    return (
        f"{cpu}, {os.cpu_count()} CPUs{virtual}, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}"
    )


def _lines(path: str) -> Iterable[str]:
    return Path(path).read_text(encoding="utf-8").splitlines()


def _short(value: float) -> str:
    """Write a number with three digits that count."""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"
