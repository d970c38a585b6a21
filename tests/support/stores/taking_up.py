"""What a controller's next process takes up, and what if none comes; and clocks that jump."""

from datetime import timedelta

import pytest

from dyetrace.model.task import TaskState
from support.stores.tasks import a_dead_process, added, changed

SESSION, OTHER = "ab" * 16, "cd" * 16
AN_HOUR = timedelta(hours=1)


def of_a_dead_process(store, number, *, session=SESSION):
    """A task whose controller has died."""
    store.session = session
    name = added(store, number, dst_port=number)
    changed(store, name, runner_pid=a_dead_process(), runner_started=None)
    return name


class TasksAreTakenUp:
    @pytest.fixture
    def jump(self, store, monkeypatch):
        """Let the store's clock jump."""
        now = store.database.now

        def to(by):
            monkeypatch.setattr(store.database, "now", lambda connection: now(connection) + by)

        return to

    def test_a_dead_controllers_task_waits_for_its_next_process_and_no_longer(self, store, jump):
        name = of_a_dead_process(store, 1)
        store.fail_abandoned()
        assert store.get(name).state is TaskState.NEW

        jump(timedelta(seconds=61))
        store.fail_abandoned()
        assert store.get(name).state is TaskState.FAILED

    def test_the_next_process_takes_up_its_own_and_where_they_were(self, store, jump):
        mine, other = of_a_dead_process(store, 1), of_a_dead_process(store, 2, session=OTHER)
        store.session = SESSION
        store.move(mine, TaskState.READY)
        store.move(mine, TaskState.TRACING)
        jump(timedelta(seconds=7))

        (begun,) = store.take_up()

        assert (begun.stored.id, begun.stored.state) == (mine, TaskState.TRACING)
        assert timedelta(seconds=7) <= begun.traced_for < timedelta(seconds=20)
        jump(AN_HOUR)
        store.fail_abandoned()
        assert store.get(mine).state is TaskState.TRACING, "it is ours, and we live"
        assert store.get(other).state is TaskState.FAILED

    def test_leases_are_kept_for_those_that_go_on(self, store, jump):
        kept, left = of_a_dead_process(store, 1), of_a_dead_process(store, 2)
        jump(timedelta(seconds=50))
        store.keep_leases({kept})
        jump(timedelta(seconds=70))
        store.fail_abandoned()

        assert store.get(kept).state is TaskState.NEW
        assert store.get(left).state is TaskState.FAILED

    @pytest.mark.parametrize("by", [AN_HOUR, -AN_HOUR], ids=["forward", "back"])
    def test_a_clock_that_jumps_ends_no_living_controllers_task(self, store, jump, by):
        store.session = SESSION
        name = added(store, 1)
        store.move(name, TaskState.READY)
        store.move(name, TaskState.TRACING)
        jump(by)
        store.fail_abandoned()
        assert store.get(name).state is TaskState.TRACING

        (begun,) = store.take_up()
        assert begun.traced_for == max(begun.traced_for, timedelta()), "never before it began"
        store.finish(name, TaskState.DONE, now=begun.stored.opened_at)

    def test_without_a_session_nothing_is_taken_up(self, store):
        store.session = ""
        name = added(store, 1)
        store.run_by(name, a_dead_process())

        assert store.take_up() == []
        store.fail_abandoned()
        assert store.get(name).state is TaskState.FAILED

    def test_who_was_asked_to_stop_is_told_of_many_at_once(self, store):
        names = [added(store, number, dst_port=number) for number in (1, 2, 3)]
        store.request_cancel(names[1])
        store.finish(names[2], TaskState.CANCELLED, now=store.get(names[2]).opened_at)

        assert store.cancel_requested(set(names)) == {names[1], names[2]}
