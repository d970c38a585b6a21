"""An agent's sessions: nobody can block or bloat it, and what nobody renews ends."""

import asyncio
import time

import numpy as np
import pytest

from dyetrace.agent import outbox
from dyetrace.agent import server as agent_server
from dyetrace.controller.link import AgentLink
from dyetrace.datapath.driver import Batch
from dyetrace.errors import AgentUnreachable, PolicyRefused
from dyetrace.model.policy import ColorPolicy, LogPolicy
from dyetrace.model.record import RECORD
from dyetrace.model.task import task_name
from dyetrace.wire import frames
from dyetrace.wire.messages import (
    PROTOCOL_VERSION,
    Color,
    Done,
    Flush,
    Hello,
    Log,
    Ping,
    Pong,
    Records,
    Remove,
    Renew,
    Renewed,
    StopColor,
    Welcome,
)
from support.builders import SWITCH, TO_VM, a_task
from support.fake_agents import two_agents, until

SECOND = 1_000_000_000
PORTS = frozenset({(1, SWITCH, TO_VM)})


def a_log(task_id=1, lease_ns=60 * SECOND):
    return Log(request=0, task_id=task_id, policy=LogPolicy(ports=PORTS), lease_ns=lease_ns)


def a_color(task_id=1, lease_ns=60 * SECOND):
    task = a_task()
    policy = ColorPolicy(task_id=task_id, ports=PORTS, filters=(task.wanted,), limits=task.limits)
    return Color(request=0, policy=policy, lease_ns=lease_ns)


async def connected(agents, on_records=lambda *_: None):
    address = agents.cloud.agents[0]
    link = AgentLink(name=address.host, socket=address.socket, on_records=on_records)
    await link.open()
    return link


def run(test, folder):
    async def main():
        async with two_agents(folder) as agents:
            await test(agents)

    asyncio.run(main())


def test_a_lease_that_nobody_renews_ends_color_and_log(tmp_path):
    async def test(agents):
        link = await connected(agents)
        await link.ask(a_log(lease_ns=SECOND // 10), Done)
        await link.ask(a_color(), Done)

        await until(lambda: not agents.web.logged)

        assert agents.web.ticks("stop color") < agents.web.ticks("log nothing")
        assert link.is_up
        await link.close()

    run(test, tmp_path)


def test_what_is_asked_again_changes_nothing_more(tmp_path):
    async def test(agents):
        link = await connected(agents)
        for _ in range(2):
            await link.ask(a_log(), Done)
            await link.ask(a_color(), Done)
        assert len(agents.web.ticks("color")) == 1
        assert len(agents.web.ticks("renew")) == 1
        assert agents.web.logged == PORTS

        for _ in range(2):
            await link.ask(StopColor(request=0, task_id=1), Done)
            await link.ask(a_log(), Done)
        assert len(agents.web.ticks("stop color")) == 1
        for _ in range(2):
            await link.ask(Remove(request=0, task_id=1), Done)
        assert len(agents.web.ticks("log nothing")) == 1
        await link.close()

    run(test, tmp_path)


@pytest.mark.parametrize("session", ["", "ab"], ids=["without a session", "of a command"])
def test_who_cannot_come_again_takes_its_tasks_along_though_it_says_nothing(tmp_path, session):
    async def test(agents):
        reader, writer = await asyncio.open_unix_connection(agents.cloud.agents[0].socket)
        await frames.send(writer, Hello(request=1, session=session))
        assert isinstance(await frames.receive(reader), Welcome)
        await frames.send(writer, a_log())
        await until(lambda: agents.web.logged)
        writer.transport.abort()

        await until(lambda: not agents.web.logged, within_s=5)

    run(test, tmp_path)


def test_what_is_asked_of_a_task_that_has_ended_is_refused_clearly(tmp_path):
    async def test(agents):
        link = await connected(agents)
        with pytest.raises(PolicyRefused, match="task 0000000000000001 is not held here"):
            await link.ask(a_color(), Done)
        renewed = await link.ask(Renew(request=0, tasks=(1,), lease_ns=1), Renewed)
        assert renewed.gone == (1,)
        await link.ask(Remove(request=0, task_id=1), Done)
        await link.close()

    run(test, tmp_path)


def test_a_controller_that_goes_takes_only_its_own_task_with_it(tmp_path):
    async def test(agents):
        leaving, staying = await connected(agents), await connected(agents)
        await leaving.ask(a_log(1), Done)
        await leaving.ask(a_color(1), Done)
        await staying.ask(a_log(2), Done)
        await staying.ask(a_color(2), Done)

        await leaving.close()
        await until(lambda: set(agents.web.coloring) == {2})

        assert agents.web.logged == PORTS
        await staying.close()
        await until(lambda: not agents.web.logged)

    run(test, tmp_path)


def test_a_controller_that_does_not_read_costs_disk_and_no_memory_and_others_go_on(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(outbox, "MOST_IN_MEMORY", 64 * 1024)
    noise = np.frombuffer(np.random.default_rng(1).bytes(200 * RECORD.itemsize), dtype=RECORD)
    received = []

    async def test(agents):
        agents.web.read = lambda: Batch(records=noise)
        sessions = agents.servers["cn-1"]._sessions
        _, stuck = await asyncio.open_unix_connection(agents.cloud.agents[0].socket)
        await frames.send(stuck, Hello(request=1, session="dead"))
        await frames.send(stuck, a_log(1))
        await until(lambda: 1 in agents.servers["cn-1"]._held.tasks)
        reading = await connected(agents, lambda _, records: received.append(records))
        await reading.ask(a_log(2), Done)

        async with asyncio.timeout(20):
            while sessions._sessions["dead"].outbox.spool.size < 1024 * 1024:
                await reading.ask(Flush(request=0), Done)

        assert sessions._sessions["dead"].outbox._in_memory <= 64 * 1024
        assert reading.is_up
        assert isinstance(received[0], Records)
        assert not sessions.dropped
        await reading.close()
        stuck.transport.abort()
        await asyncio.sleep(0)

    run(test, tmp_path)


def test_an_agent_that_speaks_no_common_protocol_says_who_is_to_upgrade(tmp_path):
    async def test(agents):
        link = await connected(agents)
        for protocol, lowest, where in ((2, 1, "controller's machine"), (9, 8, "agent's host")):
            hello = Hello(request=0, protocol=protocol, lowest=lowest)
            with pytest.raises(PolicyRefused, match=f"upgrade dyetrace on the {where}"):
                await link.ask(hello, Welcome)
        newer = await link.ask(Hello(request=0, protocol=9, lowest=2), Welcome)
        assert newer.protocol == PROTOCOL_VERSION
        await link.close()

    run(test, tmp_path)


def test_bytes_that_are_no_protocol_end_that_session_only(tmp_path, caplog):
    async def test(agents):
        link = await connected(agents)
        reader, writer = await asyncio.open_unix_connection(agents.cloud.agents[0].socket)
        writer.write(b"\0\0\0\x05hello")
        assert await reader.read() == b""
        writer.close()

        assert (await link.ask(Ping(request=0), Pong)).clock_ns <= time.monotonic_ns()
        await link.close()

    run(test, tmp_path)
    assert "spoke another protocol" in caplog.text


def test_a_driver_that_breaks_down_refuses_that_request_only(tmp_path, caplog):
    async def test(agents):
        def break_down(*_, **__):
            raise RuntimeError("odd")

        agents.web.color = break_down
        link = await connected(agents)
        await link.ask(a_log(), Done)
        with pytest.raises(PolicyRefused, match="bug in the agent"):
            await link.ask(a_color(), Done)
        await link.ask(Remove(request=0, task_id=1), Done)
        assert not agents.web.logged
        await link.close()

    run(test, tmp_path)
    assert "odd" in caplog.text
    assert {record.task for record in caplog.records if record.exc_info} == {task_name(1)}


def test_an_agent_that_does_not_answer_is_down_for_good(tmp_path, monkeypatch):
    monkeypatch.setattr("dyetrace.controller.link.ANSWER_WITHIN_S", 0.05)

    async def test(agents):
        link = await connected(agents)
        gate = asyncio.Event()

        async def silent(*_):
            await gate.wait()

        monkeypatch.setattr(agent_server.AgentServer, "_take", silent)
        for _ in range(2):
            with pytest.raises(AgentUnreachable, match="cn-1"):
                await link.ask(Ping(request=0), Pong)
        assert not link.is_up
        await link.close()

    run(test, tmp_path)


@pytest.mark.parametrize(("ports", "is_late"), [(0, True), (100, False)])
def test_an_agent_that_attaches_many_ports_gets_the_time_for_it(
    tmp_path, monkeypatch, ports, is_late
):
    monkeypatch.setattr("dyetrace.controller.link.ANSWER_WITHIN_S", 0.05)
    handled = agent_server.AgentServer._take

    async def slow(self, request, visit):
        if isinstance(request, Log):
            await asyncio.sleep(0.3)  # as attaching takes it
        return await handled(self, request, visit)

    monkeypatch.setattr(agent_server.AgentServer, "_take", slow)

    async def test(agents):
        link = await connected(agents)
        if is_late:
            with pytest.raises(AgentUnreachable, match="cn-1"):
                await link.ask(a_log(), Done, ports=ports)
        else:
            await link.ask(a_log(), Done, ports=ports)
        await link.close()

    run(test, tmp_path)


def test_an_agent_without_controllers_exits_when_idle(tmp_path):
    async def main():
        async with two_agents(tmp_path) as agents:
            server = agent_server.AgentServer(
                driver=agents.db.__class__(agents.db.host),
                socket=tmp_path / "idle.sock",
                idle_exit_s=0,
            )
            await asyncio.wait_for(server.serve(), timeout=10)
            assert not server.socket.exists()
            assert server.driver.is_closed

    asyncio.run(main())
