"""The branch that counts, and the packet's fate."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dyetrace.analysis.forest import branches, parents_of
from dyetrace.model.path import Drop, Fate, Path, Sighting
from dyetrace.model.record import Point, Record
from dyetrace.model.topology import Port, PortKind, Topology

DropNamer = Callable[[Record], tuple[str, str]]
"""A DROP record's reason and function, by name: numbers differ between kernels."""

NOT_FOR_ME = frozenset({"OTHERHOST"})
"""Drop reasons of flooded copies: a receiver that the packet was not meant for."""


@dataclass(frozen=True, slots=True)
class Reconstruction:
    """One packet's path, and which of its records it is made of, in path order."""

    path: Path
    order: tuple[int, ...]


def reconstruct(
    records: Sequence[Record], *, topology: Topology, name_drop: DropNamer
) -> Reconstruction:
    """Find the path of one packet from all its records, of which one is a source record.

    Flooding makes a tree. If one copy arrived, the packet was delivered,
    whatever became of the others; else the copy that came closest to the
    destination tells where it was lost.
    """
    parents = parents_of(records, topology)
    root = next(index for index, record in enumerate(records) if record.is_source)
    mine = [index for index in range(len(records)) if _root_of(index, parents) == root]
    ways = list(branches(mine, parents))
    best = max(ways, key=lambda way: _rank(way, records, topology, name_drop))
    best, fate = _fate(best, records, topology, is_flooded=len(ways) > 1)
    sightings = tuple(_sighting(records[index], name_drop) for index in best)
    path = Path(fate=fate, sightings=sightings, original_dscp=records[root].dscp)
    return Reconstruction(path=path, order=tuple(best))


def _root_of(index: int, parents: list[int | None]) -> int:
    while (before := parents[index]) is not None:
        index = before
    return index


def _rank(
    way: list[int], records: Sequence[Record], topology: Topology, name_drop: DropNamer
) -> tuple[bool, bool, bool, int, bool]:
    last = records[way[-1]]
    astray = _is_astray(last, topology) or (
        last.point is Point.DROP and name_drop(last)[0] in NOT_FOR_ME
    )
    return (
        _is_delivery(last, topology),
        not astray,
        last.vfd_key in {port.vfd_key for port in destination_ports(last, topology)},
        len(way),
        last.point is Point.DROP,
    )


def _fate(
    way: list[int], records: Sequence[Record], topology: Topology, *, is_flooded: bool
) -> tuple[list[int], Fate]:
    last = records[way[-1]]
    if _is_delivery(last, topology):
        return way, Fate.DELIVERED
    if last.point is Point.DROP:
        return way, Fate.DROPPED
    homes = {port.vfd_key for port in destination_ports(last, topology)}
    # The only copy, sent on to another host, was sent astray on purpose.
    if _is_astray(last, topology) and (is_flooded or last.vfd_key in homes):
        return _up_to_destination(way, records, topology), Fate.VANISHED
    return way, Fate.VANISHED


def _up_to_destination(way: list[int], records: Sequence[Record], topology: Topology) -> list[int]:
    """Cut what only strangers got back to where the destination's VFD took the packet in."""
    homes = {port.vfd_key for port in destination_ports(records[way[-1]], topology)}
    for position in range(len(way), 0, -1):
        record = records[way[position - 1]]
        if record.point is Point.INGRESS and record.vfd_key in homes:
            return way[:position]
    return way


def destination_ports(record: Record, topology: Topology) -> tuple[Port, ...]:
    """The vNIC ports known for the destination, as the packet names it at this point."""
    return topology.vnic_ports_by_address.get(record.five_tuple.dst, ())


def _is_delivery(record: Record, topology: Topology) -> bool:
    port = topology.port_by_key.get(record.port_key)
    if record.point is not Point.EGRESS or port is None or not port.kind.is_edge_of_cloud:
        return False
    if port.kind is PortKind.EXTERNAL:
        return True
    return not _is_astray(record, topology) and not is_handed_over(record, topology)


def is_handed_over(seen: Record | Sighting, topology: Topology) -> bool:
    """Whether a program took a packet from a tun device that is not the destination's.

    No MAC address leads there, but a route: such a program sends packets on,
    by ways that nobody looks at.
    """
    port = topology.port_by_key.get(seen.port_key)
    if seen.point is not Point.EGRESS or port is None or port.kind is not PortKind.VNIC:
        return False
    owners = topology.vnic_ports_by_address.get(seen.five_tuple.dst, ())
    is_known = bool(port.nic and port.nic.addresses)
    return not port.has_link_layer and not is_known and bool(owners) and port not in owners


def _is_astray(record: Record, topology: Topology) -> bool:
    """Whether a copy reached a vNIC that does not own the destination address."""
    port = topology.port_by_key.get(record.port_key)
    if record.point is not Point.EGRESS or port is None or port.kind is not PortKind.VNIC:
        return False
    owners = destination_ports(record, topology)
    return bool(owners) and port not in owners and bool(port.nic and port.nic.addresses)


def _sighting(record: Record, name_drop: DropNamer) -> Sighting:
    drop = None
    if record.point is Point.DROP:
        reason, symbol = name_drop(record)
        drop = Drop(
            reason=reason,
            symbol=symbol,
            queue_packets=record.queue_packets,
            queue_bytes=record.queue_bytes,
            evidence=record.evidence,
        )
    return Sighting(
        port_key=record.port_key,
        point=record.point,
        five_tuple=record.five_tuple,
        ttl=record.ttl,
        seen_ns=record.seen_ns,
        outer=record.outer,
        drop=drop,
    )
