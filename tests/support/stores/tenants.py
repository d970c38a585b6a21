"""Tasks of several tenants: paged, counted and kept apart; and the switch that stops them all."""

from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_network

import pytest

from dyetrace.controller.store import After, KillSwitch, TaskPages, Wanted
from dyetrace.errors import TaskAlreadyActive
from dyetrace.model.task import TaskState, task_name
from dyetrace.wire.answer import filter_json
from support.stores.tasks import numbered

NOW = datetime(2026, 1, 1, 1, tzinfo=UTC)


def of_tenant(store, number, tenant, **fields):
    """Add a task of a tenant, numbered in its filter if that is left out."""
    fields = fields or {"dst_port": number}
    task = replace(numbered(number, **fields), tenant=tenant)
    return store.add(task, cloud="c", request={"filter": filter_json(task.wanted)})


class TenantsApart:
    def test_pages_follow_each_other_without_gap_or_repetition(self, store):
        names = [of_tenant(store, number, "blue") for number in range(1, 6)]
        pages, seen, after = TaskPages(store.database), [], None
        while page := pages.read(Wanted(), after=after, limit=2):
            seen += [one.id for one in page]
            after = After(opened_at=page[-1].opened_at, id=page[-1].id)

        assert seen == names  # all were opened at the same moment: then by id

    def test_tasks_are_found_by_tenant_state_and_filter(self, store):
        blue = of_tenant(store, 1, "blue", dst=ip_network("10.0.0.1"), dst_port=80)
        green = of_tenant(store, 2, "green", dst=ip_network("10.0.0.1"), dst_port=81)
        store.finish(green, TaskState.CANCELLED, now=NOW)
        pages = TaskPages(store.database)

        def found(**wanted):
            return {one.id for one in pages.read(Wanted(**wanted))}

        assert found(filter={"dst": "10.0.0.1/32"}) == {blue, green}
        assert found(filter={"dst_port": 81}) == found(tenant="green") == {green}
        assert found(filter={"src": "10.0.0.1/32"}) == found(tenant="") == set()
        assert found(state=TaskState.NEW) == found(text="PORT=80") == {blue}
        assert [one.id for one in pages.read_active()] == [blue]

    def test_one_filter_is_active_once_for_each_tenant(self, store):
        names = {of_tenant(store, n, who, dst_port=80) for n, who in enumerate(("", "blue"), 1)}

        with pytest.raises(TaskAlreadyActive) as refused:
            of_tenant(store, 3, "blue", dst_port=80)

        assert names == {task_name(1), task_name(2)}
        assert refused.value.active == task_name(2)
        assert store.get(task_name(2)).tenant == "blue"

    def test_the_switch_stays_pulled_until_it_is_released(self, store):
        switch = KillSwitch(store.database)
        assert switch.pulled() is None

        switch.pull(by="ada", reason="one")
        switch.pull(by="bea", reason="two")

        pulled = KillSwitch(store.database).pulled()
        assert (pulled.by, pulled.reason) == ("bea", "two")
        switch.release()
        assert switch.pulled() is None
