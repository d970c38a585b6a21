"""What a simulation has shown, as text, JSON and a page with plots; and its progress."""

import json
import sys
from pathlib import Path
from typing import Self

import typer

from dyetrace.cli.render import table
from dyetrace.errors import InvalidRequest
from dyetrace.lab.simulation.page import page
from dyetrace.lab.simulation.report import Json, Report

WIDTH = 30  # of the progress bar, in characters
MIB = 1024 * 1024
TOLD = 5  # lines a stage, where there is no terminal
FEW = 5  # wrong verdicts that the text tells
LONGEST = 200  # characters of what was said instead


class ProgressLine:
    """A bar on stderr that renews itself on a terminal, else some lines a stage."""

    def __init__(self) -> None:
        self._stage = ""
        self._told = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._stage and sys.stderr.isatty():
            typer.echo(err=True)

    def show(self, stage: str, done: int, whole: int) -> None:
        """Tell how far it is."""
        if sys.stderr.isatty():
            full = WIDTH * done // max(whole, 1)
            bar = "#" * full + "." * (WIDTH - full)
            typer.echo(f"\r\x1b[K{stage:<24} [{bar}] {done}/{whole}", err=True, nl=False)
        elif stage != self._stage or done * TOLD // max(whole, 1) > self._told:
            typer.echo(f"{stage} {done}/{whole}", err=True)
        self._stage, self._told = stage, done * TOLD // max(whole, 1)


def as_text(report: Report) -> str:
    """Write what matters of it."""
    facts = report.as_json()
    accuracy = facts["accuracy"]
    rows = [
        ["broken", *_shares(accuracy["broken"])],
        *([f"  {kind}", *_shares(found)] for kind, found in accuracy["kinds"].items()),
        ["healthy", *_shares(accuracy["healthy"])],
    ]
    shape = facts["settings"]["shape"]
    lines = [
        f"SIMULATED: {shape['hosts']} hosts, {facts['vfds']} VFDs, {shape['vms']} VMs",
        f"{facts['answered']} of {facts['tasks']} tasks answered in {facts['took_s']:.1f} s",
        "",
        table(["", "TASKS", "VERDICT", "PLACE", "CAUSE"], rows),
        "",
        f"False accusations: {accuracy['false_accusations']}",
        *_without_agents(facts["without_agents"]),
        f"Losses by chance that spared the colored packets: {accuracy['lucky']}",
        f"Request to verdict: {_times(facts['verdict_s'])}",
        f"Adding a task: {_times(facts['add_s'])}",
        f"Other requests: {_times(facts['other_requests_s'])}",
        f"Records: {facts['records']}, {facts['records_per_s']:.0f} a second",
        f"Lost records: {facts['records_lost']}",
        *(
            f"{name}: {used['cpu_s']:.1f} s of CPU, {used['memory_peak_bytes'] / MIB:.0f} MiB"
            for name, used in facts["processes"].items()
        ),
        *(_wrong(each) for each in facts["wrong"][:FEW]),
    ]
    if len(facts["wrong"]) > FEW:
        lines.append(f"and {len(facts['wrong']) - FEW} more: -o json has all")
    return "\n".join(lines)


def write_report(report: Report, path: Path) -> None:
    """Write FILE.json and FILE.html; raises InvalidRequest."""
    facts = report.as_json()
    try:
        path.with_suffix(".json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
        path.with_suffix(".html").write_text(page(facts, report), encoding="utf-8")
    except OSError as error:
        raise InvalidRequest(f"--report {path}: {error.strerror}") from error


def _shares(found: Json) -> list[str]:
    names = ("verdict", "place", "cause")
    return [
        str(found["tasks"]),
        *("-" if found[name] is None else f"{found[name]:.1%}" for name in names),
    ]


def _without_agents(found: Json) -> list[str]:
    if not found["tasks"]:
        return []
    told = [f"  {name.replace('_', ' ')}: {count}" for name, count in found.items()]
    return ["Where agents died meanwhile:", *told]


def _times(found: Json) -> str:
    return f"p50 {found['p50']:.3f} s, p99 {found['p99']:.3f} s, at most {found['max']:.3f} s"


def _wrong(outcome: Json) -> str:
    expected, said = (" ".join(filter(None, outcome[name])) for name in ("expected", "said"))
    why = (outcome["summary"] or outcome["error"])[:LONGEST]
    return (
        f"wrong: {outcome['fault'] or 'healthy'}: expected {expected or 'nobody'}, said "
        f"{said or outcome['verdict'] or 'nothing'}: {why}"
    )
