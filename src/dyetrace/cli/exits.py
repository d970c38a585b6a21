"""The exit status that each verdict gives."""

from dyetrace.errors import ExitStatus

BY_VERDICT = {
    "DELIVERED": ExitStatus.DELIVERED,
    "LOST": ExitStatus.LOSS_LOCATED,
    "PARTIAL": ExitStatus.LOSS_LOCATED,
    "UNDETERMINED": ExitStatus.LOSS_NOT_LOCATED,
    "NOT_SEEN": ExitStatus.NOTHING_MATCHED,
}
