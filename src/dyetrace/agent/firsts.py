"""Which records call for an inspection: a flow's first at a VFD, and each kind of drop's first.

Pure but for what it remembers, which is bounded.
"""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from dyetrace.datapath.driver import NETFILTER_DROP, Batch
from dyetrace.model.packet import FiveTuple
from dyetrace.model.record import Point, Record, RecordArray, address_of, record_of

MOST_FLOWS = 48
MOST_DROPS = 16
MOST_KEYS = 4096  # seen or left out; beyond that nothing is new any more
WAYS_KEPT = 4096

FLOW = ["netns", "protocol", "src", "dst", "src_port", "dst_port"]
ADDRESSES = slice(2, 4)  # of FLOW
WAY_IN = ["netns", "digest", "ifindex", "vni", "protocol", "src", "dst", "src_port", "dst_port"]
DROP = ["netns", "ifindex", "drop_reason", "call_site", "digest"]

Key = tuple[object, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class First:
    """A record to inspect for."""

    record: Record
    in_ifindex: int  # by which its packet came into the VFD; 0: not seen
    in_vni: int = 0  # the VNI it came in by; 0: it was not encapsulated, or that was not seen
    came_as: FiveTuple | None = None  # DROP: what it was then; None: not seen
    drop_reason: str = ""
    symbol: str = ""


class Firsts:
    """Picks the first records, until there were enough; counts the others once each."""

    def __init__(self) -> None:
        self._known: set[Key] = set()
        self._ways_in: OrderedDict[Key, tuple[Any, ...]] = OrderedDict()  # by netns and digest
        self._flows_left = MOST_FLOWS
        self._drops_left = MOST_DROPS
        self.left_out = 0

    def of(self, batch: Batch) -> list[First]:
        """Give what is new in a batch: drops before flows."""
        records = batch.records
        came_in = records[records["point"] == Point.INGRESS]
        self._remember_ways_in(came_in)
        drops = records[records["point"] == Point.DROP]
        return [*self._new_drops(drops, batch), *self._new_flows(came_in)]

    def _remember_ways_in(self, came_in: RecordArray) -> None:
        for netns, digest, *way_in in came_in[WAY_IN].tolist():
            self._ways_in[netns, digest] = tuple(way_in)
        while len(self._ways_in) > WAYS_KEPT:
            self._ways_in.popitem(last=False)

    def _new_drops(self, drops: RecordArray, batch: Batch) -> Iterator[First]:
        rows = zip(drops, drops[DROP].tolist(), drops[FLOW].tolist(), strict=True)
        for row, (*kind, digest), flow in rows:
            in_ifindex, in_vni, *came_as = self._ways_in.get((kind[0], digest), (0, 0))
            # Routes and neighbours differ by address, rules by all that names a flow.
            is_by_rule = batch.drop_names.get(int(row["drop_reason"])) == NETFILTER_DROP
            whose = flow if is_by_rule else flow[ADDRESSES]
            if not self._is_new(("drop", *kind, in_ifindex, *whose)):
                continue
            if not self._drops_left:
                self.left_out += 1
                continue
            self._drops_left -= 1
            record = record_of(row)
            yield First(
                record=record,
                in_ifindex=in_ifindex,
                in_vni=in_vni,
                came_as=_flow(*came_as) if came_as else None,
                drop_reason=batch.drop_names.get(record.drop_reason, ""),
                symbol=batch.symbols.get(record.call_site, ""),
            )

    def _new_flows(self, came_in: RecordArray) -> Iterator[First]:
        for row, flow in zip(came_in, came_in[FLOW].tolist(), strict=True):
            if not self._is_new(("flow", *flow)):
                continue
            if not self._flows_left:
                self.left_out += 1
                continue
            self._flows_left -= 1
            record = record_of(row)
            yield First(record=record, in_ifindex=record.ifindex, in_vni=int(row["vni"]))

    def _is_new(self, key: Key) -> bool:
        if key in self._known or len(self._known) >= MOST_KEYS:
            return False
        self._known.add(key)
        return True


def _flow(protocol: int, src: bytes, dst: bytes, src_port: int, dst_port: int) -> FiveTuple:
    return FiveTuple(
        src=address_of(src),
        dst=address_of(dst),
        protocol=protocol,
        src_port=src_port,
        dst_port=dst_port,
    )
