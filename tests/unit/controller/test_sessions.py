"""A session outlives its connections, and by its spool the agent; tasks share it."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from ipaddress import ip_network

import msgspec
import pytest

from dyetrace.agent.server import AgentServer
from dyetrace.agent.spool import Spool, Spools
from dyetrace.controller import link as controller_link
from dyetrace.controller.link import AgentLink
from dyetrace.controller.links import Links
from dyetrace.datapath.driver import Batch
from dyetrace.errors import ProtocolRefused
from dyetrace.inventory.clouds import AgentAddress
from dyetrace.model.task import Limits
from dyetrace.model.verdict import Absence, VerdictKind
from dyetrace.wire.messages import PROTOCOL_VERSION, Ping, Pong, Records
from support.builders import DB, a_task, across_hosts, rows
from support.fake_agents import Agents, is_ready, two_agents, until
from support.fake_driver import FakeDriver

TASK = a_task(src_vm="web", dst=ip_network(DB), packet_count=4)


def some(task_id, *digests, hosts=(1, 2)):
    """Records of packets that arrive, as these hosts see them."""
    records = [
        record | ({"task_id": task_id} if "task_id" in record else {})
        for digest in digests
        for record in across_hosts(digest=digest, start_ns=digest * 10_000)
        if record["host"] in hosts
    ]
    return Batch(records=rows(*records))


def colored(agents, task_id, count):
    counts = agents.web.counted[task_id]
    agents.web.counted[task_id] = replace(counts, colored=count)


def see(agents, task_id, *digests):
    """Both hosts see packets pass."""
    for number, driver in ((1, agents.web), (2, agents.db)):
        driver._waiting.append(some(task_id, *digests, hosts=(number,)))


def cut(agents, host):
    """End an agent's connections, as a network does."""
    for writer in list(agents.servers[host]._visits):
        writer.transport.abort()


def session_at(agents, host):
    return agents.servers[host]._sessions._sessions[agents.links.session]


@asynccontextmanager
async def away(agents, host):
    """Have nobody reach an agent for the length of a block."""
    socket = agents.servers[host].socket
    aside = socket.rename(socket.with_suffix(".aside"))
    cut(agents, host)
    await until(lambda: session_at(agents, host).connection is None)
    try:
        yield
    finally:
        aside.rename(socket)
    link = next(link for link in agents.links._links.values() if link.name == host)
    await until(lambda: link._connection is not None)


async def restarted(agents: Agents, host):
    """Start an agent's next process, after its end."""
    old, before = agents.servers[host], agents.drivers[host]
    driver = FakeDriver(before.host)
    spools = Spools(folder=old.spools.folder)
    server = AgentServer(driver=driver, socket=old.socket, spools=spools)
    agents.drivers[host], agents.servers[host] = driver, server
    agents.running[host] = asyncio.create_task(server.serve())
    await until(lambda: is_ready(server))


@asynccontextmanager
async def a_controller(agents, *, session=None):
    """One process of a controller; ends without a word, as by SIGKILL."""
    links = Links(is_resumable=True, **({"session": session} if session else {}))
    agents.links = links
    try:
        yield links
    finally:
        for link in links._links.values():
            link.is_up = False
            for work in list(link._work):
                work.cancel()
            if link._connection is not None:
                await link._connection.close()
        await asyncio.sleep(0)


def run(test, folder, **settings):
    async def main():
        async with (
            two_agents(folder, colors_at_once=1, **settings) as agents,
            a_controller(agents),
            asyncio.timeout(30),
        ):
            await test(agents)

    asyncio.run(main())


async def begun(agents, task=TASK):
    """A task that colors, and has colored one packet."""
    tracing = asyncio.create_task(agents.diagnose(task))
    await until(lambda: task.id in agents.web.coloring)
    return tracing


@pytest.mark.parametrize("host", ["cn-1", "cn-2"])
def test_a_cut_connection_costs_no_record_and_changes_no_verdict(tmp_path, host):
    async def test(agents):
        tracing = await begun(agents)
        see(agents, TASK.id, 1, 2)
        cut(agents, host)
        see(agents, TASK.id, 3, 4)
        await until(lambda: not agents.web._waiting and not agents.db._waiting)
        colored(agents, TASK.id, 4)
        verdict = await tracing

        assert verdict.kind is VerdictKind.DELIVERED
        assert (verdict.total, verdict.cost.records, verdict.cost.records_lost) == (4, 16, 0)
        assert f"host {host} is connected again" in agents.notes
        assert agents.drivers[host].ticks("log nothing")[0] > agents.web.ticks("stop color")[0]
        assert await agents.nothing_is_held()

    run(test, tmp_path)


def test_connections_that_are_cut_again_and_again_repeat_nothing(tmp_path):
    async def test(agents):
        tracing = await begun(agents)
        for digest in range(1, 9):
            see(agents, TASK.id, digest)
            await until(lambda: not agents.web._waiting)
            cut(agents, "cn-1")
            cut(agents, "cn-2")
            link = next(iter(agents.links._links.values()))
            await until(lambda link=link: link._connection and not link._connection.is_lost)
        colored(agents, TASK.id, 8)
        verdict = await tracing

        assert (verdict.kind, verdict.total) == (VerdictKind.DELIVERED, 8)
        assert (verdict.cost.records, verdict.cost.records_lost) == (32, 0)

    run(test, tmp_path)


def test_all_tasks_share_one_connection_and_one_discovery(tmp_path):
    async def test(agents):
        tasks = [replace(TASK, id=number, limits=Limits(packet_count=1)) for number in range(1, 9)]
        tracing = [asyncio.create_task(agents.diagnose(task)) for task in tasks]
        await until(lambda: len(agents.web.coloring) == 8)

        assert [len(server._visits) for server in agents.servers.values()] == [1, 1]
        assert len(agents.web.ticks("discover")) == 1
        for task in tasks:
            see(agents, task.id, task.id)
        verdicts = await asyncio.gather(*tracing)
        assert {verdict.kind for verdict in verdicts} == {VerdictKind.DELIVERED}
        assert {verdict.cost.records for verdict in verdicts} == {4}
        assert await agents.nothing_is_held()

    run(test, tmp_path)


def test_nothing_is_acknowledged_before_the_verdicts_of_all_who_may_need_it(tmp_path):
    async def test(agents):
        first = await begun(agents)
        see(agents, TASK.id, 1)
        other = replace(TASK, id=99)
        second = await begun(agents, other)
        see(agents, other.id, 2, 3, 4, 5)
        await until(lambda: not agents.web._waiting)
        outbox = session_at(agents, "cn-1").outbox
        colored(agents, other.id, 4)
        await second
        link = agents.links.to(agents.cloud.agents[0])
        await link.ask(Ping(request=0), Pong)  # what was said before it has been heard
        assert outbox.after(0).number == 1, "the first task may need all of it"

        see(agents, TASK.id, 6, 7, 8)
        colored(agents, TASK.id, 4)
        await first
        await until(lambda: outbox.is_empty)

    run(test, tmp_path)


def test_a_controller_that_is_killed_and_comes_again_is_told_everything_once_more(tmp_path):
    async def test(agents):
        async with a_controller(agents) as killed:
            tracing = await begun(agents)
            see(agents, TASK.id, 1, 2, 3)
            await until(lambda: not agents.web._waiting)
            link = next(iter(killed._links.values()))
            await until(lambda: link.received)
        tracing.cancel()
        await asyncio.gather(tracing, return_exceptions=True)
        see(agents, TASK.id, 4)
        await until(lambda: not agents.web._waiting)
        assert agents.web.coloring, "the lease is not over"

        again = Links(is_resumable=True, session=killed.session)
        again.records.attend(TASK.id)
        for address in agents.cloud.agents:
            await again.to(address).open()
        await until(lambda: len(again.records.of_task(TASK.id)) == 16)
        assert TASK.id in again.to(agents.cloud.agents[0]).held
        await again.close()
        assert await agents.nothing_is_held()

    run(test, tmp_path)


def test_what_is_seen_while_the_controller_is_away_is_on_disk_at_once(tmp_path):
    async def test(agents):
        tracing = await begun(agents)
        see(agents, TASK.id, 1)
        await until(lambda: not agents.web._waiting)
        async with away(agents, "cn-1"):
            outbox = session_at(agents, "cn-1").outbox
            before = outbox.last
            see(agents, TASK.id, 2, 3, 4)
            await until(lambda: outbox.last > before)
            assert outbox.spool.last == outbox.last, "a kill would cost nothing"
        colored(agents, TASK.id, 4)
        assert (await tracing).cost.records == 16

    run(test, tmp_path)


def test_a_shipment_that_comes_again_is_taken_once(tmp_path):
    taken = []
    link = AgentLink(
        name="cn-1", socket=tmp_path, on_records=lambda _, new: taken.append(new), session="ab"
    )
    for number, before in ((1, 0), (2, 5), (1, 0), (2, 5), (3, 10)):
        link._take(Records(number=number, before=before, records=5, blob=b""))

    assert [records.number for records in taken] == [1, 2, 3]
    assert link.records_lost == 0
    link._take(Records(number=6, before=25, records=5, blob=b""))
    assert link.records_lost == 10


def test_an_agent_that_is_killed_is_given_up_and_the_verdict_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(controller_link, "REFUSED_WITHIN_S", 0.1)

    async def test(agents):
        tracing = await begun(agents)
        agents.servers["cn-2"].socket.unlink()
        await agents.kill("cn-2")
        colored(agents, TASK.id, 4)
        agents.web._waiting.append(some(TASK.id, 1, 2, 3, 4, hosts=(1,)))
        verdict = await tracing

        assert verdict.kind is VerdictKind.UNDETERMINED
        assert verdict.findings == ()
        assert verdict.unknowns[0].code is Absence.AGENT_DOWN
        assert "cn-2 died during the task" in verdict.unknowns[0].text

    run(test, tmp_path)


@pytest.mark.parametrize("is_all_seen", [True, False], ids=["all seen before", "some came after"])
def test_an_agent_that_is_started_anew_hands_over_and_has_a_gap(tmp_path, is_all_seen):
    async def test(agents):
        tracing = await begun(agents)
        see(agents, TASK.id, 1, 2)
        if is_all_seen:
            see(agents, TASK.id, 3, 4)
        else:
            agents.web._waiting.append(some(TASK.id, 3, 4, hosts=(1,)))
        await until(lambda: not agents.web._waiting and not agents.db._waiting)
        await agents.kill("cn-2")
        await restarted(agents, "cn-2")
        colored(agents, TASK.id, 4)
        verdict = await tracing

        if is_all_seen:
            assert verdict.kind is VerdictKind.DELIVERED
        else:
            assert verdict.kind is VerdictKind.UNDETERMINED
            assert "cn-2 was started anew during the task" in verdict.unknowns[0].text
        assert verdict.findings == ()

    run(test, tmp_path)


@pytest.mark.parametrize("is_last", [False, True], ids=["others follow", "nothing follows"])
def test_what_found_no_room_while_the_connection_was_away_is_records_lost(
    tmp_path, monkeypatch, is_last
):
    async def test(agents):
        tracing = await begun(agents)
        see(agents, TASK.id, 1)
        await until(lambda: not agents.web._waiting and not agents.db._waiting)
        monkeypatch.setattr(Spool, "append", lambda *_: False)  # as on a full disk
        session_at(agents, "cn-2").outbox.most_in_memory = 0
        async with away(agents, "cn-2"):
            see(agents, TASK.id, 2, 3)
            await until(lambda: not agents.web._waiting and not agents.db._waiting)
        session_at(agents, "cn-2").outbox.most_in_memory = 1_000_000
        if not is_last:
            see(agents, TASK.id, 4)
            await until(lambda: not agents.web._waiting and not agents.db._waiting)
        colored(agents, TASK.id, 4)
        verdict = await tracing

        assert verdict.kind is VerdictKind.UNDETERMINED
        assert {unknown.code for unknown in verdict.unknowns} == {Absence.RECORDS_LOST}
        assert verdict.cost.records_lost == 4

    run(test, tmp_path)


def test_a_lease_that_ended_while_the_connection_was_away_is_a_gap(tmp_path, monkeypatch):
    monkeypatch.setattr("dyetrace.controller.diagnosis.LEASE_NS", 300_000_000)
    monkeypatch.setattr("dyetrace.controller.link.LEASE_NS", 300_000_000)
    monkeypatch.setattr("dyetrace.controller.link.RENEW_EVERY_S", 0.1)
    monkeypatch.setattr("dyetrace.agent.answers.LOG_GRACE_NS", 0)

    async def test(agents):
        tracing = await begun(agents)
        async with away(agents, "cn-2"):
            await until(lambda: not agents.db.logged)
        agents.web._waiting.append(some(TASK.id, 1, 2, 3, 4, hosts=(1,)))
        colored(agents, TASK.id, 4)
        verdict = await tracing

        assert verdict.kind is VerdictKind.UNDETERMINED
        assert "cn-2 let go of the task" in verdict.unknowns[0].text
        assert len(agents.web.ticks("log nothing")) == 1, "the other's was renewed"

    run(test, tmp_path)


def test_an_agent_of_before_protocols_were_negotiated_is_refused_and_named(tmp_path):
    said = {"request": 1, "text": "this agent speaks protocol 2, not 4: run the same version"}

    async def older(reader, writer):
        size = int.from_bytes(await reader.readexactly(4), "big")
        name, hello = msgspec.msgpack.decode(await reader.readexactly(size))
        assert (name, hello["protocol"]) == ("Hello", PROTOCOL_VERSION)
        data = msgspec.msgpack.encode(["Refused", said | {"request": hello["request"]}])
        writer.write(len(data).to_bytes(4, "big") + data)
        await reader.read()
        writer.close()

    async def test(agents):
        socket = tmp_path / "old.sock"
        server = await asyncio.start_unix_server(older, socket)
        link = agents.links.to(AgentAddress(host="cn-9", socket=socket))
        with pytest.raises(ProtocolRefused, match="host cn-9: this agent speaks protocol 2"):
            await link.open()
        assert not link.is_up
        server.close()

    run(test, tmp_path)
