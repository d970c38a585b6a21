"""A simulation's report as one page: numbers, and plots as SVG, with nothing to be fetched."""

from collections.abc import Sequence
from html import escape

from dyetrace.lab.simulation.report import Json, Report

WIDE, HIGH, MARGIN = 640, 240, 40
BAR = 22
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
  color: #1b1f24; background: #fff }
table { border-collapse: collapse } td, th { padding: .2rem .8rem; text-align: left;
  border-bottom: 1px solid #d0d7de }
.simulated { display: inline-block; padding: .1rem .6rem; border: 2px solid currentColor }
svg { max-width: 100%; height: auto } svg text { fill: currentColor; font-size: 12px }
@media (prefers-color-scheme: dark) { body { color: #e6edf3; background: #0d1117 }
  td, th { border-color: #30363d } }
"""


def page(facts: Json, report: Report) -> str:
    """Write the page."""
    shape, accuracy = facts["settings"]["shape"], facts["accuracy"]
    kinds = {"broken, all": accuracy["broken"], "healthy": accuracy["healthy"], **accuracy["kinds"]}
    parts = [
        (
            f"<p class=simulated>Simulated: {shape['hosts']} hosts, {facts['vfds']} VFDs, "
            f"{shape['vms']} VMs, seed {shape['seed']}</p>"
        ),
        (
            f"<p>{facts['answered']} of {facts['tasks']} tasks answered in "
            f"{facts['took_s']:.1f} s, {facts['settings']['at_once']} at once, on "
            f"{facts['cores']} cores; {accuracy['false_accusations']} false accusations.</p>"
        ),
        "<h2>How often the verdicts were right</h2>",
        _rows(
            ["", "tasks", "verdict", "place", "cause"],
            [
                [name, found["tasks"], *(_share(found[it]) for it in ("verdict", "place", "cause"))]
                for name, found in kinds.items()
            ],
        ),
        *_where_agents_died(facts["without_agents"]),
        "<h2>From the request to the verdict</h2>",
        _cumulative([each.verdict_s for each in report.answered], "seconds"),
        "<h2>Requests to the API meanwhile</h2>",
        _cumulative(report.probes_s, "seconds"),
        "<h2>What each process took</h2>",
        _rows(
            ["", "CPU, s", "memory at most, MiB"],
            [
                [name, f"{used['cpu_s']:.1f}", f"{used['memory_peak_bytes'] / 2**20:.0f}"]
                for name, used in facts["processes"].items()
            ],
        ),
        "<h2>CPU by process</h2>",
        _bars({name: used["cpu_s"] for name, used in facts["processes"].items()}, "s"),
        "<h2>What was wrong</h2>",
        _rows(
            ["fault", "expected", "said", "summary"],
            [
                [
                    each["fault"] or "healthy",
                    " ".join(each["expected"]) or "nobody",
                    " ".join(each["said"]).strip() or each["verdict"],
                    each["summary"] or each["error"],
                ]
                for each in facts["wrong"]
            ],
        ),
    ]
    return (
        '<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>dyetrace simulation</title>'
        f"<style>{STYLE}</style><h1>dyetrace simulation</h1>\n" + "\n".join(parts) + "</html>\n"
    )


def _where_agents_died(found: Json) -> list[str]:
    if not found["tasks"]:
        return []
    cells = [[name.replace("_", " "), count] for name, count in found.items()]
    return ["<h2>Where agents died meanwhile</h2>", _rows(["", "tasks"], cells)]


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def _rows(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    if not rows:
        return "<p>Nothing.</p>"
    cells = "".join(f"<th>{escape(name)}</th>" for name in head)
    lines = "".join(
        "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<table><tr>{cells}</tr>{lines}</table>"


def _cumulative(values: Sequence[float], unit: str) -> str:
    """Plot which share of values is at most how large."""
    ordered = sorted(values)
    if not ordered:
        return "<p>There are none.</p>"
    most = ordered[-1] or 1.0
    wide, high = WIDE - 2 * MARGIN, HIGH - 2 * MARGIN
    points = " ".join(
        f"{MARGIN + wide * value / most:.1f},{HIGH - MARGIN - high * (rank + 1) / len(ordered):.1f}"
        for rank, value in enumerate(ordered)
    )
    ticks = "".join(
        f'<text x="{MARGIN + wide * step / 4:.0f}" y="{HIGH - 15}" text-anchor="middle">'
        f"{most * step / 4:.2f}</text>"
        for step in range(5)
    )
    marks = "".join(
        f'<text x="{MARGIN - 5}" y="{HIGH - MARGIN - high * share / 100 + 4:.0f}" '
        f'text-anchor="end">{share}%</text>'
        for share in (0, 50, 100)
    )
    return (
        f'<svg viewBox="0 0 {WIDE} {HIGH}" role="img" aria-label="share of all by {unit}">'
        f'<path d="M{MARGIN} {MARGIN}V{HIGH - MARGIN}H{WIDE - MARGIN}" fill="none" '
        f'stroke="currentColor"/><polyline points="{points}" fill="none" stroke="#0969da" '
        f'stroke-width="2"/>{ticks}{marks}<text x="{WIDE / 2}" y="{HIGH - 2}" '
        f'text-anchor="middle">{unit}</text></svg>'
    )


def _bars(values: dict[str, float], unit: str) -> str:
    most = max(values.values(), default=0.0) or 1.0
    bars = "".join(
        f'<text x="0" y="{BAR * row + 15}">{escape(name)}</text>'
        f'<rect x="120" y="{BAR * row + 3}" width="{400 * value / most:.1f}" height="{BAR - 8}" '
        f'fill="#0969da"/><text x="{125 + 400 * value / most:.1f}" y="{BAR * row + 15}">'
        f"{value:.1f} {unit}</text>"
        for row, (name, value) in enumerate(values.items())
    )
    high = BAR * len(values) + 5
    return f'<svg viewBox="0 0 {WIDE} {high}" role="img" aria-label="{unit}">{bars}</svg>'
