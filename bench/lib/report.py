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
    judged: str = "median"  # the part of the summary that the limit is about

    @property
    def holds(self) -> bool | None:
        """Whether it is within its limit; None where there is none."""
        value = float(getattr(self.summary, self.judged))
        if self.at_most is not None:
            return value <= self.at_most
        return value >= self.at_least if self.at_least is not None else None

    def line(self) -> str:
        """Write it as one line."""
        found = self.summary
        text = (
            f"  {self.name:<44}{_short(found.median):>9} {self.unit:<10}"
            f"{found.spread} {_short(found.low)} .. {_short(found.high)}, n={found.samples}"
        )
        if self.holds is None:
            return text
        limit = f"<= {self.at_most:g}" if self.at_most is not None else f">= {self.at_least:g}"
        return f"{text}  (limit {limit}: {'holds' if self.holds else 'MISSED'})"


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
