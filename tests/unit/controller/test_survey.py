"""What a controller with tasks one after another knows of its agents, without asking each time."""

import asyncio
import time
from dataclasses import replace
from ipaddress import ip_network

import pytest

from dyetrace.controller import survey
from dyetrace.controller.links import Links
from dyetrace.errors import UnknownEndpoint
from dyetrace.model.topology import PortKind
from dyetrace.model.verdict import Absence, VerdictKind
from support.builders import DB, TO_OTHER_VM, TO_VM, a_nic, a_task
from support.fake_agents import delivered, two_agents, until

TASK = a_task(src_vm="web", dst=ip_network(DB), packet_count=3)


@pytest.fixture
def knowledge_holds(monkeypatch):
    """A survey is not old within a test, as it is not in a large cloud."""
    monkeypatch.setattr(survey, "HOLDS_S", 1000.0)


def run(test, folder):
    async def main():
        async with two_agents(folder, colors_at_once=3, records_of=delivered) as agents:
            agents.links = Links()
            try:
                async with asyncio.timeout(60):
                    await test(agents)
            finally:
                await agents.links.close()

    asyncio.run(main())


def is_to_look_again(link):
    """Whether what an agent found is too old for a task that begins."""
    return time.monotonic() - link._discovered_at > survey.FRESH_NS / survey.SECOND_NS


def with_vm(host, vm, address, *, ifindex=TO_OTHER_VM):
    """The host with another VM behind a port."""
    switch, *others = host.vfds
    ports = tuple(
        replace(port, kind=PortKind.VNIC, nic=a_nic(vm, address))
        if port.ifindex == ifindex
        else port
        for port in switch.ports
    )
    return replace(host, vfds=(replace(switch, ports=ports), *others))


def without_vm(host):
    switch, *others = host.vfds
    ports = tuple(port for port in switch.ports if port.ifindex != TO_VM)
    return replace(host, vfds=(replace(switch, ports=ports), *others))


@pytest.mark.usefixtures("knowledge_holds")
def test_a_vm_that_is_new_is_found_by_a_task_that_names_it(tmp_path):
    async def test(agents):
        await agents.diagnose(TASK)
        agents.web.host = with_vm(agents.web.host, "shop", "10.0.1.12")
        await until(lambda: all(map(is_to_look_again, agents.links._links.values())))
        verdict = await agents.diagnose(a_task(src_vm="shop", dst=ip_network(DB), packet_count=3))

        assert verdict.kind is VerdictKind.DELIVERED

    run(test, tmp_path)


@pytest.mark.usefixtures("knowledge_holds")
def test_a_vm_that_has_moved_is_colored_where_it_is_now(tmp_path):
    async def test(agents):
        await agents.diagnose(TASK)
        agents.web.host = without_vm(agents.web.host)
        agents.db.host = with_vm(agents.db.host, "web", "10.0.1.11")
        await until(lambda: all(map(is_to_look_again, agents.links._links.values())))
        agents.db.colors_at_once, agents.db.records_of = 3, delivered
        await agents.diagnose(TASK)

        assert len(agents.web.ticks("color")) == 1
        assert len(agents.db.ticks("color")) == 1

    run(test, tmp_path)


def test_a_name_that_nobody_has_is_unknown_after_all_have_been_asked(tmp_path):
    async def test(agents):
        with pytest.raises(UnknownEndpoint):
            await agents.diagnose(a_task(src_vm="wed", dst=ip_network(DB)))
        assert len(agents.db.ticks("discover")) == 1

    run(test, tmp_path)


@pytest.mark.usefixtures("knowledge_holds")
def test_packets_to_a_host_whose_agent_went_before_the_task_are_not_called_lost(tmp_path):
    def half(policy):
        batch = delivered(policy)
        return replace(batch, records=batch.records[batch.records["host"] == 1])

    async def test(agents):
        await agents.diagnose(TASK)
        await agents.kill("cn-2")
        await until(lambda: not all(link.is_up for link in agents.links._links.values()))
        agents.web.records_of = half
        verdict = await agents.diagnose(replace(TASK, id=8))

        assert (verdict.kind, verdict.findings) == (VerdictKind.UNDETERMINED, ())
        assert verdict.unknowns[0].code is Absence.AGENT_DOWN
        assert "cn-2 did not answer when the task began" in verdict.unknowns[0].text

    run(test, tmp_path)
