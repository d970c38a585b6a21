"""The tables as this version of the program has them; `migrations/` tells how they came to be."""

from sqlalchemy import (
    DDL,
    JSON,
    BigInteger,
    Column,
    DateTime,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    event,
)

from dyetrace.model.task import TaskState

REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007")
"""Every schema there has been, oldest first; the last is the one below."""

FINAL = [state.value for state in TaskState if state.is_final]
WIDE = BigInteger().with_variant(Integer, "sqlite")  # there, only INTEGER counts up by itself

metadata = MetaData()
tasks = Table(
    "tasks",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("cloud", String, nullable=False),
    Column("filter", String, nullable=False),  # canonical text: what "the same filter" means
    Column("state", String(16), nullable=False),
    Column("opened_at", DateTime, nullable=False),  # UTC, as all times here
    Column("finished_at", DateTime),
    Column("request", JSON, nullable=False),
    Column("answer", JSON),
    Column("error", String),
    Column("cancel_requested", Integer, nullable=False, default=0),
    Column("runner_pid", Integer),  # None: nobody's yet, waits to be claimed
    Column("runner_started", WIDE),  # from /proc: a reused pid is another process
    Column("runner_host", String(80)),  # where that pid means anything
    Column("runner_until", DateTime),  # elsewhere, the runner counts as alive till then
    Column("queued", Integer, nullable=False, default=0, server_default="0"),
    Column("tenant", String, nullable=False, default="", server_default=""),  # "": the provider's
    Column("packets", Integer, nullable=False, server_default="0"),  # that it may color
    Column("packets_per_second", Integer, nullable=False, server_default="0"),
    Index("tasks_of_a_tenant", "tenant", "opened_at"),
)
Index(
    "one_active_task_per_filter",
    tasks.c.cloud,
    tasks.c.tenant,  # whether the provider traces the same is none of a tenant's business
    tasks.c.filter,
    unique=True,
    sqlite_where=tasks.c.state.not_in(FINAL),
    postgresql_where=tasks.c.state.not_in(FINAL),
)

task_hosts = Table(
    "task_hosts",
    metadata,
    Column("task", String(16), primary_key=True),
    Column("host", String, primary_key=True),  # where it colors
)

quotas = Table(
    "quotas",
    metadata,
    Column("tenant", String, primary_key=True),
    Column("active_tasks", Integer),  # None, here and below: as for all tenants
    Column("packets_per_task", Integer),
    Column("packets_per_second", Integer),
    Column("packets_per_day", Integer),
)

transitions = Table(
    "transitions",
    metadata,
    Column("seq", WIDE, primary_key=True),
    Column("task", String(16), nullable=False, index=True),
    Column("from_state", String(16)),  # None: it was not there, or nobody wrote it down
    Column("to_state", String(16), nullable=False),
    Column("at", DateTime, nullable=False),
    Column("by", String, nullable=False),
)

request_keys = Table(
    "request_keys",
    metadata,
    Column("principal", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("fingerprint", String(64), nullable=False),  # of the request that came with it
    Column("task", String(16), nullable=False),
    Column("expires_at", DateTime, nullable=False),
)

audit_log = Table(
    "audit_log",
    metadata,
    Column("seq", WIDE, primary_key=True),
    Column("at", DateTime, nullable=False),
    Column("principal", String, nullable=False),
    Column("role", String(16), nullable=False),
    Column("action", String(32), nullable=False),
    Column("target", String, nullable=False),  # a task's id, or a filter where none was made
    Column("outcome", String, nullable=False),
    sqlite_autoincrement=True,  # a number is never given twice
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("name", String, nullable=False),
    Column("role", String(16), nullable=False),
    Column("tenant", String, nullable=False),
    Column("created_at", DateTime, nullable=False),
    Column("expires_at", DateTime),
    Column("revoked_at", DateTime),
)

kill_switch = Table(
    "kill_switch",
    metadata,
    Column("id", Integer, primary_key=True),  # there is one row, or none: not pulled
    Column("at", DateTime, nullable=False),
    Column("by", String, nullable=False),
    Column("reason", String, nullable=False),
)

# SQLite's REPLACE deletes without asking triggers for deletion, so what it would
# replace is looked for before.
_KEEP_IN_SQLITE = (
    """CREATE TRIGGER audit_log_no_update BEFORE UPDATE ON audit_log
BEGIN SELECT RAISE(ABORT, 'the audit log only grows'); END""",
    """CREATE TRIGGER audit_log_no_delete BEFORE DELETE ON audit_log
BEGIN SELECT RAISE(ABORT, 'the audit log only grows'); END""",
    """CREATE TRIGGER audit_log_no_replace BEFORE INSERT ON audit_log
WHEN EXISTS (SELECT 1 FROM audit_log WHERE seq = NEW.seq)
BEGIN SELECT RAISE(ABORT, 'the audit log only grows'); END""",
)
_KEEP_IN_POSTGRESQL = (
    """CREATE FUNCTION audit_log_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'the audit log only grows'; END $$""",
    """CREATE TRIGGER audit_log_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
FOR EACH STATEMENT EXECUTE FUNCTION audit_log_only_grows()""",
)
for _dialect, _statements in (("sqlite", _KEEP_IN_SQLITE), ("postgresql", _KEEP_IN_POSTGRESQL)):
    for _statement in _statements:
        event.listen(
            audit_log,
            "after_create",
            DDL(_statement).execute_if(dialect=_dialect),  # type: ignore[no-untyped-call]
        )
