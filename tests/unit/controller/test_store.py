"""The store: one active task per filter, and none that nobody carries out."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from ipaddress import ip_network

import pytest

from dyetrace.controller.store import TaskStore
from dyetrace.errors import NotPermitted, StoreUnavailable, TaskAlreadyActive, UnknownTask
from dyetrace.model.task import Task, TaskState, task_name
from support.builders import a_task

NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
def store(tmp_path):
    opened = TaskStore(f"sqlite:///{tmp_path / 'tasks.db'}")
    yield opened
    opened.close()


def numbered(number, **fields):
    task = a_task(**fields)
    return Task(id=number, wanted=task.wanted, limits=task.limits, opened_at=task.opened_at)


def added(store, number, *, cloud="blue", **fields):
    store.add(numbered(number, **fields), cloud=cloud, request={"filter": {}})
    return task_name(number)


def a_dead_process():
    process = subprocess.Popen([sys.executable, "-Sc", ""])
    process.wait()
    return process.pid


def test_a_task_is_found_by_any_beginning_of_its_id(store):
    name = added(store, 0xABCDEF0123456789)

    assert store.get(name) == store.get("abc") == store.list()[0]
    assert store.get(name).state is TaskState.NEW
    assert store.get(name).opened_at == a_task().opened_at


@pytest.mark.parametrize("wanted", ["", "f", "%", "_" * 16, "0"])
def test_an_unknown_or_ambiguous_id_is_refused(store, wanted):
    added(store, 1)
    added(store, 2, dst=ip_network("10.0.0.9"))

    with pytest.raises(UnknownTask):
        store.get(wanted)


def test_the_same_filter_is_refused_while_it_is_active_and_names_the_task(store):
    name = added(store, 1)

    with pytest.raises(TaskAlreadyActive, match=name):
        added(store, 2)

    store.finish(name, TaskState.DONE, now=NOW, answer={"verdict": "DELIVERED"})
    assert store.get(added(store, 2)).state is TaskState.NEW


def test_the_same_filter_in_another_cloud_is_another_task(store):
    added(store, 1)

    assert added(store, 2, cloud="green")


def test_an_answer_is_kept_with_its_time(store):
    name = added(store, 1)

    store.finish(name, TaskState.DONE, now=NOW, answer={"verdict": "LOST", "lost": 3})

    assert store.get(name).answer == {"verdict": "LOST", "lost": 3}
    assert store.get(name).finished_at == NOW


def test_a_task_whose_runner_has_died_is_failed_and_gives_way(store):
    name = added(store, 1)
    store.run_by(name, a_dead_process())

    assert added(store, 2)

    assert store.get(name).state is TaskState.FAILED
    assert "died" in store.get(name).error
    assert store.get(name).finished_at is not None


def test_a_runner_whose_pid_was_given_anew_is_dead(store, monkeypatch):
    name = added(store, 1)
    monkeypatch.setattr("dyetrace.controller.store._started", lambda _: 42)

    store.fail_abandoned()

    assert store.get(name).state is TaskState.FAILED


def test_a_runner_that_nobody_has_reaped_is_dead(store):
    name = added(store, 1)
    process = subprocess.Popen([sys.executable, "-Sc", "input()"], stdin=subprocess.PIPE)
    store.run_by(name, process.pid)
    store.fail_abandoned()
    assert store.get(name).state is TaskState.NEW

    process.stdin.close()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    store.fail_abandoned()

    assert store.get(name).state is TaskState.FAILED
    process.wait()


def test_a_living_runners_task_is_left_alone(store):
    name = added(store, 1)

    store.fail_abandoned()

    assert store.get(name).state is TaskState.NEW


def test_a_request_to_stop_reaches_the_runner(store):
    name = added(store, 1)
    assert not store.is_cancel_requested(name)

    assert store.request_cancel(name[:4]).id == name

    assert store.is_cancel_requested(name)


def test_the_list_is_the_latest_first_and_can_be_searched(store):
    added(store, 1, src_vm="web")
    later = Task(
        id=2,
        wanted=a_task(src_vm="100%_sure").wanted,
        limits=a_task().limits,
        opened_at=datetime(2026, 5, 1, tzinfo=UTC),
    )
    store.add(later, cloud="blue", request={})

    assert [task.id for task in store.list()] == [task_name(2), task_name(1)]
    assert [task.id for task in store.list(limit=1)] == [task_name(2)]
    assert [task.id for task in store.list(text="web")] == [task_name(1)]
    assert [task.id for task in store.list(text="%_s")] == [task_name(2)]
    assert store.list(text="w_b") == []


def test_a_store_opened_again_holds_what_it_held(tmp_path):
    url = f"sqlite:///{tmp_path / 'tasks.db'}"
    first = TaskStore(url)
    name = added(first, 1)
    first.close()

    second = TaskStore(url)

    assert second.get(name).filter == str(a_task().wanted)
    second.close()


def test_what_is_no_database_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("DYETRACE_STATE", str(tmp_path))
    (tmp_path / "dyetrace.db").write_bytes(b"no database" * 1000)

    with pytest.raises(StoreUnavailable, match="not a database"):
        TaskStore()


def test_a_folder_that_cannot_be_made_is_said(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("DYETRACE_STATE", str(tmp_path / "file"))

    with pytest.raises(StoreUnavailable, match="set DYETRACE_STATE"):
        TaskStore()


def test_a_folder_of_somebody_elses_is_not_permitted(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setenv("DYETRACE_STATE", str(tmp_path / "theirs"))
    monkeypatch.setattr("pathlib.Path.mkdir", refuse)

    with pytest.raises(NotPermitted, match="run as root"):
        TaskStore()
