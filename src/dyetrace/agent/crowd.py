"""Many agents in one process, each of a simulated host: what a load or a simulation runs on.

They are the agents that real hosts have, down to their channels and certificates;
only their data plane is computed, and they share a process.
"""

import asyncio
import json
import os
import resource
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dyetrace.agent.clock import SECOND_NS, ToldClock
from dyetrace.agent.dialer import Dialer
from dyetrace.agent.identity import Membership
from dyetrace.agent.outbox import Outbox
from dyetrace.agent.server import AgentServer
from dyetrace.datapath.simulated.cloud import SimulatedCloud
from dyetrace.datapath.simulated.driver import SimulatedDriver
from dyetrace.datapath.simulated.shape import Shape, Unreliable
from dyetrace.datapath.simulated.sightings import Sightings
from dyetrace.datapath.simulated.traffic import Traffic
from dyetrace.datapath.simulated.wire import DatagramWire
from dyetrace.errors import DyetraceError, exit_status

if TYPE_CHECKING:  # what it needs is loaded where there is a log
    from dyetrace.agent.log_writer import LogWriter

JOIN_AT_ONCE = 8
SETTLE_S = 0.01  # between two agents that begin to dial: a gate takes so many strangers only


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """The settings of one process: which hosts of which cloud, and whom they join."""

    shape: Shape
    unreliable: Unreliable
    flows: int
    healthy: float  # the share of flows that nothing is wrong with
    hosts: range
    controller: str
    token_file: str
    folder: Path
    wires: Mapping[range, Path]  # the sockets of all processes, by their hosts
    log: Mapping[str, Any] | None = None  # the record log: region, servers, partitions

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> "Crowd":
        """Read what the command line gave."""
        return cls(
            shape=Shape(**settings["shape"]),
            unreliable=Unreliable(**settings["unreliable"]),
            flows=settings["flows"],
            healthy=settings["healthy"],
            hosts=range(*settings["hosts"]),
            controller=settings["controller"],
            token_file=settings["token_file"],
            folder=Path(settings["folder"]),
            wires={range(*hosts): Path(path) for hosts, path in settings["wires"]},
            log=settings.get("log"),
        )

    async def run(self) -> None:
        """Join with all hosts, and serve until cancelled; tells on stdout how many have joined."""
        traffic = Traffic(SimulatedCloud(self.shape), self.flows, self.healthy)
        wire = DatagramWire(
            {host: path for hosts, path in self.wires.items() for host in hosts},
            self.wires[self.hosts],
        )
        asyncio.get_running_loop().add_reader(wire.fileno(), wire.take)
        sightings = Sightings(traffic.cloud)
        agents = {host: self._agent(host, traffic, sightings, wire) for host in self.hosts}
        running = {host: [asyncio.create_task(agents[host][0].serve())] for host in self.hosts}
        try:
            await self._join([dialer.member for _, dialer in agents.values()])
            for host, (_, dialer) in agents.items():
                running[host].append(asyncio.create_task(dialer.run()))
                await asyncio.sleep(SETTLE_S)
            _say(f"joined {len(agents)}")
            async for what, host in _told():
                if what == "lose":
                    wire.takers.pop(host, None)
                    await _ended(running.pop(host, []))
                elif host not in running:
                    server, dialer = self._agent(host, traffic, sightings, wire)
                    running[host] = [
                        asyncio.create_task(work()) for work in (server.serve, dialer.run)
                    ]
                    _say(f"started {host}")
        finally:
            await _ended([task for tasks in running.values() for task in tasks])
            wire.close()

    def _agent(
        self, host: int, traffic: Traffic, sightings: Sightings, wire: DatagramWire
    ) -> tuple[AgentServer, Dialer]:
        driver = SimulatedDriver(
            host,
            traffic=traffic,
            sightings=sightings,
            wire=wire,
            unreliable=self.unreliable,
        )
        wire.takers[host] = driver.take
        path = self.folder / f"{host}.sock"
        skew_s = self.unreliable.clock_skew_s
        draw = np.random.default_rng([self.shape.seed, 4, host])
        clock = ToldClock(round(draw.uniform(-skew_s, skew_s) * SECOND_NS))
        member = Membership(controller=self.controller, state=self.folder / f"state-{host}")
        return (
            AgentServer(driver=driver, socket=path, clock=clock, log=self._log_writer(driver)),
            Dialer(member=member, agent_socket=path),
        )

    def _log_writer(self, driver: SimulatedDriver) -> "LogWriter | None":
        if self.log is None:
            return None
        from dyetrace.agent.log_writer import LogWriter
        from dyetrace.transport.nats.connecting import Region

        name, servers = self.log["region"], self.log["servers"]
        host, _ = driver.discover()
        return LogWriter(
            region=Region(name=name, servers=servers, user=host.name),
            partitions=self.log["partitions"],
            host=host.number,
            outbox=Outbox(),
        )

    async def _join(self, members: list[Membership]) -> None:
        from dyetrace.agent import enrol  # a crowd is no agent that must stay small

        cloud, gate = SimulatedCloud(self.shape), asyncio.Semaphore(JOIN_AT_ONCE)

        async def join(host: int, member: Membership) -> None:
            async with gate:
                await asyncio.to_thread(
                    enrol.join, member, host=cloud.host_name(host), token_file=self.token_file
                )

        await asyncio.gather(*map(join, self.hosts, members))


async def _told() -> AsyncIterator[tuple[str, int]]:
    """Give what is said on stdin: `lose HOST` or `start HOST`; then nothing more, for ever."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    while line := await reader.readline():
        what, _, host = line.decode().partition(" ")
        yield what, int(host)
    await asyncio.Event().wait()


async def _ended(tasks: "Sequence[asyncio.Task[None]]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - whoever started it waits for it


def main() -> None:
    """Run with the settings given as one JSON object, until SIGTERM or Ctrl-C."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # some six an agent
    os.umask(0o077)

    async def run() -> None:
        task = asyncio.current_task()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)  # type: ignore[union-attr] # in a task
        with suppress(asyncio.CancelledError):
            await Crowd.of(json.loads(sys.argv[1])).run()

    try:
        asyncio.run(run())
    except DyetraceError as error:
        print(f"dyetrace: {error}", file=sys.stderr)  # noqa: T201 - its log
        sys.exit(exit_status(error))


if __name__ == "__main__":
    main()
