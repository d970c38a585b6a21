"""What an administrator does by the database itself stands in the audit log, too."""

import getpass

from dyetrace.controller.principal import Principal, Role
from dyetrace.controller.store import AuditLog, Database


def local_admin() -> Principal:
    """Name whoever runs the command; whoever may write the database may do all."""
    try:
        name = getpass.getuser()
    except (OSError, KeyError):  # a user id without a name
        name = "unknown"
    return Principal(name=f"local:{name}", role=Role.ADMIN)


def audited(database: Database, action: str, *, target: str, outcome: str) -> None:
    """Write a line of the audit log."""
    AuditLog(database).write(local_admin(), action, target=target, outcome=outcome)
