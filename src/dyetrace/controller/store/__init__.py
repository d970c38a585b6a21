"""What a controller keeps: tasks and answers, request keys, the audit log, tokens, quotas.

Kept in SQLite unless a URL says PostgreSQL; everything here means the same in both.
"""

from dyetrace.controller.store.admission import Admission, HostLimits
from dyetrace.controller.store.audit import AuditEntry, AuditLog
from dyetrace.controller.store.database import Database
from dyetrace.controller.store.kill_switch import KillSwitch, Pulled
from dyetrace.controller.store.pages import After, TaskPages, Wanted
from dyetrace.controller.store.quotas import Quota, QuotaStore
from dyetrace.controller.store.request_keys import RequestKey, RequestKeys
from dyetrace.controller.store.tasks import StoredTask, TakenUpTask, TaskStore
from dyetrace.controller.store.tokens import Token, TokenStore
from dyetrace.controller.store.transitions import Transition

__all__ = [
    "Admission",
    "After",
    "AuditEntry",
    "AuditLog",
    "Database",
    "HostLimits",
    "KillSwitch",
    "Pulled",
    "Quota",
    "QuotaStore",
    "RequestKey",
    "RequestKeys",
    "StoredTask",
    "TakenUpTask",
    "TaskPages",
    "TaskStore",
    "Token",
    "TokenStore",
    "Transition",
    "Wanted",
]
