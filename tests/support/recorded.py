"""A recorded stream, put into real logs as agents do, and the truth of it."""

import asyncio
import sys
from contextlib import AsyncExitStack, contextmanager, suppress

import numpy as np

from dyetrace.analysis.analyze import Analysis
from dyetrace.analyzer.client import AnalyzerClient
from dyetrace.errors import LogUnreachable
from dyetrace.transport.nats.connecting import Region, connected
from dyetrace.transport.nats.publisher import Publisher
from dyetrace.transport.nats.streams import ensure_streams
from dyetrace.transport.nats.tally_log import TallyLog
from dyetrace.transport.spool import MemorySpool
from support.builders import TASK, name_drop, rows, two_hosts
from support.nats_servers import NatsServer
from support.streams import OTHER_TASK, Knobs, stream

PARTITIONS = 2
REGION_OF = {1: "east", 2: "west"}
TASKS = (TASK, OTHER_TASK)
DROPS = {1: "NOT_SPECIFIED", 2: "NETFILTER_DROP"}


def recorded(*, packets=200, seed=11):
    """Records of both hosts in the order they were made, UDP and TCP, lossy, with look-alikes."""
    arrivals = [
        arrival
        for knobs in (
            Knobs(seed=seed, packets=packets, loss=0.05),
            Knobs(seed=seed + 1, packets=packets, tcp=True),
            Knobs(seed=seed + 2, packets=packets // 4, alike=4),
        )
        for arrival in stream(knobs)
    ]
    return rows(*(arrival.record for arrival in arrivals))


def slices(records, count):
    """Cut records, all of a packet in one slice."""
    _, first, which = np.unique(records["digest"], return_index=True, return_inverse=True)
    return [records[first[which] * count // len(records) == number] for number in range(count)]


def truth(records):
    """What one analysis of all records at once says, by task and signature."""
    return told(Analysis(topology=two_hosts(), name_drop=name_with_symbol).analyze(records))


def name_with_symbol(record):
    return name_drop(record)[0], ""


def told(partial):
    """A partial as plain facts."""
    return {
        (task, signature): (alike.packets, alike.path, alike.delays, alike.sample)
        for (task, signature), alike in partial.alike.items()
        if task in TASKS
    }


@contextmanager
def two_regions():
    """Run a server for each region."""
    made = {name: NatsServer(name) for name in REGION_OF.values()}
    try:
        for server in made.values():
            server.start()
        yield made
    finally:
        for server in made.values():
            server.remove()


def command_of(servers, state, *more):
    """Write the command that analyses these servers' logs."""
    command = [sys.executable, "-m", "dyetrace", "analyzer", "--state", str(state)]
    for name, server in servers.items():
        command += ["--region", f"{name}={server.url}"]
    return [*command, "--partitions", str(PARTITIONS), "--grace", "2", "--patience", "3", *more]


def region(name, server):
    return Region(name=name, servers=[server.url], user="anybody")


async def ship(records, servers, *, count=10):
    """Send each host's records to its own region, packets' records at about one time."""
    async with AsyncExitStack() as stack:
        publishers, sending = {}, []
        for host, name in REGION_OF.items():
            client = await stack.enter_async_context(connected(region(name, servers[name])))
            js = client.jetstream()
            await ensure_streams(js, region=name, partitions=PARTITIONS)
            publishers[host] = Publisher(
                js, name, host=host, partitions=PARTITIONS, spool=MemorySpool()
            )
            sending.append(asyncio.create_task(publishers[host].run()))
        for part in slices(records, count):
            for host, publisher in publishers.items():
                publisher.ship(part[part["host"] == host], drop_names=DROPS)
            await asyncio.gather(*(each.all_acknowledged() for each in publishers.values()))
        for task in sending:
            task.cancel()
        await asyncio.gather(*sending, return_exceptions=True)


async def answers(server):
    """What analyzers tell by now of all tasks, and whether it is all."""
    async with connected(region("east", server)) as client:
        asking = AnalyzerClient(pieces=TallyLog(client.jetstream(), "east"), partitions=PARTITIONS)
        found, settled = {}, True
        for task in TASKS:
            answer = await asking.answer(task, topology=two_hosts())
            found |= {key: value for key, value in told(answer.partial).items() if key[0] == task}
            settled &= answer.is_settled
        return found, settled


async def told_at_last(server, expected, *, within_s=60.0):
    """Wait until analyzers tell what is expected, or tell what they told at last."""
    found = {}
    with suppress(TimeoutError):
        async with asyncio.timeout(within_s):
            while True:
                with suppress(LogUnreachable):
                    found, settled = await answers(server)
                    if settled and found == expected:
                        return found
                await asyncio.sleep(0.05)
    return found
