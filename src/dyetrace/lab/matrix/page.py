"""The report as a page for people."""

from collections.abc import Iterable

from dyetrace.lab.matrix.outcome import Outcome
from dyetrace.lab.matrix.report import SORTS, MatrixReport, Score, score, scores

MOST_LISTED = 400


def page(report: MatrixReport) -> str:
    """Write the report in Markdown."""
    parts = [
        "# The scenario matrix",
        "Written by the command below; do not edit.",
        f"```\n{report.command}\n```",
        (
            f"{len(report.outcomes)} of the matrix's {report.whole} scenarios, in "
            f"{report.seconds / 60:.1f} minutes: {len(report.broken)} with "
            f"one of {len({each.scenario.fault for each in report.broken})} faults, "
            f"{len(report.healthy)} healthy, {len(report.invalid)} invalid."
        ),
        (
            "Each proves that its traffic works, breaks the cloud, proves the loss by the count at "
            "the receiver's vNIC, diagnoses, compares with the truth that the fault declares, and "
            "heals. *Place* means host and VFD; *cause* its code and, where the fault declares it, "
            "the very rule, route, device or address; *all right* that nothing false is said "
            "beside them."
        ),
        score_table("", [score("with a fault", report.broken), score("healthy", report.healthy)]),
        times(report),
    ]
    parts += [
        f"## By {name}\n\n{score_table(name, scores(report.broken, key))}"
        for name, key in SORTS.items()
    ]
    parts += [confusion(report), wrong_ones(report), invalid_ones(report)]
    return "\n\n".join(part for part in parts if part) + "\n"


def score_table(heading: str, rows: Iterable[Score]) -> str:
    """Write scores, a row each."""
    lines = [
        f"| {heading} | scenarios | verdict right | place right | cause right | all right | |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {row.name} | {row.total} | {row.verdict} | {row.place} | {row.cause} | {row.right} |"
        f" {percent(row.right, row.total)} |"
        for row in rows
    ]
    return "\n".join(lines)


def percent(part: int, whole: int) -> str:
    """Write a share; never rounded up to all."""
    if not whole:
        return "-"
    return "100 %" if part == whole else f"{min(99.9, 100 * part / whole):.1f} %"


def times(report: MatrixReport) -> str:
    """Write how long verdicts took."""
    at = report.seconds_to_verdict()
    shown = ", ".join(f"{name} {value:.1f} s" for name, value in at.items())
    return f"Time to verdict, with up to six tasks at once on each cloud: {shown}."


def confusion(report: MatrixReport) -> str:
    """Write which codes were taken for which."""
    rows = report.confusion()
    if not rows:
        return "## Confusion\n\nNo code was taken for another."
    lines = ["| expected | found | scenarios |", "|---|---|---:|"]
    lines += [f"| {expected} | {found} | {count} |" for expected, found, count in rows]
    return "## Confusion\n\n" + "\n".join(lines)


def wrong_ones(report: MatrixReport) -> str:
    """List what was not all right."""
    if not report.wrong:
        return "## Wrong\n\nNone."
    lines = ["| scenario | expected | found |", "|---|---|---|"]
    lines += [
        f"| {each.scenario.id} | {expected(each)} | {found(each)} |"
        for each in report.wrong[:MOST_LISTED]
    ]
    return "## Wrong\n\n" + "\n".join(lines)


def invalid_ones(report: MatrixReport) -> str:
    """List what proves nothing."""
    if not report.invalid:
        return ""
    lines = ["| scenario | why |", "|---|---|"]
    lines += [
        f"| {each.scenario.id} | {' '.join(each.invalid.split())} |" for each in report.invalid
    ]
    intro = "These the lab did not carry out as declared, so they count neither way."
    return f"## Invalid\n\n{intro}\n\n" + "\n".join(lines)


def expected(of: Outcome) -> str:
    """Write the truth."""
    place = f"{of.vfd} on {of.host}" if of.host else "no host"
    return f"{of.verdicts[0]}, {of.code}, {place}{told(of, ' or '.join(of.objects))}"


def found(of: Outcome) -> str:
    """Write what was said."""
    place = f"{of.found.vfd} on {of.found.host}" if of.found.host else "no host"
    more = f", and {of.found.surplus} more" if of.found.surplus else ""
    return f"{of.found.verdict}, {of.found.code}, {place}{told(of, of.found.object)}{more}"


def told(of: Outcome, thing: str) -> str:
    """Write what is at fault, where that is what is wrong."""
    return "" if of.object_right else f": {thing.replace('|', '/')}"
