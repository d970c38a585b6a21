"""Which record followed which: the trees of sightings of packets that look alike.

Input are all records of one digest. Usually that is one packet; identical
packets (constant payload and no IP id, retransmissions over IPv6) give
several source records, hence several trees. A tree branches where a VFD
floods. On one host the monotonic clock orders sightings exactly; between
hosts clocks may differ by more than a hop takes, so there only the outer
header, the 5-tuple and the TTL decide, and order among equals is kept.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Sequence

from dyetrace.model.record import Point, Record
from dyetrace.model.topology import PortKey, PortKind, Topology, VfdKey

Parents = list[int | None]
"""For each record the index of the one before it; None for roots and orphans."""

RECENT = 64  # how far back a VFD's forwarded packets are remembered for flooded copies


def parents_of(records: Sequence[Record], topology: Topology) -> Parents:
    """Find each record's predecessor; source records are the roots."""
    parents: Parents = [None] * len(records)
    by_host: dict[int, list[int]] = defaultdict(list)
    for index, record in enumerate(records):
        by_host[record.host].append(index)
    for indexes in by_host.values():
        _follow_inside_host(
            sorted(indexes, key=lambda i: _moment(records[i])), records, parents, topology
        )
    _follow_between_hosts(records, parents, topology)
    _adopt_orphans(records, parents, topology)
    return parents


def _moment(record: Record) -> tuple[int, int]:
    return record.seen_ns, record.point


class _Passages:
    """The packets that are, or lately were, inside one VFD."""

    def __init__(self) -> None:
        self.waiting: deque[int] = deque()
        self.recent: deque[int] = deque(maxlen=RECENT)
        self.claimed: set[tuple[int, int, int]] = set()

    def enter(self, index: int) -> None:
        self.waiting.append(index)

    def leave(self, way: tuple[int, int]) -> int | None:
        """Tell who left by this (ifindex, point): who still waits, else whom it copies."""
        if self.waiting:
            parent = self.waiting.popleft()
            self.recent.append(parent)
            self.claimed.add((parent, *way))
            return parent
        for parent in reversed(self.recent):
            if (parent, *way) not in self.claimed:
                self.claimed.add((parent, *way))
                return parent
        return None


def _follow_inside_host(
    indexes: Iterable[int], records: Sequence[Record], parents: Parents, topology: Topology
) -> None:
    inside: dict[VfdKey, _Passages] = defaultdict(_Passages)
    on_link: dict[PortKey, deque[int]] = defaultdict(deque)
    at_queue: dict[PortKey, deque[int]] = defaultdict(deque)
    for index in indexes:
        record = records[index]
        passages = inside[record.vfd_key]
        if record.point is Point.INGRESS:
            if not record.is_source and on_link[record.port_key]:
                parents[index] = on_link[record.port_key].popleft()
            passages.enter(index)
            continue
        if _is_queue_drop(record, at_queue[record.port_key], passages.waiting, records):
            parents[index] = at_queue[record.port_key].pop()
            continue
        parents[index] = passages.leave((record.ifindex, record.point))
        if record.point is Point.EGRESS:
            at_queue[record.port_key].append(index)
            port = topology.port_by_key.get(record.port_key)
            if port is not None and port.peer is not None:
                on_link[record.host, *port.peer].append(index)


def _is_queue_drop(
    record: Record, queued: Sequence[int], waiting: Iterable[int], records: Sequence[Record]
) -> bool:
    """Whether a port's own queue dropped what had just left by that port.

    A packet still inside the VFD belongs to the device it came in by, so a
    drop at a device that none of those came in by is the queue's.
    """
    return (
        record.point is Point.DROP
        and bool(queued)
        and all(records[other].ifindex != record.ifindex for other in waiting)
    )


def _follow_between_hosts(records: Sequence[Record], parents: Parents, topology: Topology) -> None:
    """Match what left by uplinks with what came in by uplinks elsewhere."""
    sent: dict[object, deque[int]] = defaultdict(deque)
    order = sorted(range(len(records)), key=lambda i: _moment(records[i]))
    for index in order:
        if (
            records[index].point is Point.EGRESS
            and _kind(records[index], topology) is PortKind.UPLINK
        ):
            for key in _wire_keys(records[index]):
                sent[key].append(index)
    taken: set[tuple[int, int]] = set()
    for index in order:
        record = records[index]
        if record.point is not Point.INGRESS or record.is_source or parents[index] is not None:
            continue
        for key in _wire_keys(record):
            fitting = (
                other
                for other in sent[key]
                if records[other].host != record.host
                and records[other].ttl >= record.ttl
                and (other, record.host) not in taken
                and not _descends(other, index, parents)
            )
            if (parent := next(fitting, None)) is not None:
                parents[index] = parent
                taken.add((parent, record.host))
                break


def _wire_keys(record: Record) -> tuple[object, ...]:
    """What two sightings of one packet on the wire have in common, surest first."""
    if record.outer is not None:
        return ((record.outer, record.five_tuple, record.ttl), (record.outer, record.ttl))
    return ((record.five_tuple, record.ttl), record.five_tuple)


def _descends(index: int, ancestor: int, parents: Parents) -> bool:
    """Whether index already follows ancestor: making it its parent would close a ring."""
    current: int | None = index
    while current is not None:
        if current == ancestor:
            return True
        current = parents[current]
    return False


def _adopt_orphans(records: Sequence[Record], parents: Parents, topology: Topology) -> None:
    """Hang records whose predecessor's record is missing where they fit best.

    A missing record is not a lost packet: what was seen later has passed.
    """
    del topology
    roots = [index for index, record in enumerate(records) if record.is_source]
    if len(roots) != 1:
        return  # with packets alike nobody can tell whose it is
    order = sorted(range(len(records)), key=lambda i: (-records[i].ttl, *_moment(records[i])))
    for index in order:
        record = records[index]
        if parents[index] is not None or record.is_source:
            continue
        earlier = [
            other
            for other in order
            if other != index
            and records[other].ttl >= record.ttl
            and records[other].point is not Point.DROP
            and (records[other].host != record.host or records[other].seen_ns <= record.seen_ns)
            and _descends(other, roots[0], parents)
            and not _descends(other, index, parents)
        ]
        same_host = [other for other in earlier if records[other].host == record.host]
        candidates = same_host or earlier
        parents[index] = candidates[-1] if candidates else None


def _kind(record: Record, topology: Topology) -> PortKind | None:
    port = topology.port_by_key.get(record.port_key)
    return port.kind if port else None


def trees(records: Sequence[Record], parents: Parents) -> list[list[int]]:
    """The records of each packet: one list of indexes per source record, root first."""
    root_of: dict[int, int] = {}

    def root(index: int) -> int:
        seen = []
        current = index
        while current not in root_of:
            seen.append(current)
            before = parents[current]
            if before is None:
                root_of[current] = current
                break
            current = before
        for visited in seen:
            root_of[visited] = root_of[current]
        return root_of[index]

    grown: dict[int, list[int]] = {i: [i] for i, record in enumerate(records) if record.is_source}
    for index in range(len(records)):
        if (found := root(index)) != index and found in grown:
            grown[found].append(index)
    return list(grown.values())


def branches(indexes: Sequence[int], parents: Parents) -> list[list[int]]:
    """Every way from the root to a leaf of one tree, root first."""
    inner = {parents[index] for index in indexes}
    ways = []
    for leaf in indexes:
        if leaf in inner:
            continue
        way: list[int] = []
        current: int | None = leaf
        while current is not None:
            way.append(current)
            current = parents[current]
        ways.append(way[::-1])
    return ways
