"""Answers as text: the verdict first, then the path, the evidence and the remedy."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from dyetrace.cli.inspection_view import NS_PER_MS, flow_text, render_inspections

Json = Mapping[str, Any]

SIGNS = {"DELIVERED": "+", "LOST": "x", "PARTIAL": "!", "NOT_SEEN": "?", "UNDETERMINED": "?"}
PATHS_SHOWN = 5
NS_PER_US = 1000


def render(answer: Json, output: str, *, inspect: bool = False) -> str:
    """Write an answer in one of the output formats; inspect: also what each VFD decided."""
    if output in {"json", "jsonl"}:
        return render_json(answer, output)
    parts = [f"{SIGNS[answer['verdict']]} {answer['summary']}"]
    wide = output == "wide"
    shown = answer["paths"][:PATHS_SHOWN]
    for path in shown:
        title = f"{path['packets']} packets {path['fate']}" if len(answer["paths"]) > 1 else ""
        parts.append("\n".join(filter(None, [title, _path(path, answer, wide=wide)])))
    if len(answer["paths"]) > PATHS_SHOWN:
        parts.append(f"({len(answer['paths']) - PATHS_SHOWN} more paths: -o json)")
    if inspect:
        parts.append(render_inspections(answer))
    parts.extend(_finding(finding) for finding in answer["findings"])
    facts = [f" Unknown {item['code']}: {item['text']}" for item in answer["undetermined"]]
    cost = answer["cost"]
    facts.append(
        f" Cost    {_count(cost['hosts'], 'host')}, {_count(cost['vfds'], 'VFD')}, "
        f"{_count(cost['probes'], 'probe')}, {_count(cost['records'], 'record')}, "
        f"{cost['records_lost']} lost{_inspections(cost)}"
    )
    facts.append(f" Task    {answer['id']}")
    parts.append("\n".join(facts))
    return "\n\n".join(parts)


def seen_by(role: str, answer: Json) -> Json:
    """Give the answer as an operator or its tenant may see it."""
    if role != "tenant":
        return answer
    from dyetrace.wire.tenant_view import as_tenant

    return as_tenant(answer, answer["filter"].get("tenant", ""))


def render_json(value: object, output: str) -> str:
    """Write JSON: indented, or on one line for jsonl."""
    encoded = msgspec.json.encode(value)
    return (encoded if output == "jsonl" else msgspec.json.format(encoded, indent=2)).decode()


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Align columns; the last one is as long as it is."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head) - 1)]
    return "\n".join(
        "  ".join(
            [*(cell.ljust(w) for cell, w in zip(row, widths, strict=False)), row[-1]]
        ).rstrip()
        for row in [head, *rows]
    )


def _path(path: Json, answer: Json, *, wide: bool) -> str:
    head = ["#", "HOST", "VFD", "PORT", "POINT", "SEEN", "DELAY p50/p99", "NOTE"]
    if wide:
        head.insert(-1, "5-TUPLE")
    rows = []
    for position, hop in enumerate(path["hops"]):
        before = path["hops"][position - 1]["seen"] if position else answer["total"]
        left = before - hop["seen"] if hop["point"] == "DROP" else hop["seen"]
        row = [
            f"{hop['seq']:>2}",
            hop["host"],
            hop["vfd"] or "-",
            hop["port"] or "-",
            hop["point"].lower(),
            "n/a" if hop["absence"] else f"{left}/{answer['total']}",
            _delay(hop["delay_ns"]),
            _note(hop, path, answer),
        ]
        if wide:
            row.insert(-1, flow_text(hop["five_tuple"]))
        rows.append(row)
    return table(head, rows)


def _delay(delay: Json | None) -> str:
    if delay is None:
        return "n/a"
    if delay["max"] == 0 and delay["uncertainty"] == 0:
        return "0"
    text = f"{_us(delay['p50'])}/{_us(delay['p99'])}"
    if delay["uncertainty"] is None:
        return f"{text} us, clocks unknown"
    if delay["uncertainty"]:
        return f"{text} +- {_us(delay['uncertainty'])} us"
    return f"{text} us"


def _us(nanoseconds: int) -> str:
    microseconds = nanoseconds / NS_PER_US
    return f"{microseconds:.1f}" if microseconds < 100 else f"{microseconds:.0f}"  # noqa: PLR2004 - three digits are enough


def _note(hop: Json, path: Json, answer: Json) -> str:
    notes = [f"not observed: {hop['absence']}"] if hop["absence"] else []
    if outer := hop["outer"]:
        number = f" {outer['vni']}" if outer["vni"] else ""
        notes.append(f"{outer['encapsulation']}{number} -> {outer['dst']}")
    if hop["nat"]:
        notes.append(
            f"NAT: {flow_text(hop['nat']['before'])} became {flow_text(hop['nat']['after'])}"
        )
    if hop["point"] == "DROP":
        found = next((f for f in answer["findings"] if f["vfd"] == hop["vfd"]), None)
        notes.append(
            f"observed: {found['drop_reason']}" if found and found["drop_reason"] else "observed"
        )
    elif path["fate"] == "vanished" and hop is path["hops"][-1] and not hop["absence"]:
        notes.append("last seen here")
    return "; ".join(notes)


def _finding(finding: Json) -> str:
    where = "" if finding["host"] == "provider" else f" on host {finding['host']}"
    lines = [
        f" Cause   {finding['code']}: {finding['title']} ({finding['packets']} packets)",
        f" Place   {finding['vfd']}{where}"
        + (f", port {finding['port']}" if finding["port"] else "")
        + (f", namespace {finding['netns']}" if finding["netns"] else ""),
    ]
    if finding["object"]:
        lines.append(f" Object  {finding['object']}")
    lines.append(f" Owner   {finding['owner']}, severity {finding['severity']}")
    lines.extend(f" Shown   {shown['class']}: {shown['text']}" for shown in finding["evidence"])
    lines.append(f" Remedy  {finding['remedy']['text']}")
    if finding["remedy"]["command"]:
        lines.append(f"         {finding['remedy']['command']}")
    return "\n".join(lines)


def _inspections(cost: Json) -> str:
    """Say what inspecting took; answers of earlier versions do not know."""
    if not cost.get("inspections"):
        return ""
    left_out = cost["inspections_left_out"]
    return (
        f", {_count(cost['inspections'], 'inspection')} "
        f"of {cost['longest_inspection_ns'] / NS_PER_MS:.0f} ms at most"
        + (f" ({left_out} left out)" if left_out else "")
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
