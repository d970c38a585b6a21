"""A connection to SQLite or PostgreSQL that speaks our errors and has today's tables."""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, func, select
from sqlalchemy.engine import URL, ExceptionContext, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError

from dyetrace.controller.store.translate import translated
from dyetrace.controller.store.versions import bring_up_to_date
from dyetrace.errors import InvalidRequest, NotPermitted, StoreUnavailable

DEFAULT_FOLDER = Path("/var/lib/dyetrace")
WRITING = {"is_writing": True}
SERVER_SETTINGS = {
    "timezone": "UTC",
    "lock_timeout": "10s",
    "statement_timeout": "60s",
    "idle_in_transaction_session_timeout": "60s",
    # The server lets go of what a controller held that was cut off in mid-transaction.
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "10s",
}
SQLITE_PATIENCE_S = 5.0
NETWORK_PATIENCE = {  # a cut connection is noticed in seconds, not in the kernel's two hours
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,  # ms
}


class Database:
    """Where everything is kept; safe to share between threads."""

    def __init__(self, url: str | None = None) -> None:
        """Open, and bring the tables up to date; None: the default SQLite file.

        Raises StoreUnavailable, StoreTooNew, NotPermitted or InvalidRequest.
        """
        if url is None:
            url = f"sqlite:///{state_folder() / 'dyetrace.db'}"
        self._engine = _engine(url)
        self.is_local = self._engine.dialect.name == "sqlite"
        try:
            bring_up_to_date(self, place=_place(self._engine.url))
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Connect to read."""
        with self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Connect to read and write in one transaction, which ends with the block."""
        with self._engine.execution_options(**WRITING).begin() as connection:
            yield connection

    def now(self, connection: Connection) -> datetime:
        """Tell the time (UTC, naive) by a clock that all controllers of this database share."""
        if self.is_local:
            return datetime.now(UTC).replace(tzinfo=None)
        moment: datetime = connection.execute(
            select(func.timezone("UTC", func.clock_timestamp()))
        ).scalar_one()
        return moment


def stored_time(moment: datetime) -> datetime:
    """Write an aware time as the tables have it."""
    return moment.astimezone(UTC).replace(tzinfo=None)


def _engine(text: str) -> Engine:
    try:
        url = make_url(text)
    except ArgumentError as error:
        raise InvalidRequest(
            "no URL of a database: write sqlite:////PATH or postgresql://USER@HOST/NAME"
        ) from error
    if url.drivername in {"postgres", "postgresql", "postgresql+psycopg"}:
        engine = _postgresql(url.set(drivername="postgresql+psycopg"))
    elif url.drivername == "sqlite":
        engine = create_engine(url)
        event.listen(engine, "connect", _let_readers_and_writers_meet)
        event.listen(engine, "begin", _begin)
    else:
        raise InvalidRequest(f"{url.drivername} is neither sqlite nor postgresql")
    place = _place(url)

    def translate(context: ExceptionContext) -> None:
        error = context.sqlalchemy_exception
        # A broken constraint is our own affair, a dead connection in the pool the pool's.
        is_ours = isinstance(error, IntegrityError) or context.is_pre_ping
        if isinstance(error, DBAPIError) and not is_ours:
            original = context.original_exception
            raise translated(
                original, place=place, is_disconnect=context.is_disconnect
            ) from original

    event.listen(engine, "handle_error", translate)
    return engine


def _postgresql(url: URL) -> Engine:
    settings = " ".join(f"-c {name}={value}" for name, value in SERVER_SETTINGS.items())
    arguments = {"application_name": "dyetrace", "options": settings} | NETWORK_PATIENCE
    try:
        return create_engine(
            url,
            pool_pre_ping=True,  # a server that came back finds new connections, not errors
            connect_args={
                name: value for name, value in arguments.items() if name not in url.query
            },
        )
    except ModuleNotFoundError as error:
        raise StoreUnavailable(
            "PostgreSQL needs psycopg: pip install 'dyetrace[postgresql]'"
        ) from error


def _place(url: URL) -> str:
    if url.drivername == "sqlite":
        return url.database or "memory"
    shown = {name: value for name, value in url.query.items() if name in {"host", "port"}}
    return url.set(query=shown).render_as_string(hide_password=True)


def state_folder(chosen: Path | None = None) -> Path:
    """Make the folder for tasks, or another; raises NotPermitted or StoreUnavailable."""
    folder = chosen or Path(os.environ.get("DYETRACE_STATE", DEFAULT_FOLDER))
    hint = "run as root, or set DYETRACE_STATE to a folder of yours"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except PermissionError as error:
        raise NotPermitted(f"cannot keep tasks in {folder}: {error.strerror}; {hint}") from error
    except OSError as error:
        raise StoreUnavailable(
            f"cannot keep tasks in {folder}: {error.strerror}; set DYETRACE_STATE to another folder"
        ) from error
    if os.geteuid() != 0 and not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise NotPermitted(f"cannot keep tasks in {folder}: it is not yours; {hint}")
    return folder


def _let_readers_and_writers_meet(connection: Any, _: object) -> None:  # noqa: ANN401 - DB-API
    connection.isolation_level = None  # transactions begin where we say, not at the first write
    connection.execute(f"PRAGMA busy_timeout={SQLITE_PATIENCE_S * 1000:.0f}")
    deadline = time.monotonic() + SQLITE_PATIENCE_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            # Of several who change a new file's mode at once, SQLite lets none wait.
            is_busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not is_busy or time.monotonic() > deadline:
                raise
            time.sleep(0.005)
        else:
            return


def _begin(connection: Connection) -> None:
    """Take SQLite's one write lock first: a reader that turns writer can only be refused."""
    is_writing = connection.get_execution_options().get("is_writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writing else "BEGIN")
