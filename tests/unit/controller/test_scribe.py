"""What becomes of tasks is written in order, and in the end, though the store goes and comes."""

import asyncio
from datetime import UTC, datetime

import pytest

from dyetrace.controller import scribe as controller_scribe
from dyetrace.controller.scribe import Scribe
from dyetrace.controller.store import TaskStore
from dyetrace.errors import StoreUnavailable
from dyetrace.model.task import TaskState, task_name
from support.builders import a_task
from support.fake_agents import until

ANSWER = {"verdict": "DELIVERED"}


class Absent:
    """A store that can be had now and then."""

    def __init__(self, store):
        self._store, self.is_absent = store, False

    def __getattr__(self, name):
        if self.is_absent:
            raise StoreUnavailable("the server is away")
        return getattr(self._store, name)


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setattr(controller_scribe, "RETRY_EVERY_S", 0.01)
    monkeypatch.setattr(controller_scribe, "LOOK_EVERY_S", 0.01)
    opened = TaskStore(f"sqlite:///{tmp_path / 'tasks.db'}")
    yield Absent(opened)
    opened.close()


def run(store, test, *, patience_s=10.0):
    async def main():
        scribe = Scribe(store, patience_s=patience_s)
        name = store.add(a_task(), cloud="c", request={})
        scribe.begin(name)
        try:
            async with asyncio.timeout(20):
                await test(scribe, name)
        finally:
            scribe.close()

    assert task_name(a_task().id)
    asyncio.run(main())


def test_steps_and_answer_are_written_in_order_once_the_store_is_back(store):
    async def test(scribe, name):
        store.is_absent = True
        for state in (TaskState.READY, TaskState.TRACING, TaskState.COLLECTING):
            scribe.moved(name, state)
        keeping = asyncio.create_task(scribe.answered(name, ANSWER, at=datetime.now(UTC)))
        done, _ = await asyncio.wait({keeping}, timeout=0.1)
        assert not done
        store.is_absent = False

        assert await keeping == ""
        steps = [step.to_state.value for step in store.history(name)]
        assert steps == ["new", "ready", "tracing", "collecting", "done"]
        assert store.get(name).answer == ANSWER

    run(store, test)


def test_an_answer_that_could_not_be_written_is_told_lost_and_its_task_ends(store):
    async def test(scribe, name):
        store.is_absent = True
        why = await scribe.answered(name, ANSWER, at=datetime.now(UTC))
        assert "the server is away" in why
        scribe.end(name)
        store.is_absent = False

        await until(lambda: store.get(name).state is TaskState.FAILED)
        assert "its answer is lost" in store.get(name).error

    run(store, test, patience_s=0.05)


def test_a_request_to_stop_is_heard_also_after_the_store_was_away(store):
    async def test(scribe, name):
        store.is_absent = True
        store.is_absent = False
        assert not scribe.is_cancelled(name)
        store.request_cancel(name)
        await until(lambda: scribe.is_cancelled(name))

        assert await scribe.answered(name, ANSWER, at=datetime.now(UTC)) == ""
        assert store.get(name).state is TaskState.CANCELLED

    run(store, test)


def test_a_task_that_somebody_else_has_ended_stops_and_says_so(store):
    async def test(scribe, name):
        store.finish(name, TaskState.FAILED, now=datetime.now(UTC), error="elsewhere")
        scribe.moved(name, TaskState.READY)
        await until(lambda: scribe.is_cancelled(name))

        assert "has ended before" in await scribe.answered(name, ANSWER, at=datetime.now(UTC))

    run(store, test)


def test_a_bug_in_writing_ends_neither_the_scribe_nor_other_tasks(store, capsys):
    async def test(scribe, name):
        assert "bug" in await scribe.answered(name, {"odd": object()}, at=datetime.now(UTC))
        assert await scribe.answered(name, ANSWER, at=datetime.now(UTC)) == ""

    run(store, test)
    assert "Traceback" in capsys.readouterr().err
