"""What tenants may have, and hosts carry: counted where tasks are added."""

from datetime import timedelta
from functools import partial

import pytest

from dyetrace.controller.store import Admission, HostLimits, Quota, QuotaStore
from dyetrace.errors import HostLimitReached, QuotaExceeded
from dyetrace.model.task import Limits, Task, TaskState, task_name
from support.builders import a_task
from support.stores.tasks import NOW

FREE = HostLimits(active_tasks=1000, packets_per_second=10**6)


def admitted(store, number, *, admission, tenant="blue", hosts=("cn-1",), at=NOW, **limits):
    """Add a task that may be refused."""
    task = Task(
        id=number,
        wanted=a_task(dst_port=number).wanted,
        limits=Limits(**limits),
        opened_at=at,
        tenant=tenant,
    )
    admit = partial(admission.admit, task=task, hosts=hosts)
    return store.add(task, cloud="c", request={"filter": {}}, admit=admit)


class QuotasHold:
    @pytest.mark.parametrize(
        ("quota", "limits", "what"),
        [
            ({"active_tasks": 2}, {}, "active tasks"),
            ({"packets_per_second": 250}, {"packets_per_second": 100}, "packets per second"),
            ({"packets_per_day": 50}, {"packet_count": 20}, "packets a day"),
        ],
    )
    def test_the_third_is_too_many_for_its_tenant_only(self, store, quota, limits, what):
        admission = Admission(quota=Quota(**quota), host=FREE)
        for number in (1, 2):
            admitted(store, number, admission=admission, **limits)

        with pytest.raises(QuotaExceeded) as refused:
            admitted(store, 3, admission=admission, **limits)

        assert (refused.value.what, refused.value.passes) == (what, True)
        for number, tenant in ((4, "green"), (5, "")):
            admitted(store, number, admission=admission, tenant=tenant, **limits)
        assert {one.id for one in store.list()} == {task_name(n) for n in (1, 2, 4, 5)}

    def test_a_day_later_the_days_packets_are_free_again_though_tasks_ended_do_count(self, store):
        admission = Admission(quota=Quota(packets_per_day=20), host=FREE)
        first = admitted(store, 1, admission=admission)
        store.finish(first, TaskState.DONE, now=NOW)

        with pytest.raises(QuotaExceeded, match="packets a day"):
            admitted(store, 2, admission=admission, at=NOW + timedelta(hours=23))

        admitted(store, 3, admission=admission, at=NOW + timedelta(hours=25))

    def test_a_tenants_own_numbers_come_before_those_of_all(self, store):
        admission, own = Admission(quota=Quota(active_tasks=1)), QuotaStore(store.database)
        own.set("blue", {"active_tasks": 2})
        for number in (1, 2):
            admitted(store, number, admission=admission)

        own.set("blue", {"packets_per_task": 5})
        with pytest.raises(QuotaExceeded, match="5 packets per task"):
            admitted(store, 3, admission=admission)
        with pytest.raises(QuotaExceeded, match="1 active tasks"):
            admitted(store, 3, admission=admission, packet_count=5)

        assert own.list()["blue"]["packets_per_task"] == 5
        assert own.clear("blue")
        assert not own.clear("blue")
        assert own.list() == {}

    def test_hosts_carry_only_so_much_of_everybody_and_ended_tasks_no_more(self, store):
        admission = Admission(host=HostLimits(active_tasks=2, packets_per_second=300))
        first = admitted(store, 1, admission=admission, tenant="", packets_per_second=100)
        admitted(store, 2, admission=admission, hosts=("cn-1", "cn-2"), packets_per_second=200)

        for number, hosts, what in [
            (3, ("cn-2", "cn-1"), "active tasks"),
            (4, ("cn-2",), "colored packets per second"),
        ]:
            with pytest.raises(HostLimitReached) as refused:
                admitted(store, number, admission=admission, hosts=hosts, packets_per_second=200)
            assert (refused.value.host, refused.value.what) == (min(hosts), what)

        store.finish(first, TaskState.DONE, now=NOW)
        admitted(store, 5, admission=admission, packets_per_second=100)

    def test_what_is_refused_leaves_nothing_that_counts(self, store):
        admission = Admission(host=HostLimits(active_tasks=1))
        admitted(store, 1, admission=admission, hosts=("cn-1",))
        for number in range(2, 5):
            with pytest.raises(HostLimitReached):
                admitted(store, number, admission=admission, hosts=("cn-0", "cn-1"))

        assert admitted(store, 5, admission=admission, hosts=("cn-0",)) == task_name(5)
