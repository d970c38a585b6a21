"""A store of any earlier version becomes today's, and loses nothing."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, insert, inspect, select, text
from sqlalchemy.sql import column, table

from dyetrace.controller.store import AuditLog, TaskStore, TokenStore
from dyetrace.controller.store.schema import REVISIONS, metadata
from dyetrace.controller.store.versions import MIGRATIONS, migrate
from dyetrace.model.task import TaskState, task_name
from support.stores.processes import at_once

WRITTEN_BY_0_1 = Path(__file__).with_name("dyetrace-0.1.sql")
BEFORE = REVISIONS[:-1]
THEN, NEVER = datetime(2026, 1, 1), datetime(9999, 1, 1)  # noqa: DTZ001 - as the tables have it
COLUMNS_OF_0_1 = (
    *("id", "cloud", "filter", "state", "opened_at", "finished_at", "request", "answer"),
    *("error", "cancel_requested", "runner_pid", "runner_started"),
)
# One row of each table, as of the schema that brought it.
ROWS = {
    "transitions": {
        "task": "a" * 16, "from_state": "new", "to_state": "ready",
        "at": THEN, "by": "ann",
    },
    "request_keys": {
        "principal": "ann", "key": "k", "fingerprint": "f", "task": "a" * 16,
        "expires_at": NEVER,
    },
    "audit_log": {
        "at": THEN, "principal": "ann", "role": "operator", "action": "start",
        "target": "x", "outcome": "done",
    },
    "tokens": {
        "id": "t", "digest": "d", "name": "ann", "role": "operator", "tenant": "",
        "created_at": THEN,
    },
    "kill_switch": {"id": 1, "at": THEN, "by": "ann", "reason": "test"},
    "task_hosts": {"task": "a" * 16, "host": "cn-1"},
    "quotas": {"tenant": "blue", "active_tasks": 7},
}  # fmt: skip


def engine_of(url):
    return create_engine(url.replace("postgresql:", "postgresql+psycopg:"))


def rows_of(connection, name):
    """Read what is in a table, whatever columns it has, without the store's help."""
    names = [item["name"] for item in inspect(connection).get_columns(name)]
    found = connection.execute(select(*map(column, names)).select_from(table(name)))
    return [dict(zip(names, row, strict=True)) for row in found]


def old_rows():
    with closing(sqlite3.connect(":memory:")) as memory:
        memory.executescript(WRITTEN_BY_0_1.read_text(encoding="utf-8"))
        return memory.execute("SELECT * FROM tasks").fetchall()


def made_at(url, revision):
    """Make a database of an earlier schema, with the tasks of 0.1 and a row in each table."""
    engine = engine_of(url)
    with engine.begin() as connection:
        migrate(connection, "0001")
        connection.execute(
            insert(table("tasks", *map(column, COLUMNS_OF_0_1))),
            [dict(zip(COLUMNS_OF_0_1, row, strict=True)) for row in old_rows()],
        )
        migrate(connection, revision)
        for name, row in ROWS.items():
            if inspect(connection).has_table(name):
                connection.execute(insert(table(name, *map(column, row))).values(**row))
        kept = {
            name: rows_of(connection, name)
            for name in inspect(connection).get_table_names()
            if name != "alembic_version"
        }
    engine.dispose()
    return kept


def index_text(index):
    where = [str(value) for name, value in index["dialect_options"].items() if "where" in name]
    return f"{index['name']} {index['column_names']} {index['unique']} {where}"


def shape(url):
    """All that makes a schema, as the database itself tells it."""
    engine = engine_of(url)
    with engine.connect() as connection:
        found = inspect(connection)
        tables = {
            name: (
                sorted(
                    (
                        column["name"], str(column["type"]), column["nullable"],
                        str(column["default"]).replace("'", ""),
                    )
                    for column in found.get_columns(name)
                ),
                found.get_pk_constraint(name)["constrained_columns"],
                sorted(map(index_text, found.get_indexes(name))),
            )
            for name in found.get_table_names()
        }  # fmt: skip
        if engine.dialect.name == "sqlite":
            query = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name"
        else:
            query = (
                "SELECT tgname, pg_get_triggerdef(t.oid), prosrc FROM pg_trigger t "
                "JOIN pg_proc p ON p.oid = tgfoid WHERE NOT tgisinternal ORDER BY tgname"
            )
        triggers = [tuple(row) for row in connection.execute(text(query))]
    engine.dispose()
    assert triggers
    return tables, triggers


@pytest.fixture
def today(any_url, tmp_path, request):
    """The shape of a database that today's program made by itself."""
    if any_url.startswith("sqlite"):
        url = f"sqlite:///{tmp_path / 'new.db'}"
        TaskStore(url).close()
        return shape(url)
    server = request.getfixturevalue("server")
    url = server.new_database()
    TaskStore(url).close()
    found = shape(url)
    server.drop_database(url)
    return found


def test_the_revisions_are_the_scripts():
    scripts = ScriptDirectory(str(MIGRATIONS), version_locations=[str(MIGRATIONS)])

    revisions = [script.revision for script in scripts.walk_revisions()]

    assert tuple(reversed(revisions)) == REVISIONS


@pytest.mark.parametrize("revision", BEFORE)
def test_no_row_is_lost_and_the_schema_is_todays(any_url, today, revision):
    before = made_at(any_url, revision)

    store = TaskStore(any_url)

    with store.database.reading() as connection:
        for name, rows in before.items():
            now = rows_of(connection, name)
            assert [row for row in rows if not any(row.items() <= new.items() for new in now)] == []
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, metadata) == []
    store.close()
    assert shape(any_url) == today


@pytest.mark.parametrize("revision", BEFORE)
def test_what_was_kept_is_read_as_it_was_meant(any_url, revision):
    made_at(any_url, revision)

    store = TaskStore(any_url)

    done = store.get(task_name(1))
    assert done.state is TaskState.DONE
    assert done.answer["summary"] == "20 of 20 packets lost: dünne Leitung"
    assert done.finished_at == datetime(2026, 1, 1, 12, 31, tzinfo=UTC)
    assert store.get(task_name(2)).error == "no agent answers"
    assert [step.to_state for step in store.history(task_name(1))] == ["new", "done"]
    assert store.history(task_name(1))[0].at == done.opened_at
    assert len(AuditLog(store.database).read()) == (revision >= "0005")
    assert len(TokenStore(store.database).list()) == (revision >= "0005")
    assert len(store.list()) == 4  # which also ends the one whose runner is long dead
    assert store.get(task_name(4)).state is TaskState.FAILED
    store.close()


def test_the_very_file_that_0_1_wrote_is_recognised(tmp_path):
    path = tmp_path / "dyetrace.db"
    with closing(sqlite3.connect(path)) as file:
        file.executescript(WRITTEN_BY_0_1.read_text(encoding="utf-8"))

    store = TaskStore(f"sqlite:///{path}")

    assert [task.id for task in store.list()] == [task_name(n) for n in (4, 3, 2, 1)]
    store.close()


def test_a_database_of_0_1_in_postgresql_is_recognised(postgres_url):
    made_at(postgres_url, "0001")
    engine = engine_of(postgres_url)
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE alembic_version"))
    engine.dispose()

    store = TaskStore(postgres_url)

    assert len(store.list()) == 4
    store.close()


@pytest.mark.parametrize("revision", [REVISIONS[0], REVISIONS[2]])
def test_processes_that_open_an_old_store_at_once_migrate_it_once(any_url, today, revision):
    made_at(any_url, revision)

    at_once(any_url, "open_only")

    store = TaskStore(any_url)
    assert len(store.history(task_name(1))) == 2
    store.close()
    assert shape(any_url) == today


def test_a_migration_that_fails_leaves_the_store_as_it_was(any_url):
    made_at(any_url, "0001")
    engine = engine_of(any_url)
    with engine.begin() as connection:  # what the last step wants to make is in its way
        connection.execute(text("CREATE TABLE audit_log (x INTEGER)"))
    before = old_shape(any_url)

    with pytest.raises(Exception, match="audit_log"):
        TaskStore(any_url)

    assert old_shape(any_url) == before
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE audit_log"))
    engine.dispose()
    store = TaskStore(any_url)
    assert len(store.list()) == 4
    store.close()


def old_shape(url):
    engine = engine_of(url)
    with engine.connect() as connection:
        found = inspect(connection)
        shapes = {
            name: sorted(column["name"] for column in found.get_columns(name))
            for name in found.get_table_names()
        }
        version = connection.scalar(text("SELECT version_num FROM alembic_version"))
    engine.dispose()
    return shapes, version
