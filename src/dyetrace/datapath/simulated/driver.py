"""The driver of a simulated host: it colors, logs and drops packets that nobody sent."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from dyetrace.datapath.driver import Batch, Look, Losses, Spot
from dyetrace.datapath.simulated.cloud import VSWITCH
from dyetrace.datapath.simulated.shape import Unreliable
from dyetrace.datapath.simulated.sightings import DROP_NAMES, SYMBOLS, Sightings
from dyetrace.datapath.simulated.traffic import Planted, Traffic
from dyetrace.datapath.simulated.wire import Wire
from dyetrace.errors import PolicyRefused
from dyetrace.model.filter import PacketFilter
from dyetrace.model.packet import ColorMap, FiveTuple
from dyetrace.model.policy import ColorCounts, ColorPolicy
from dyetrace.model.record import Point, RecordArray
from dyetrace.model.site import SiteEvidence, Uncolored
from dyetrace.model.task import TaskId
from dyetrace.model.topology import Host, PortKey, VfdKey

SECOND_NS = 1_000_000_000


@dataclass(slots=True)
class _Coloring:
    """One task's coloring of one host's flows."""

    policy: ColorPolicy
    flows: tuple[Planted, ...]
    since_ns: int
    until_ns: int
    lease_until_ns: int
    sent: dict[int, int] = field(default_factory=dict)  # packets by flow
    counts: ColorCounts = field(default_factory=ColorCounts)


class SimulatedDriver:
    """One host's data plane, as the agent's driver; all hosts of a process share the rest."""

    def __init__(  # noqa: PLR0913 - what hosts share, by keyword
        self,
        host: int,
        *,
        traffic: Traffic,
        sightings: Sightings,
        wire: Wire,
        unreliable: Unreliable,
        now_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """Take the host's index; records that the wire brings are taken by `take`."""
        self.colors = ColorMap()
        self.host = host
        self._traffic, self._sightings, self._wire = traffic, sightings, wire
        self._unreliable, self._now_ns = unreliable, now_ns
        self._draw = np.random.default_rng([traffic.cloud.shape.seed, 3, host])
        self._described = traffic.cloud.host(host)
        self._ports: frozenset[PortKey] = frozenset()
        self._vfds: frozenset[VfdKey] = frozenset()
        self._coloring: dict[TaskId, _Coloring] = {}
        self._counted: dict[TaskId, ColorCounts] = {}
        self._arrived: list[RecordArray] = []
        self._late: list[tuple[int, RecordArray]] = []
        self._recorded = self._lost = 0
        self._wakes = os.eventfd(0, os.EFD_NONBLOCK)
        self._is_closed = False

    def discover(self) -> tuple[Host, tuple[str, ...]]:
        """Give what the cloud has on this host."""
        return self._described, ()

    def log_at(self, ports: frozenset[PortKey]) -> tuple[int, tuple[str, ...]]:
        """Keep records of these ports, and of drops in their VFDs."""
        self._ports = ports
        self._vfds = frozenset(port[:2] for port in ports)
        return self._logging_programs(), ()

    def programs(self) -> int:
        """Count what a kernel would have attached."""
        colored = {port for each in self._coloring.values() for port in each.policy.ports}
        return self._logging_programs() + len(colored)

    def _logging_programs(self) -> int:
        return 2 * len(self._ports) + bool(self._ports)

    def color(self, policy: ColorPolicy, *, lease_ns: int) -> int:
        """Color those of the host's flows that the policy wants."""
        now_ns = self._now_ns()
        flows = tuple(
            planted
            for port in policy.ports
            if port[1] == VSWITCH
            and (vm := self._traffic.cloud.vm_by_port.get((self.host, port[2]))) is not None
            for planted in self._traffic.by_source.get(vm, ())
            if any(_wants(each, planted.flow.five_tuple) for each in policy.filters)
        )
        self._coloring[policy.task_id] = _Coloring(
            policy=policy,
            flows=flows,
            since_ns=now_ns,
            until_ns=now_ns + round(policy.limits.trace_time.total_seconds() * SECOND_NS),
            lease_until_ns=now_ns + lease_ns,
        )
        return len(policy.ports)

    def renew(self, task_id: TaskId, *, lease_ns: int) -> None:
        """Go on for longer."""
        self._coloring[task_id].lease_until_ns = self._now_ns() + lease_ns

    def stop_color(self, task_id: TaskId) -> None:
        """Color no more."""
        ended = self._coloring.pop(task_id, None)
        if ended is not None:
            self._counted[task_id] = ended.counts

    def forget(self, task_id: TaskId) -> None:
        """Forget the counts."""
        self._counted.pop(task_id, None)

    def color_counts(self, task_id: TaskId) -> ColorCounts:
        """Count so far."""
        running = self._coloring.get(task_id)
        return running.counts if running else self._counted.get(task_id, ColorCounts())

    def read(self) -> Batch:
        """Send what is due, and give what has come."""
        os.eventfd_write(self._wakes, 1)
        os.eventfd_read(self._wakes)
        now_ns = self._now_ns()
        for running in self._coloring.values():
            self._send_due(running, now_ns)
        due = [rows for at_ns, rows in self._late if at_ns <= now_ns]
        self._late = [each for each in self._late if each[0] > now_ns]
        arrived, self._arrived = [*self._arrived, *due], []
        if not arrived:
            return Batch()
        records = np.concatenate(arrived)
        self._recorded += len(records)
        is_drop = bool((records["point"] == Point.DROP).any())
        return Batch(
            records=records,
            drop_names=DROP_NAMES if is_drop else {},
            symbols=SYMBOLS if is_drop else {},
        )

    def losses(self) -> Losses:
        """Count records."""
        return Losses(recorded=self._recorded, lost_in_ring=self._lost)

    def take(self, rows: RecordArray) -> None:
        """Take what passes here: log it where that is wanted, and lose some of it."""
        if not self._ports:
            return
        rows = rows[[self._is_logged(row) for row in rows]]
        kept = self._draw.random(len(rows)) >= self._unreliable.records_lost
        self._lost += len(rows) - int(kept.sum())
        rows = rows[kept]
        is_late = self._draw.random(len(rows)) < self._unreliable.records_late
        if is_late.any():
            at_ns = self._now_ns() + round(self._unreliable.late_s * SECOND_NS)
            self._late.append((at_ns, rows[is_late]))
        if len(now := rows[~is_late]):
            self._arrived.append(now)
            os.eventfd_write(self._wakes, 1)

    def trace_rules(self, netns: frozenset[int]) -> None:
        """See rules: inspections tell them anyway."""

    def rules_traced(self) -> tuple[str, ...]:
        """See rules at once."""
        return ()

    def watch_rules(self, netns: int) -> None:
        """See rules: inspections tell them anyway."""

    def watch_uncolored(self, netns: int, flow: FiveTuple) -> None:  # noqa: ARG002 - the seam's
        """Refuse: there are no packets without color."""
        raise PolicyRefused("a simulated host has no uncolored packets")

    def uncolored(
        self,
        netns: int,  # noqa: ARG002 - the seam's
        flow: FiveTuple,  # noqa: ARG002 - the seam's
        *,
        family: str,  # noqa: ARG002 - the seam's
        table: str,  # noqa: ARG002 - the seam's
    ) -> Uncolored:
        """Count none."""
        return Uncolored()

    def inspection_at(self, spot: Spot) -> Look:
        """Find what is wrong there with the packet's flow."""
        found = self._traffic.fault_at(self.host, spot.netns, spot.five_tuple)
        if found is None:
            return SiteEvidence
        fault, stop = found
        return lambda: fault.site(stop)

    def fileno(self) -> int:
        """Readable when records have come."""
        return self._wakes

    def close(self) -> None:
        """Stop everything."""
        if not self._is_closed:
            self._is_closed = True
            self._ports, self._vfds = frozenset(), frozenset()
            self._coloring.clear()
            os.close(self._wakes)

    def _is_logged(self, row: np.void) -> bool:
        if row["point"] == Point.DROP:
            return (int(row["host"]), int(row["netns"])) in self._vfds
        return (int(row["host"]), int(row["netns"]), int(row["ifindex"])) in self._ports

    def _send_due(self, running: _Coloring, now_ns: int) -> None:
        """Send what its flows have sent since the last time, within the task's limits."""
        limits = running.policy.limits
        until_ns = min(now_ns, running.until_ns, running.lease_until_ns)
        for planted in running.flows:
            rate = min(planted.flow.packets_per_second, limits.packets_per_second)
            sent = running.sent.get(planted.number, 0)
            due = int((until_ns - running.since_ns) * rate / SECOND_NS) - sent
            count = min(due, limits.packet_count - running.counts.colored)
            if count <= 0:
                continue
            running.sent[planted.number] = sent + count
            running.counts += ColorCounts(colored=count, matched=count)
            step = SECOND_NS / rate
            sent_ns = running.since_ns + ((sent + np.arange(count)) * step).astype(np.int64)
            self._send(planted, running.policy.task_id, sent_ns)

    def _send(self, planted: Planted, task_id: TaskId, sent_ns: np.ndarray) -> None:
        rows = self._sightings.of(planted, [task_id], sent_ns, self._draw)
        hosts = dict.fromkeys(stop.host for stop in (*planted.way, *planted.ended))
        for host in hosts:
            of_host = rows[rows["host"] == self._traffic.cloud.number_of[host]]
            if len(of_host):
                self._wire.carry(host, of_host)


def _wants(wanted: PacketFilter, flow: FiveTuple) -> bool:
    """Whether a filter without names matches a packet."""
    return (
        (wanted.src is None or flow.src in wanted.src)
        and (wanted.dst is None or flow.dst in wanted.dst)
        and wanted.protocol in {None, flow.protocol}
        and wanted.src_port in {None, flow.src_port}
        and wanted.dst_port in {None, flow.dst_port}
    )
