"""The answer in one sentence, the same wherever it is shown."""

from collections.abc import Sequence
from dataclasses import dataclass

from dyetrace.analysis.contrast import Contrast
from dyetrace.model.verdict import Finding, Unknown, VerdictKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Packets of a task."""

    total: int
    lost: int
    delivered: int

    @property
    def unknown(self) -> int:
        """Those of which nobody can say what became of them."""
        return self.total - self.lost - self.delivered


def summary_of(  # noqa: PLR0913 - a sentence of six facts
    kind: VerdictKind,
    counts: Counts,
    findings: Sequence[Finding],
    unknowns: Sequence[Unknown],
    *,
    ends: str,
    contrast: Contrast,
) -> str:
    """Say the answer. ends: where packets were delivered; contrast: of all that were lost."""
    if kind is VerdictKind.DELIVERED:
        return f"{counts.total} of {counts.total} packets delivered{ends} (OK)"
    if kind is VerdictKind.NOT_SEEN:
        return f"no packet seen: {_why(unknowns)}"
    if kind is VerdictKind.UNDETERMINED:
        return f"{_undetermined(counts)}: {_why(unknowns)}"
    told = _lost(counts, findings)
    if contrast.lost_first:
        told += f"; the {counts.delivered} packets after them arrived"
    elif contrast.lost_last:
        told += f"; the {counts.delivered} packets before them arrived"
    if counts.unknown:
        told += f"; of {counts.unknown} {_unsayable(counts.unknown)}"
    return told


def _why(unknowns: Sequence[Unknown]) -> str:
    return f"{unknowns[0].text} ({unknowns[0].code})"


def _undetermined(counts: Counts) -> str:
    traced = f"{counts.total} packet{'s' if counts.total > 1 else ''} traced"
    if counts.delivered:
        rest = f"of {counts.unknown} {_unsayable(counts.unknown)}"
        return f"{traced}, {counts.delivered} delivered, but {rest}"
    return f"{traced}, but {_unsayable(counts.total)}"


def _unsayable(packets: int) -> str:
    return f"it cannot be said whether {'they' if packets > 1 else 'it'} arrived"


def _lost(counts: Counts, findings: Sequence[Finding]) -> str:
    """Tell the largest loss in full, and how many others there are."""
    first, others = findings[0], len(findings) - 1
    of_all = f"{counts.lost} of {counts.total} packets"
    where = f"at {first.vfd} on host {first.host}"
    verb = "lost"
    if first.next_host:
        where, verb = f"between host {first.host} and host {first.next_host}", "vanished"
        told = f"({first.cause.code})"
    else:
        what = first.cause.title[0].lower() + first.cause.title[1:]
        where += ":"
        told = f"{what}: {first.object}" if first.object else what
        told += f" ({first.cause.code})"
    if not others:
        return f"{of_all} {verb} {where} {told}"
    more = f"and {others} more finding{'s' if others > 1 else ''}"
    return f"{of_all} lost, {first.packets} of them {where} {told}, {more}"
