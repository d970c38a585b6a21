"""The store in PostgreSQL: what holds in any database, and what goes wrong with a server."""

import signal
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from dyetrace.controller.store import TaskStore
from dyetrace.errors import StoreTooNew, StoreUnavailable
from support.diagnosis import eventually
from support.postgres import PostgresServer
from support.stores.access import AuditOnlyGrows, TokensOpen, database
from support.stores.quotas import QuotasHold
from support.stores.taking_up import TasksAreTakenUp
from support.stores.tasks import (
    RequestsComeTwice,
    RunnersDie,
    TasksAreClaimed,
    TasksAreKept,
    TasksStep,
    added,
    changed,
    queued,
    store,
)
from support.stores.tenants import TenantsApart

__all__ = ["database", "store"]


@pytest.fixture
def url(postgres_url):
    return postgres_url


@pytest.fixture
def own_server():
    started = PostgresServer()
    yield started
    started.remove()


class TestTasksAreKept(TasksAreKept): ...


class TestTasksStep(TasksStep): ...


class TestRunnersDie(RunnersDie): ...


class TestTasksAreClaimed(TasksAreClaimed): ...


class TestTasksAreTakenUp(TasksAreTakenUp): ...


class TestRequestsComeTwice(RequestsComeTwice): ...


class TestAuditOnlyGrows(AuditOnlyGrows): ...


class TestTokensOpen(TokensOpen): ...


class TestTenantsApart(TenantsApart): ...


class TestQuotasHold(QuotasHold): ...


def test_a_runner_of_another_machine_is_believed_though_it_booted_another_time(store):
    name = added(store, 1)
    with store.database.reading() as connection:
        now = store.database.now(connection)
    changed(store, name, runner_host="another-boot/1", runner_until=now.replace(year=9999))

    store.fail_abandoned()

    assert not store.get(name).state.is_final


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT, signal.SIGKILL])
def test_a_server_that_stops_is_said_and_one_that_comes_back_is_found(own_server, how):
    store = TaskStore(own_server.new_database())
    name = queued(store, 1)
    own_server.stop(how)

    for _ in range(2):
        with pytest.raises(StoreUnavailable, match="see that the server runs") as refused:
            queued(store, 2)
        assert own_server.folder.name in str(refused.value)

    own_server.start()
    assert store.get(name).id == name
    assert queued(store, 2)
    store.close()


def test_a_server_that_was_away_while_nobody_asked_is_not_noticed(own_server):
    store = TaskStore(own_server.new_database())
    name = queued(store, 1)

    own_server.stop()
    own_server.start()

    assert store.get(name).id == name
    store.close()


def test_a_server_that_stops_in_mid_transaction_keeps_the_whole_or_nothing(own_server):
    store = TaskStore(own_server.new_database())
    name = queued(store, 1)

    def change():
        with store.database.writing() as connection:
            connection.execute(text("UPDATE tasks SET state = 'tracing'"))
            own_server.stop(signal.SIGKILL)
            connection.execute(text("DELETE FROM transitions"))

    with pytest.raises(StoreUnavailable):
        change()

    own_server.start()
    assert store.get(name).state == "new"
    assert len(store.history(name)) == 1
    store.close()


def test_no_server_at_all_is_said_with_where_it_was_looked_for(tmp_path):
    with pytest.raises(StoreUnavailable, match="see that the server runs"):
        TaskStore(f"postgresql://ann:secret@/x?host={tmp_path}")


def test_a_password_is_never_said(tmp_path):
    with pytest.raises(StoreUnavailable) as refused:
        TaskStore(f"postgresql://ann:s3cret@/x?host={tmp_path}&password=s3cret")

    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize(
    ("user", "name", "remedy"),
    [("nobody_here", "postgres", "see the user and password"), ("postgres", "none", "createdb")],
)
def test_what_the_server_refuses_is_said_with_what_to_do(server, user, name, remedy):
    with pytest.raises(StoreUnavailable, match=remedy):
        TaskStore(server.url(name).replace("postgres@", f"{user}@"))


def test_a_user_who_may_not_make_tables_is_told(url):
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        connection.execute(text("DROP ROLE IF EXISTS reader"))
        connection.execute(text("CREATE ROLE reader LOGIN"))
    engine.dispose()

    with pytest.raises(StoreUnavailable, match="grant this user CREATE"):
        TaskStore(url.replace("postgres@", "reader@"))


def test_a_database_that_takes_no_writes_is_said(url):
    TaskStore(url).close()
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        name = connection.scalar(text("SELECT current_database()"))
        connection.execute(text(f"ALTER DATABASE {name} SET default_transaction_read_only = on"))
    engine.dispose()

    store = TaskStore(url)  # reading goes on
    assert store.list() == []
    with pytest.raises(StoreUnavailable, match="connect to the primary"):
        queued(store, 1)
    store.close()


def test_a_full_server_is_said(url):
    store = TaskStore(url)
    with store.database.writing() as connection:
        name = connection.scalar(text("SELECT current_database()"))
        connection.execute(text(f"ALTER DATABASE {name} CONNECTION LIMIT 0"))
        connection.execute(text("CREATE ROLE crowd LOGIN"))

    with pytest.raises(StoreUnavailable, match="no connection left"):
        TaskStore(url.replace("postgres@", "crowd@"))

    store.close()
    dropped = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with dropped.begin() as connection:
        connection.execute(text("DROP ROLE crowd"))
    dropped.dispose()


def test_a_store_written_by_a_newer_program_is_refused(url):
    store = TaskStore(url)
    with store.database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    store.close()

    with pytest.raises(StoreTooNew, match="schema 9999"):
        TaskStore(url)


def test_a_stopped_server_leaves_no_process_and_no_folder():
    server = PostgresServer()
    pid, folder = server._process.pid, server.folder

    server.remove()

    assert not folder.exists()
    eventually(lambda: not _is_there(pid), what="the server to be gone")


def _is_there(pid):
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return False
