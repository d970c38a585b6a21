"""The VFDs that route a packet to each other in a circle."""

from dyetrace.model.path import Path
from dyetrace.model.record import Point
from dyetrace.model.topology import Topology, VfdKey


def circle_of(path: Path, topology: Topology) -> tuple[str, ...]:
    """Name the VFDs of the circle in which a dropped packet ended, in order; none if it did not.

    Only those that spend TTL, and the one that dropped it: vSwitches in between
    are passed more than once on straight ways too.
    """
    if path.last.point is not Point.DROP:
        return ()
    routers = _routers(path)
    earlier = [number for number, key in enumerate(routers[:-1]) if key == routers[-1]]
    if not earlier:
        return ()
    return tuple(_name(key, topology) for key in routers[earlier[-1] : -1])


def _routers(path: Path) -> list[VfdKey]:
    """Give the VFDs that spent TTL, each once a passage, and at the end the dropper."""
    found = [
        after.vfd_key
        for before, after in zip(path.sightings, path.sightings[1:], strict=False)
        if before.vfd_key == after.vfd_key and after.ttl < before.ttl
    ]
    return [*found, path.last.vfd_key]


def _name(key: VfdKey, topology: Topology) -> str:
    vfd = topology.vfd_by_key.get(key)
    return f"{vfd.name if vfd else 'a VFD'} on host {topology.host_name(key[0])}"
