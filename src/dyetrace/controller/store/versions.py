"""Which schema a database has, and how it gets today's."""

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Column, Connection, MetaData, String, Table, inspect, select, text

from dyetrace.controller.store.schema import REVISIONS, metadata
from dyetrace.errors import StoreTooNew, StoreUnavailable

if TYPE_CHECKING:
    from dyetrace.controller.store.database import Database

HEAD = REVISIONS[-1]
MIGRATIONS = Path(__file__).with_name("migrations")
LOCK = 0x64796574  # "dyet": the advisory lock of whoever migrates

# As Alembic has it, so that either may write it.
alembic_version = Table(
    "alembic_version", MetaData(), Column("version_num", String(32), primary_key=True)
)

TASKS_OF_0_1 = {
    *("id", "cloud", "filter", "state", "opened_at", "finished_at", "request", "answer"),
    *("error", "cancel_requested", "runner_pid", "runner_started"),
}


def bring_up_to_date(database: "Database", *, place: str) -> None:
    """Make the tables, or migrate them; raises StoreTooNew or StoreUnavailable.

    All in one transaction and under a lock: it happens once, whole or not at all,
    however many processes open the database at the same moment.
    """
    with database.reading() as connection:
        if _stored_version(connection) == HEAD:
            return
    with database.writing() as connection:
        _lock(connection)
        version = _stored_version(connection) or _version_without_table(connection, place)
        if version is None:
            metadata.create_all(connection)
            stamp(connection, HEAD)
        elif version not in REVISIONS:
            raise StoreTooNew(place=place, found=version, known=HEAD)
        elif version != HEAD:
            migrate(connection)


def migrate(connection: Connection, to: str = HEAD) -> None:
    """Take a database that has a version to a later one, in the caller's transaction."""
    # Alembic costs a tenth of a second, so only those who need it pay.
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory

    script = ScriptDirectory(str(MIGRATIONS), version_locations=[str(MIGRATIONS)])
    environment = EnvironmentContext(
        Config(),
        script,
        fn=lambda revision, _: script._upgrade_revs(to, revision),  # noqa: SLF001
    )
    with environment:
        environment.configure(connection=connection, transactional_ddl=True)
        environment.run_migrations()


def stamp(connection: Connection, version: str) -> None:
    """Write down which schema a database has that had no version."""
    alembic_version.create(connection, checkfirst=True)
    connection.execute(alembic_version.insert().values(version_num=version))


def _stored_version(connection: Connection) -> str | None:
    if not inspect(connection).has_table(alembic_version.name):
        return None
    version: str | None = connection.scalar(select(alembic_version.c.version_num))
    return version


def _version_without_table(connection: Connection, place: str) -> str | None:
    """Recognise dyetrace 0.1, which wrote no version, and stamp it; None: nothing is there."""
    found = inspect(connection)
    if not found.has_table("tasks"):
        return None
    if {column["name"] for column in found.get_columns("tasks")} != TASKS_OF_0_1:
        raise StoreUnavailable(
            f"{place} has a table `tasks` that is not dyetrace's: give dyetrace a database "
            "of its own"
        )
    stamp(connection, REVISIONS[0])
    return REVISIONS[0]


def _lock(connection: Connection) -> None:
    """Wait for whoever migrates; in SQLite a writing transaction is such a lock by itself."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL lock_timeout = '120s'"))
        connection.execute(text("SET LOCAL statement_timeout = 0"))  # a large table takes its time
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
