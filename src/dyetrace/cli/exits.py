"""The exit status that each verdict gives."""

from collections.abc import Iterable

from dyetrace.errors import ExitStatus

BY_VERDICT = {
    "DELIVERED": ExitStatus.DELIVERED,
    "LOST": ExitStatus.LOSS_LOCATED,
    "PARTIAL": ExitStatus.LOSS_LOCATED,
    "UNDETERMINED": ExitStatus.LOSS_NOT_LOCATED,
    "NOT_SEEN": ExitStatus.NOTHING_MATCHED,
}
WORST_FIRST = (
    ExitStatus.LOSS_LOCATED,
    ExitStatus.LOSS_NOT_LOCATED,
    ExitStatus.NOTHING_MATCHED,
    ExitStatus.DELIVERED,
)


def worst(verdicts: Iterable[str]) -> ExitStatus:
    """Give the status of several answers: that of the worst."""
    return min((BY_VERDICT[verdict] for verdict in verdicts), key=WORST_FIRST.index)
