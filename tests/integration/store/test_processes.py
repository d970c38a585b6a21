"""Several controllers with one database: real processes, all at the same moment."""

from collections import Counter

import pytest

from dyetrace.controller.store import AuditLog, TaskStore
from dyetrace.errors import StoreUnavailable
from dyetrace.model.task import task_name
from support.stores.processes import PROCESSES, at_once
from support.stores.tasks import added, queued


@pytest.fixture
def store(any_url):
    opened = TaskStore(any_url)
    yield opened
    opened.close()


def test_one_of_many_adds_the_filter_and_all_others_are_told_which(store, any_url):
    lines = [line for printed in at_once(any_url, "add_the_same") for line in printed]

    (active,) = [line for line in lines if not line.startswith("refused")]
    assert [task.id for task in store.list()] == [active]
    assert Counter(lines) == {active: 1, f"refused {active}": PROCESSES * 15 - 1}


def test_one_request_sent_to_many_controllers_makes_one_task(store, any_url):
    answers = {line for printed in at_once(any_url, "ask_the_same") for line in printed}

    assert answers == {task.id for task in store.list()}
    assert len(answers) == 1


def test_each_task_is_claimed_by_one_controller(store, any_url):
    names = [queued(store, number) for number in range(1, 61)]

    claimed = at_once(any_url, "claim_all")

    assert sorted(name for printed in claimed for name in printed) == sorted(names)


def test_the_claims_of_processes_that_died_are_claimed_again(store, any_url):
    names = {queued(store, number) for number in range(1, 9)}

    first = {name for printed in at_once(any_url, "claim_all") for name in printed}
    second = {name for printed in at_once(any_url, "claim_all") for name in printed}

    assert first == second == names


def test_many_controllers_together_add_no_more_than_tenant_and_host_may_have(store, any_url):
    lines = [line for printed in at_once(any_url, "add_within_limits") for line in printed]

    added = Counter(line.split()[0] for line in lines)
    assert added["blue"] <= 7
    assert added["blue"] + added["provider"] == 9  # what one host carries, to the full
    assert len(store.list()) == 9
    assert added["refused"] == PROCESSES * 15 - 9


def test_no_line_of_the_audit_log_is_lost(store, any_url):
    at_once(any_url, "write_audit")

    lines = Counter(entry.principal for entry in AuditLog(store.database).read())
    assert lines == {f"p{number}": 15 for number in range(1, PROCESSES + 1)}


def test_many_processes_may_open_an_empty_database_at_once(any_url):
    at_once(any_url, "open_only")

    store = TaskStore(any_url)
    assert added(store, 1) == task_name(1)
    store.close()


def test_a_writer_that_never_ends_is_waited_for_and_then_named_as_the_reason(tmp_path):
    first, second = (TaskStore(f"sqlite:///{tmp_path / 'tasks.db'}") for _ in range(2))

    with first.database.writing():
        with second.database.reading() as connection:
            connection.exec_driver_sql("PRAGMA busy_timeout = 50")
        assert second.list() == []  # readers are not held up
        with pytest.raises(StoreUnavailable, match="locked; another process has been writing"):
            added(second, 1)

    assert added(second, 1)
    first.close()
    second.close()
