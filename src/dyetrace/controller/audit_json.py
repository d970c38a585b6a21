"""A line of the audit log as JSON: the names that CLI and API share."""

from dyetrace.controller.store import AuditEntry
from dyetrace.wire.answer import Json, rfc3339


def entry_json(entry: AuditEntry) -> Json:
    """Write a line of the audit log."""
    return {
        "seq": entry.seq,
        "at": rfc3339(entry.at),
        "principal": entry.principal,
        "role": entry.role.value if entry.role else None,
        "action": entry.action,
        "target": entry.target,
        "outcome": entry.outcome,
    }
