"""Tasks: one active per filter, none that nobody carries out, every step written down."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

import pytest

from dyetrace.controller.store import RequestKey, TaskStore
from dyetrace.controller.store.schema import tasks
from dyetrace.errors import (
    InvalidRequest,
    RequestKeyReused,
    TaskAlreadyActive,
    TaskEnded,
    UnknownTask,
)
from dyetrace.model.task import Task, TaskState, task_name
from support.builders import a_task

NOW = datetime(2026, 1, 2, tzinfo=UTC)
LEASE = timedelta(seconds=30)


def numbered(number, *, opened_at=None, **fields):
    task = a_task(**fields)
    when = opened_at or task.opened_at
    return Task(id=number, wanted=task.wanted, limits=task.limits, opened_at=when)


def added(store, number, *, cloud="blue", **fields):
    return store.add(numbered(number, **fields), cloud=cloud, request={"filter": {}})


def queued(store, number, *, by=None, **fields):
    fields = fields or {"dst": ip_network(f"10.0.0.{number}")}
    return store.queue(numbered(number, **fields), cloud="blue", request={}, by=by)


def a_dead_process():
    process = subprocess.Popen([sys.executable, "-Sc", ""])
    process.wait()
    return process.pid


def a_request_key(**fields):
    return RequestKey(
        principal=fields.pop("principal", "ann"),
        key=fields.pop("key", "k-1"),
        fingerprint=fields.pop("fingerprint", "f" * 64),
        expires_at=fields.pop("expires_at", datetime.now(UTC) + timedelta(hours=1)),
    )


def changed(store, task_id, **values):
    """Write past the store: what another machine, or time, would have left there."""
    with store.database.writing() as connection:
        connection.execute(tasks.update().where(tasks.c.id == task_id).values(**values))


def steps(store, name):
    return [(step.from_state, step.to_state) for step in store.history(name)]


@pytest.fixture
def store(url):
    opened = TaskStore(url)
    yield opened
    opened.close()


class TasksAreKept:
    def test_a_task_is_found_by_any_beginning_of_its_id(self, store):
        name = added(store, 0xABCDEF0123456789)

        assert store.get(name) == store.get("abc") == store.get("ABC") == store.list()[0]
        assert store.get(name).state is TaskState.NEW
        assert store.get(name).opened_at == a_task().opened_at

    @pytest.mark.parametrize("wanted", ["", "f", "%", "_" * 16, "0"])
    def test_an_unknown_or_ambiguous_id_is_refused(self, store, wanted):
        added(store, 1)
        added(store, 2, dst=ip_network("10.0.0.9"))

        with pytest.raises(UnknownTask):
            store.get(wanted)

    def test_the_same_filter_is_refused_while_it_is_active_and_names_the_task(self, store):
        name = added(store, 1)

        with pytest.raises(TaskAlreadyActive, match=name):
            added(store, 2)

        store.finish(name, TaskState.DONE, now=NOW, answer={"verdict": "DELIVERED"})
        assert store.get(added(store, 2)).state is TaskState.NEW

    def test_the_same_filter_in_another_cloud_is_another_task(self, store):
        added(store, 1)

        assert added(store, 2, cloud="green")

    def test_an_answer_is_kept_with_its_time(self, store):
        name = added(store, 1)
        answer = {"verdict": "LOST", "lost": 3, "summary": "dünne Leitung ☎", "delay_ns": 2**53}

        store.finish(name, TaskState.DONE, now=NOW, answer=answer)

        assert store.get(name).answer == answer
        assert store.get(name).finished_at == NOW

    def test_the_list_is_the_latest_first_and_can_be_searched(self, store):
        added(store, 1, src_vm="Web")
        added(store, 2, src_vm="100%_sure", opened_at=datetime(2026, 5, 1, tzinfo=UTC))

        assert [task.id for task in store.list()] == [task_name(2), task_name(1)]
        assert [task.id for task in store.list(limit=1)] == [task_name(2)]
        assert [task.id for task in store.list(text="web")] == [task_name(1)]
        assert [task.id for task in store.list(text="%_s")] == [task_name(2)]
        assert store.list(text="w_b") == []

    def test_what_the_database_has_no_way_to_keep_is_no_failure_of_it(self, store):
        if store.database.is_local:
            assert store.get(added(store, 1, src_vm="web\0db")).filter == "src_vm=web\0db"
            return
        with pytest.raises(InvalidRequest, match="cannot keep that"):
            added(store, 1, src_vm="web\0db")

    def test_a_store_opened_again_holds_what_it_held(self, url):
        first = TaskStore(url)
        name = added(first, 1)
        first.close()

        second = TaskStore(url)

        assert second.get(name).filter == str(a_task().wanted)
        second.close()


class TasksStep:
    def test_every_step_is_kept_with_who_took_it(self, store):
        name = queued(store, 1, by="ann")
        store.move(name, TaskState.READY)
        store.move(name, TaskState.TRACING)
        store.finish(name, TaskState.DONE, now=NOW, answer={})

        assert steps(store, name) == [
            (None, TaskState.NEW),
            (TaskState.NEW, TaskState.READY),
            (TaskState.READY, TaskState.TRACING),
            (TaskState.TRACING, TaskState.DONE),
        ]
        history = store.history(name)
        assert history[0].by == "ann"
        assert f"process {os.getpid()} on" in history[3].by
        assert abs(history[3].at - datetime.now(UTC)) < timedelta(minutes=1)
        assert store.history(task_name(2)) == []

    def test_the_same_state_once_more_is_no_step(self, store):
        name = added(store, 1)
        store.move(name, TaskState.READY)
        store.move(name, TaskState.READY)

        assert len(store.history(name)) == 2

    def test_what_has_ended_is_not_begun_again_nor_ended_otherwise(self, store):
        name = added(store, 1)
        store.finish(name, TaskState.DONE, now=NOW, answer={"verdict": "LOST"})

        with pytest.raises(TaskEnded, match=f"{name} has ended before, as done"):
            store.move(name, TaskState.TRACING)
        with pytest.raises(TaskEnded):
            store.finish(name, TaskState.FAILED, now=NOW, error="too late")

        assert store.get(name).answer == {"verdict": "LOST"}
        assert len(store.history(name)) == 2

    def test_a_request_to_stop_reaches_the_runner(self, store):
        name = added(store, 1)
        assert not store.is_cancel_requested(name)

        assert store.request_cancel(name[:16]).id == name

        assert store.is_cancel_requested(name)
        assert store.get(name).state is TaskState.NEW

    def test_a_request_to_stop_ends_what_nobody_runs(self, store):
        name = queued(store, 1)

        store.request_cancel(name, by="ann")

        assert store.get(name).state is TaskState.CANCELLED
        assert store.history(name)[-1].by == "ann"
        assert store.claim(LEASE) is None


class RunnersDie:
    def test_a_task_whose_runner_has_died_is_failed_and_gives_way(self, store):
        name = added(store, 1)
        store.run_by(name, a_dead_process())

        assert added(store, 2)

        assert store.get(name).state is TaskState.FAILED
        assert "died" in store.get(name).error
        assert abs(store.get(name).finished_at - datetime.now(UTC)) < timedelta(minutes=1)
        assert store.history(name)[-1].by == "its runner's death"

    def test_a_runner_whose_pid_was_given_anew_is_dead(self, store):
        name = added(store, 1)
        changed(store, name, runner_started=42)

        store.fail_abandoned()

        assert store.get(name).state is TaskState.FAILED

    def test_a_runner_that_nobody_has_reaped_is_dead(self, store):
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

    def test_a_living_runners_task_is_left_alone(self, store):
        name = added(store, 1)

        store.fail_abandoned()

        assert store.get(name).state is TaskState.NEW

    def test_a_task_that_was_to_stop_when_its_runner_died_is_cancelled(self, store):
        name = added(store, 1)
        store.run_by(name, a_dead_process())
        changed(store, name, cancel_requested=1)

        store.fail_abandoned()

        assert store.get(name).state is TaskState.CANCELLED

    def test_a_runner_elsewhere_is_believed_until_its_lease_is_over(self, store):
        name = added(store, 1)
        there = store.get(name).id
        with store.database.reading() as connection:
            now = store.database.now(connection)
            here = connection.scalar(tasks.select().with_only_columns(tasks.c.runner_host))
        boot = here.partition("/")[0]
        elsewhere = {"runner_host": f"{boot}/1", "runner_pid": a_dead_process()}

        changed(store, there, **elsewhere, runner_until=now + timedelta(hours=1))
        store.fail_abandoned()
        assert store.get(name).state is TaskState.NEW

        changed(store, there, runner_until=now - timedelta(seconds=1))
        store.fail_abandoned()
        assert store.get(name).state is TaskState.FAILED


class TasksAreClaimed:
    def test_the_oldest_is_claimed_first_and_each_once(self, store):
        later, earlier = (
            queued(store, number, dst=ip_network(f"10.0.0.{number}"), opened_at=moment)
            for number, moment in ((1, NOW), (2, NOW - timedelta(days=1)))
        )

        assert [store.claim(LEASE).id, store.claim(LEASE).id] == [earlier, later]
        assert store.claim(LEASE) is None

    def test_what_a_process_added_for_itself_is_nobody_elses(self, store):
        added(store, 1)

        assert store.claim(LEASE) is None

    def test_a_claim_is_renewed_until_the_task_ends_or_is_anothers(self, store):
        name = queued(store, 1)
        assert not store.renew(name, LEASE)

        store.claim(LEASE)
        assert store.renew(name, LEASE)

        changed(store, name, runner_started=42)
        assert not store.renew(name, LEASE)
        store.run_by(name, os.getpid())
        assert store.renew(name, LEASE)

        store.finish(name, TaskState.DONE, now=NOW, answer={})
        assert not store.renew(name, LEASE)

    def test_a_claimed_task_of_which_nothing_is_installed_finds_another_runner(self, store):
        name = queued(store, 1)
        store.claim(LEASE)
        store.run_by(name, a_dead_process())

        again = store.claim(LEASE)

        assert (again.id, again.state) == (name, TaskState.NEW)

    def test_a_claimed_task_that_traces_when_its_runner_dies_is_failed(self, store):
        name = queued(store, 1)
        store.claim(LEASE)
        store.move(name, TaskState.READY)
        store.move(name, TaskState.TRACING)
        store.run_by(name, a_dead_process())

        assert store.claim(LEASE) is None

        assert store.get(name).state is TaskState.FAILED


class RequestsComeTwice:
    def test_the_same_request_gives_the_same_task(self, store):
        first = store.add(numbered(1), cloud="blue", request={}, key=a_request_key())

        assert store.add(numbered(2), cloud="blue", request={}, key=a_request_key()) == first

        store.finish(first, TaskState.DONE, now=NOW, answer={})
        assert store.add(numbered(3), cloud="blue", request={}, key=a_request_key()) == first
        assert len(store.list()) == 1

    def test_another_request_with_the_same_key_is_refused(self, store):
        store.add(numbered(1), cloud="blue", request={}, key=a_request_key())

        with pytest.raises(RequestKeyReused, match="k-1"):
            queued_with(store, 2, a_request_key(fingerprint="e" * 64))

    def test_keys_of_two_principals_do_not_meet(self, store):
        first = queued_with(store, 1, a_request_key())

        assert queued_with(store, 2, a_request_key(principal="bob")) != first

    def test_an_expired_key_may_come_again(self, store):
        gone = datetime.now(UTC) - timedelta(seconds=1)
        first = queued_with(store, 1, a_request_key(expires_at=gone))

        assert queued_with(store, 2, a_request_key(fingerprint="e" * 64)) != first

    def test_a_refused_task_leaves_its_key_free(self, store):
        name = added(store, 1)
        with pytest.raises(TaskAlreadyActive):
            store.add(numbered(2), cloud="blue", request={}, key=a_request_key())
        store.finish(name, TaskState.DONE, now=NOW, answer={})

        again = store.add(numbered(3), cloud="blue", request={}, key=a_request_key())

        assert again == task_name(3)


def queued_with(store, number, key):
    wanted = numbered(number, dst=ip_network(f"10.0.0.{number}"))
    return store.queue(wanted, cloud="blue", request={}, key=key)
