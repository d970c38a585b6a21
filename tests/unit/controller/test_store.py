"""The store in SQLite: what holds in any database, and what goes wrong with a file."""

import sqlite3
import subprocess
import sys

import pytest

from dyetrace.controller.store import TaskStore
from dyetrace.errors import InvalidRequest, NotPermitted, StoreTooNew, StoreUnavailable
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
    numbered,
    store,
)
from support.stores.tenants import TenantsApart

__all__ = ["database", "store"]


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path / 'tasks.db'}"


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


def test_a_runner_of_an_earlier_boot_of_this_machine_is_dead(store):
    name = added(store, 1)
    changed(store, name, runner_host="another-boot/1")

    store.fail_abandoned()

    assert store.get(name).state.is_final


def test_a_store_in_memory_works():
    store = TaskStore("sqlite://")
    name = added(store, 1)

    assert store.get(name).id == name
    store.close()


def test_opening_a_store_imports_no_alembic(url):
    TaskStore(url).close()
    code = (
        "import sys; from dyetrace.controller.store import TaskStore; "
        f"TaskStore({url!r}).close(); TaskStore('sqlite://').close(); "
        "sys.exit(any(name.partition('.')[0] in {'alembic', 'mako', 'psycopg'} "
        "for name in sys.modules))"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_what_is_no_database_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("DYETRACE_STATE", str(tmp_path))
    (tmp_path / "dyetrace.db").write_bytes(b"no database" * 1000)

    with pytest.raises(StoreUnavailable, match="not a database; move it away"):
        TaskStore()


def test_a_folder_that_cannot_be_made_is_said(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("DYETRACE_STATE", str(tmp_path / "file"))

    with pytest.raises(StoreUnavailable, match="set DYETRACE_STATE"):
        TaskStore()


def test_a_folder_that_is_not_there_is_said(tmp_path):
    with pytest.raises(StoreUnavailable, match=r"unable to open.*make its folder"):
        TaskStore(f"sqlite:///{tmp_path / 'none' / 'tasks.db'}")


def test_a_folder_of_somebody_elses_is_not_permitted(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setenv("DYETRACE_STATE", str(tmp_path / "theirs"))
    monkeypatch.setattr("pathlib.Path.mkdir", refuse)

    with pytest.raises(NotPermitted, match="run as root"):
        TaskStore()


def test_a_file_that_takes_no_writes_is_said(store):
    with store.database.writing() as connection:
        connection.exec_driver_sql("PRAGMA query_only = ON")

    with pytest.raises(StoreUnavailable, match="readonly database; let this user write there"):
        added(store, 1)


def test_a_full_disk_is_said(store):
    with store.database.writing() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

    with pytest.raises(StoreUnavailable, match="disk is full; make room there"):
        store.add(numbered(1), cloud="blue", request={"text": "x" * 100_000})


@pytest.mark.parametrize("url", ["mysql://db/x", "nonsense", ""])
def test_a_url_of_something_else_is_refused(url):
    with pytest.raises(InvalidRequest):
        TaskStore(url)


def test_a_store_written_by_a_newer_program_is_refused_and_left_as_it_is(url):
    store = TaskStore(url)
    with store.database.writing() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    store.close()

    with pytest.raises(StoreTooNew, match=r"schema 9999.*upgrade dyetrace here"):
        TaskStore(url)


def test_a_table_of_another_programs_is_not_touched(url):
    with sqlite3.connect(url.removeprefix("sqlite:///")) as theirs:
        theirs.execute("CREATE TABLE tasks (title TEXT)")
    theirs.close()

    with pytest.raises(StoreUnavailable, match="not dyetrace's"):
        TaskStore(url)
