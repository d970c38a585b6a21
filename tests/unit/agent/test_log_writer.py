"""What an agent writes into the record log: kept until the log has it, and refused to others."""

import asyncio

import pytest

from dyetrace.agent import log_writer
from dyetrace.agent.log_writer import LogSpool, LogWriter
from dyetrace.agent.outbox import Outbox
from dyetrace.agent.spool import Spools
from dyetrace.controller.link import AgentLink
from dyetrace.datapath.driver import Batch
from dyetrace.errors import ProtocolRefused
from dyetrace.transport.nats.connecting import Region
from support.builders import across_hosts, rows
from support.fake_agents import two_agents

NOWHERE = Region(name="east", servers=["nats://127.0.0.1:9"], user="cn-1")


def a_batch(numbers):
    return Batch(records=rows(*(across_hosts(digest=number)[0] for number in numbers)))


def a_writer(folder, *, most_bytes=1 << 20):
    spools = Spools(folder=folder, most_bytes=most_bytes)
    return LogWriter(
        region=NOWHERE, partitions=2, host=1, outbox=Outbox(spools.again("log"), most_in_memory=0)
    )


def test_what_the_log_has_not_taken_is_there_after_a_restart(tmp_path, monkeypatch):
    monkeypatch.setattr(log_writer, "TAKEN_WITHIN_S", 0.0)
    a_writer(tmp_path).ship(a_batch(range(1, 101)))

    again = a_writer(tmp_path)
    again.ship(a_batch(range(101, 111)))

    assert asyncio.run(again.written()).waiting == 110


def test_what_finds_no_room_is_counted(tmp_path):
    writer = a_writer(tmp_path, most_bytes=1 << 16)
    shipped = 0
    spool = LogSpool(writer.outbox)
    while not spool.dropped:
        shipped += 1
        writer.ship(a_batch(range(1000)))
        assert shipped < 1000

    left, entry = 0, spool.after(0)
    while entry is not None:
        left, entry = left + entry.records, spool.after(entry.number)
    assert left + spool.dropped == shipped * 1000


@pytest.mark.parametrize(
    ("writes", "said"),
    [(0, "writes into no record log"), (2, "of 2 partitions, its controller reads one of 8")],
)
def test_an_agent_that_does_not_write_into_the_log_that_is_read_is_refused(tmp_path, writes, said):
    async def test():
        async with two_agents(tmp_path) as agents:
            address = agents.cloud.agents[0]
            if writes:
                agents.servers[address.host].log = a_writer(tmp_path / "spool")
            link = AgentLink(
                name=address.host,
                socket=address.socket,
                on_records=lambda *_: None,
                session="a1",
                log_partitions=8,
            )
            with pytest.raises(ProtocolRefused, match=said):
                await link.open()
            await link.close()

    asyncio.run(test())
