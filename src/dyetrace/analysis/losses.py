"""Where packets were lost."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from dyetrace.analysis.partial import Alike
from dyetrace.knowledge.loss import Place
from dyetrace.model.packet import Address, FiveTuple
from dyetrace.model.path import Fate, Path, Sighting
from dyetrace.model.policy import Plan
from dyetrace.model.record import Point
from dyetrace.model.topology import PortKey, PortKind, Topology


@dataclass(frozen=True, slots=True, kw_only=True)
class HostReport:
    """What is known of one host's part in the task."""

    number: int
    name: str
    is_up: bool = True  # the agent lived, and held the task to the end
    why_down: str = "died during the task"
    is_in_scope: bool = True  # the task logs there
    is_installed: bool = True  # all its LOG policies stood
    records_lost: int = 0
    colored: int = 0
    matched: int = 0
    uncolorable: int = 0
    already_colored: int = 0
    clock_uncertainty_ns: int | None = None  # None: its clock is not related to ours


NETFILTER_DROP = "NETFILTER_DROP"
MOST_FLOWS_APART = 8  # the site is inspected once for each

LossKey = tuple[PortKey, Point, str, str, PortKey | None, FiveTuple | None]
"""What tells one loss from another: last port and point, drop reason and function, way in.

And the flow, as it was there, where rules may have dropped each flow by itself.
"""


def loss_key(path: Path) -> LossKey:
    """Name the loss that ended this path."""
    last = path.last
    way_in = entry(path)
    return (
        last.port_key,
        last.point,
        last.drop.reason if last.drop else "",
        last.drop.symbol if last.drop else "",
        way_in.port_key if way_in else None,
        None,
    )


def entry(path: Path) -> Sighting | None:
    """Where the packet came into the VFD that it was last seen at; None if unseen."""
    return next(
        (
            sighting
            for sighting in reversed(path.sightings)
            if sighting.point is Point.INGRESS and sighting.vfd_key == path.last.vfd_key
        ),
        None,
    )


def place_of(path: Path, topology: Topology) -> Place:
    """Say where a lost packet was lost."""
    if path.fate is Fate.DROPPED:
        return Place.AT_VFD
    if path.last.point is Point.INGRESS:
        return Place.INSIDE_VFD
    port = topology.port_by_key.get(path.last.port_key)
    if port is not None and port.kind in {PortKind.UPLINK, PortKind.EXTERNAL}:
        return Place.BETWEEN_HOSTS
    return Place.BETWEEN_VFDS


def next_host(path: Path, topology: Topology) -> int | None:
    """Which host a packet that left by an uplink was sent to, where its outer header says."""
    if path.last.outer is None:
        return None
    return topology.hosts_by_underlay_address.get(path.last.outer.dst)


def hosts_beyond(
    found: Iterable[Alike], planned: Plan, homes: Mapping[Address, int]
) -> frozenset[int]:
    """Number the hosts that packets were sent to, where the task does not log.

    homes: hosts by their address on the underlay.
    """
    ends = [alike.path.last for alike in found if alike.path.fate is Fate.VANISHED]
    sent_to = {
        homes.get(last.outer.dst)
        for last in ends
        if last.point is Point.EGRESS and last.outer is not None
    }
    return frozenset(host for host in sent_to if host is not None and host not in planned.log)


def grouped_by_loss(lost: Iterable[Alike]) -> dict[LossKey, list[Alike]]:
    """Put packets of the same loss together."""
    groups: dict[LossKey, list[Alike]] = {}
    for alike in lost:
        key = loss_key(alike.path)
        for flow, part in _by_flow(alike):
            groups.setdefault((*key[:-1], flow), []).append(part)
    return groups


def _by_flow(alike: Alike) -> list[tuple[FiveTuple | None, Alike]]:
    """Tell the flows apart that netfilter dropped: each may have met a rule of its own."""
    path, flows = alike.path, alike.sample.flows
    is_told_apart = (
        path.last.drop is not None
        and path.last.drop.reason == NETFILTER_DROP
        and path.last.five_tuple == path.five_tuple  # translated ones have other names here
        and flows is not None
        and len(flows) <= MOST_FLOWS_APART
    )
    if flows is None or not is_told_apart:
        return [(None, alike)]
    return [
        (
            flow,
            Alike(
                packets,
                _as_flow(path, flow),
                alike.delays,
                replace(alike.sample, flows={flow: packets}),
            ),
        )
        for flow, packets in flows.items()
    ]


def _as_flow(path: Path, flow: FiveTuple) -> Path:
    """Take another flow's path for one of this flow: they went alike."""
    sightings = tuple(replace(sighting, five_tuple=flow) for sighting in path.sightings)
    return replace(path, sightings=sightings)
