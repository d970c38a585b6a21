"""The record log on real NATS servers: one, and a cluster whose leader is killed."""

import asyncio
import zlib
from collections import Counter
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime

import nats
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from dyetrace.analysis.columns import records_of
from dyetrace.controller.authority import (
    certificate_request,
    new_identity,
    open_authority,
    private_pem,
)
from dyetrace.errors import LogUnreachable
from dyetrace.transport.ledger import Ledger
from dyetrace.transport.nats.connecting import Credentials, Region, connected
from dyetrace.transport.nats.names import (
    TALLIES,
    quarantine_stream,
    quarantine_subject,
    records_subject,
)
from dyetrace.transport.nats.publisher import Publisher
from dyetrace.transport.nats.region_log import RegionLog
from dyetrace.transport.nats.server_config import Tls
from dyetrace.transport.nats.streams import Keeping, ensure_streams
from dyetrace.transport.nats.tally_log import TallyLog
from dyetrace.transport.spool import MemorySpool
from support.builders import across_hosts, rows
from support.nats_servers import NatsServer, a_cluster

PARTITIONS = 2
DEADLINE_S = 40


@pytest.fixture(scope="module")
def shared():
    server = NatsServer()
    server.start()
    yield server
    server.remove()


@pytest.fixture
def server():
    own = NatsServer()
    own.start()
    yield own
    own.remove()


def region_of(*servers, name="east", **fields):
    return Region(name=name, servers=[each.url for each in servers], user="anybody", **fields)


@asynccontextmanager
async def at(*servers, name="east", replicas=1):
    async with connected(region_of(*servers, name=name)) as client:
        js = client.jetstream()
        keeping = Keeping(replicas=replicas)
        await ensure_streams(js, region=name, partitions=PARTITIONS, keeping=keeping)
        yield js


@asynccontextmanager
async def publishing(js, *, host, name="east", spool=None, **fields):
    publisher = Publisher(
        js, name, host=host, partitions=PARTITIONS, spool=spool or MemorySpool(), **fields
    )
    running = asyncio.create_task(publisher.run())
    try:
        yield publisher
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


def sightings(host, numbers):
    """One record of each packet, as this host made it."""
    records = rows(*(across_hosts(digest=number)[0] for number in numbers))
    records["host"] = host
    return records


class Reader:
    """Reads to the end, from where it was, whatever happens meanwhile."""

    def __init__(self, js, name="east", *, offsets=None):
        self.log = RegionLog(js, name)
        self.offsets = dict(offsets or {})
        self.ledgers = [Ledger(is_whole=offsets is None) for _ in range(PARTITIONS)]
        self.digests = []

    async def read(self):
        for partition, ledger in enumerate(self.ledgers):
            last = await self.log.last(partition)
            while self.offsets.get(partition, 0) < last:
                read = await self.log.read(partition, self.offsets.get(partition, 0))
                self.offsets[partition] = read.offset
                for entry in read.entries:
                    if ledger.enter(entry.parcel.header, entry.taken_ns):
                        self.digests += records_of(entry.parcel.columns)["digest"].tolist()
        return sorted(self.digests)

    async def read_patiently(self):
        while True:
            with suppress(LogUnreachable):
                return await self.read()

    @property
    def lost(self):
        found = Counter()
        for ledger in self.ledgers:
            found.update(ledger.lost())
        return found


def running(scenario):
    async def within_deadline():
        async with asyncio.timeout(DEADLINE_S):
            await scenario()

    asyncio.run(within_deadline())


def test_what_was_acknowledged_is_read_once_from_any_offset(shared):
    async def scenario():
        async with at(shared) as js, publishing(js, host=1) as publisher:
            publisher.ship(sightings(1, range(1, 1201)))
            await publisher.all_acknowledged()

            reader = Reader(js)
            assert await reader.read() == list(range(1, 1201))
            publisher.ship(sightings(1, [7777]))
            await publisher.all_acknowledged()
            assert await Reader(js, offsets=reader.offsets).read() == [7777]

    running(scenario)


def test_what_went_by_a_connection_that_ended_is_read_all_the_same(server):
    async def scenario():
        async with at(server) as js, publishing(js, host=1) as publisher:
            for digest in (2, 4, 6, 8):  # a parcel each, of one partition
                publisher.ship(sightings(1, [digest]))
            await publisher.all_acknowledged()

            log = RegionLog(js, "east")
            read = await log.read(0, 0, limit=1)
            await log._readers[0][1].fetch(1)  # the server has sent it, and nobody took it
            offsets = [entry.offset for entry in read.entries]
            while offsets[-1] < await log.last(0):
                read = await log.read(0, read.offset)
                offsets += [entry.offset for entry in read.entries]
            assert offsets == [1, 2, 3, 4]

    running(scenario)


def test_streams_that_several_make_at_once_are_made(server):
    async def one():
        async with connected(region_of(server)) as client:
            js = client.jetstream()
            await ensure_streams(js, region="east", partitions=PARTITIONS)
            await TallyLog(js, "east").ensure()
            return (await js.stream_info(TALLIES)).config.name

    async def scenario():
        assert set(await asyncio.gather(*(one() for _ in range(6)))) == {TALLIES}

    running(scenario)


def test_what_is_sent_again_is_kept_once(server):
    async def scenario():
        async with at(server) as js:
            for _ in range(2):  # as after an acknowledgement that did not arrive
                async with publishing(js, host=1, session=5) as publisher:
                    publisher.ship(sightings(1, range(1, 101)))
                    await publisher.all_acknowledged()
            assert await Reader(js).read() == list(range(1, 101))

    running(scenario)


def test_records_wait_while_the_server_is_away(server):
    async def scenario():
        async with at(server) as js, publishing(js, host=1) as publisher:
            publisher.ship(sightings(1, range(1, 51)))
            await publisher.all_acknowledged()
            server.kill()
            publisher.ship(sightings(1, range(51, 101)))
            await asyncio.to_thread(server.start)
            await publisher.all_acknowledged()

            reader = Reader(js)
            assert await reader.read() == list(range(1, 101))
            assert not reader.lost

    running(scenario)


def test_what_found_no_room_in_the_spool_is_missed_by_host_and_number(server):
    async def scenario():
        spool = MemorySpool(most_bytes=2000)
        async with at(server) as js, publishing(js, host=9, spool=spool) as publisher:
            server.kill()
            for first in range(1, 1001, 10):
                publisher.ship(sightings(9, range(first, first + 10)))
            publisher.tell_numbers()
            await asyncio.to_thread(server.start)
            await publisher.all_acknowledged()

            reader = Reader(js)
            assert 0 < spool.dropped < 1000
            assert len(await reader.read()) == 1000 - spool.dropped
            assert reader.lost == {9: spool.dropped}

    running(scenario)


@pytest.mark.parametrize(
    "content", [b"", b"junk", b"DYEP\x09\x00\x00\x00\x00\x00", b"DYEP\x01\x00\xff\xff\xff\x7f"]
)
def test_foreign_bytes_are_counted_quarantined_and_survived(shared, content):
    region = f"q{zlib.crc32(content)}"

    async def scenario():
        async with at(shared, name=region) as js, publishing(js, host=1, name=region) as publisher:
            await js.publish(records_subject(region, 0, 666), content)
            publisher.ship(sightings(1, range(1, 11)))
            await publisher.all_acknowledged()

            reader = Reader(js, region)
            assert await reader.read() == list(range(1, 11))
            assert reader.log.unreadable == {666: 1}
            await Reader(js, region).read()  # by somebody else, who quarantines it again
            kept = await js.stream_info(quarantine_stream(region))
            assert kept.state.messages == 1
            found = await js.get_last_msg(quarantine_stream(region), quarantine_subject(region))
            assert (found.data or b"") == content
            assert found.headers["Dyetrace-Subject"] == records_subject(region, 0, 666)

    running(scenario)


def test_records_that_claim_to_be_another_hosts_are_not_believed(shared):
    async def scenario():
        async with at(shared, name="liar") as js, publishing(js, host=3, name="liar") as publisher:
            publisher.ship(sightings(4, range(1, 11)))
            await publisher.all_acknowledged()

            reader = Reader(js, "liar")
            assert await reader.read() == []
            assert reader.log.unreadable == {3: PARTITIONS}

    running(scenario)


def test_evidence_is_found_by_host_and_document(shared):
    async def scenario():
        async with at(shared) as js, publishing(js, host=1) as publisher:
            publisher.ship_evidence(7, b"routes")
            publisher.ship_evidence(8, b"rules")
            await publisher.all_acknowledged()

            log = RegionLog(js, "east")
            assert await log.evidence(1, 7) == b"routes"
            assert await log.evidence(1, 9) is None

    running(scenario)


def test_a_region_without_servers_is_told():
    async def scenario():
        nowhere = Region(name="east", servers=["nats://127.0.0.1:9"], user="me")
        with pytest.raises(LogUnreachable, match="east"):
            await connected(nowhere, within_s=0.5).__aenter__()

    running(scenario)


def test_every_acknowledged_record_is_read_once_when_a_leader_is_killed():
    servers = a_cluster()

    async def scenario():
        async with at(*servers, replicas=3) as js, publishing(js, host=1) as publisher:
            leader = (await js.stream_info("records-east-0")).cluster.leader
            total = 40_000
            reader = Reader(js)
            for first in range(1, total + 1, 500):
                publisher.ship(sightings(1, range(first, first + 500)))
                if first == total // 2 + 1:
                    next(each for each in servers if each.name == leader).kill()
                await asyncio.sleep(0)
            acknowledged = asyncio.create_task(publisher.all_acknowledged())
            while not acknowledged.done():  # somebody reads all the while
                await reader.read_patiently()
            for each in (reader, Reader(js)):
                assert await each.read_patiently() == list(range(1, total + 1))
                assert not each.lost
                assert sum(ledger.repeated for ledger in each.ledgers) == 0

    try:
        for server in servers:
            server.start()
        running(lambda: _when_clustered(servers, scenario))
    finally:
        for server in servers:
            server.remove()


async def _when_clustered(servers, scenario):
    """Wait until the servers have a leader among them."""
    async with connected(region_of(*servers)) as client:
        while True:
            with suppress(nats.errors.Error):
                await client.jetstream(timeout=0.5).account_info()
                break
            await asyncio.sleep(0)
    await scenario()


class Certificates:
    """An authority, and files of whom it certified."""

    def __init__(self, folder):
        self.folder = folder
        self._now = datetime.now(UTC)
        self._authority = open_authority(folder / "authority", now=self._now)
        (folder / "ca.pem").write_bytes(self._authority.pem)
        (folder / "server.pem").write_bytes(
            new_identity(self._authority, names=["127.0.0.1"], now=self._now)
        )

    @property
    def tls(self):
        own = self.folder / "server.pem"
        return Tls(certificate=own, key=own, authority=self.folder / "ca.pem")

    def region(self, server, user, *, authority=None):
        key = ec.generate_private_key(ec.SECP256R1())
        signer = authority or self._authority
        certificate = signer.certify_agent(certificate_request(key), host=user, now=self._now)
        own = self.folder / f"{user}.pem"
        own.write_bytes(private_pem(key) + certificate)
        credentials = Credentials(certificate=own, key=own, authority=self.folder / "ca.pem")
        return Region(name="east", servers=[server.url], user=user, credentials=credentials)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    certificates = Certificates(tmp_path_factory.mktemp("certificates"))
    server = NatsServer(tls=certificates.tls, agents={"cn-1": 1, "cn-2": 2}, analyzers=["analyzer"])
    server.start()
    yield server, certificates
    server.remove()


@asynccontextmanager
async def joined(guarded, user):
    server, certificates = guarded
    async with connected(certificates.region(server, user)) as client:
        yield client.jetstream(timeout=0.5)


def test_agents_ship_and_analyzers_read_over_tls(guarded):
    async def scenario():
        async with joined(guarded, "analyzer") as reading, joined(guarded, "cn-1") as sending:
            await ensure_streams(reading, region="east", partitions=PARTITIONS)
            async with publishing(sending, host=1) as publisher:
                publisher.ship(sightings(1, range(1, 101)))
                publisher.ship_evidence(1, b"routes")
                await publisher.all_acknowledged()
            reader = Reader(reading)
            assert await reader.read() == list(range(1, 101))
            assert await reader.log.evidence(1, 1) == b"routes"

    running(scenario)


def test_an_agent_can_neither_speak_for_others_nor_read(guarded):
    async def scenario():
        async with joined(guarded, "analyzer") as reading:
            await ensure_streams(reading, region="east", partitions=PARTITIONS)
            before = await reading.stream_info("records-east-0")
            async with joined(guarded, "cn-2") as js:
                for subject in (
                    records_subject("east", 0, 1),
                    records_subject("west", 0, 2),
                    "evidence.east.1.1",
                    quarantine_subject("east"),
                ):
                    with pytest.raises(nats.errors.TimeoutError):
                        await js.publish(subject, b"forged")
                with pytest.raises(nats.errors.TimeoutError):
                    await js.stream_info("records-east-0")
                with pytest.raises(LogUnreachable):
                    await RegionLog(js, "east").read(0, 0)
            after = await reading.stream_info("records-east-0")
            assert after.state.last_seq == before.state.last_seq

    running(scenario)


def test_an_agent_cannot_listen_to_what_others_send(guarded):
    async def scenario():
        heard = []

        async def hear(message):
            heard.append(message)

        server, certificates = guarded
        async with connected(certificates.region(server, "cn-2")) as client:
            await client.subscribe("records.>", cb=hear)
            await client.subscribe("_INBOX.cn-1.>", cb=hear)
            await client.flush()
            async with joined(guarded, "analyzer") as reading, joined(guarded, "cn-1") as sending:
                await ensure_streams(reading, region="east", partitions=PARTITIONS)
                await sending.publish(records_subject("east", 0, 1), b"secret")
            await client.flush()
        assert heard == []

    running(scenario)


@pytest.mark.parametrize("who", ["a stranger", "another authority's", "nobody"])
def test_who_has_no_certificate_of_ours_is_not_let_in(guarded, tmp_path, who):
    server, certificates = guarded
    if who == "nobody":
        region = region_of(server)
    elif who == "a stranger":
        region = certificates.region(server, "cn-3")
    else:
        other = open_authority(tmp_path, now=datetime.now(UTC))
        region = certificates.region(server, "cn-1", authority=other)

    async def scenario():
        with pytest.raises(LogUnreachable):
            await connected(region, within_s=0.5).__aenter__()

    running(scenario)
