"""Streams of records as a cloud makes them: lost, repeated, late, skewed, alike, translated."""

import itertools
import random
from dataclasses import dataclass
from ipaddress import ip_address

import numpy as np

from dyetrace.analysis.columns import columns_of
from dyetrace.model.record import Point, RecordFlag, packed_address
from support.builders import (
    ROUTER,
    ROUTER_A,
    ROUTER_B,
    SWITCH,
    TASK,
    TO_ROUTER,
    TO_VM,
    UPLINK,
    a_flow,
    a_record,
    a_source,
    an_outer,
    rows,
)

GRACE_NS = 1_000_000
OTHER_TASK = TASK + 2**63  # ids have 64 bits


@dataclass(frozen=True, kw_only=True)
class Knobs:
    """What a stream has of everything that makes analysis hard."""

    seed: int
    packets: int = 20
    loss: float = 0.0  # of records
    repeats: float = 0.0
    skew_ns: int = 0  # of host 2
    alike: int = 1  # packets that share a digest
    tcp: bool = False
    cut_short: bool = False


@dataclass(frozen=True)
class Arrival:
    """One record, and when the log took it."""

    at_ns: int
    record: dict


def stream(knobs):
    """Make arrivals, by time; those of one packet come within the grace time."""
    draw = random.Random(knobs.seed)
    pace_ns = draw.choice([GRACE_NS // 50, GRACE_NS // 4])
    latest_ns = GRACE_NS // 2 if knobs.alike > 1 else GRACE_NS
    arrivals = []
    for number in range(knobs.packets):
        packet = _Packet(draw, number, (number - number % knobs.alike) * pace_ns, knobs)
        for record in packet.records:
            if draw.random() < knobs.loss:
                continue
            times = 2 if draw.random() < knobs.repeats else 1
            late = [draw.randrange(latest_ns) for _ in range(times)]
            arrivals += [Arrival(packet.begun + each, record) for each in late]
    return sorted(arrivals, key=lambda arrival: arrival.at_ns)


def columns(arrivals):
    return columns_of(rows(*(arrival.record for arrival in arrivals)))


class _Packet:
    """One packet's records, from web on host 1 towards db on host 2."""

    def __init__(self, draw, number, begun, knobs):
        self.begun = begun
        self._draw, self._knobs = draw, knobs
        self._ticks = itertools.count(1_000_000 + begun + 10_000 * (number % knobs.alike), 100)
        digest = random.Random(f"{knobs.seed}/{number // knobs.alike}").getrandbits(64) or 1
        flow = a_flow(protocol=6 if knobs.tcp else 17, src_port=4000 + draw.randrange(3))
        self._common = {"flow": flow, "digest": digest}
        if knobs.alike == 1:
            self._common["ip_id"] = number
        if knobs.tcp:
            self._common |= {"tcp_seq": 1000 + 100 * number, "payload_length": 100}
        self.records = [
            *self._sources(),
            self._seen(Point.EGRESS, (1, SWITCH, TO_ROUTER)),
            self._seen(Point.INGRESS, (1, ROUTER, ROUTER_A)),
        ]
        ends = ["delivered", "refused", "vanished", "translated", "looped"]
        self.records += getattr(self, f"_{draw.choice(ends)}")()

    def _seen(self, point, at, **fields):
        record = a_record(point, at=at, seen_ns=next(self._ticks), **(self._common | fields))
        record["seen_ns"] += self._knobs.skew_ns if at[0] == 2 else 0
        return record

    def _sources(self):
        source = a_source(seen_ns=next(self._ticks), **self._common)
        # Packets of one TCP flow cover each other only within a task.
        seed = self._knobs.seed if self._knobs.tcp else self._draw.random()
        for_two = random.Random(seed).random() < 0.3
        return [source, source | {"task_id": OTHER_TASK}] if for_two else [source]

    def _vanished(self, **fields):
        outer = an_outer()
        return [self._seen(Point.EGRESS, (1, SWITCH, UPLINK), outer=outer, ttl=63, **fields)]

    def _came(self, **fields):
        outer = an_outer()
        came = self._seen(Point.INGRESS, (2, SWITCH, UPLINK), outer=outer, ttl=63, **fields)
        return [*self._vanished(**fields), came]

    def _delivered(self, **fields):
        came = self._came(**fields)
        if self._knobs.tcp and self._draw.random() < 0.4:  # others were merged into it on the way
            came[-1]["payload_length"] = fields["payload_length"] = 300
        fields |= {"ttl": 63, "flags": RecordFlag.RESTORED}
        return [*came, self._seen(Point.EGRESS, (2, SWITCH, TO_VM), **fields)]

    def _translated(self):
        return self._delivered(src=np.void(packed_address(ip_address("203.0.113.2"))))

    def _refused(self):
        fields = {"ttl": 63, "drop_reason": 2}
        if self._knobs.cut_short and self._draw.random() < 0.5:
            digest = self._common["digest"] ^ 0xFFFF0000
            fields |= {"digest": digest, "flags": RecordFlag.TRUNCATED}
        return [*self._came(), self._seen(Point.DROP, (2, SWITCH, UPLINK), **fields)]

    def _looped(self):
        records = []
        for ttl in range(63, 63 - self._draw.randrange(1, 4), -1):
            records += [
                self._seen(Point.EGRESS, (1, ROUTER, ROUTER_B), ttl=ttl),
                self._seen(Point.INGRESS, (1, SWITCH, TO_ROUTER), ttl=ttl),
                self._seen(Point.EGRESS, (1, SWITCH, TO_ROUTER), ttl=ttl),
                self._seen(Point.INGRESS, (1, ROUTER, ROUTER_A), ttl=ttl),
            ]
        return [*records, self._seen(Point.DROP, (1, ROUTER, ROUTER_A), drop_reason=1, ttl=60)]
