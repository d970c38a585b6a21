"""The ways to break a cloud, one file each. A new fault is one more entry in FAULTS."""

from typing import Final

from dyetrace.lab.errors import UnknownName
from dyetrace.lab.faults.acl_deny import AclDeny
from dyetrace.lab.faults.fault import Fault, Truth
from dyetrace.lab.faults.link_down import LinkDown
from dyetrace.lab.faults.neighbour_unresolved import NeighbourUnresolved
from dyetrace.lab.faults.queue_full import QueueFull
from dyetrace.lab.faults.random_loss import RandomLoss
from dyetrace.lab.faults.route_blackhole import RouteBlackhole
from dyetrace.lab.faults.route_missing import RouteMissing
from dyetrace.lab.faults.route_prohibit import RouteProhibit
from dyetrace.lab.faults.route_unreachable import RouteUnreachable
from dyetrace.lab.faults.rp_filter import RpFilter
from dyetrace.lab.faults.ttl_expired import TtlExpired
from dyetrace.lab.faults.underlay_loss import UnderlayLoss
from dyetrace.lab.faults.vni_mismatch import VniMismatch

FAULTS: Final[tuple[type[Fault], ...]] = (
    AclDeny,
    RandomLoss,
    RouteMissing,
    RouteBlackhole,
    RouteUnreachable,
    RouteProhibit,
    RpFilter,
    NeighbourUnresolved,
    LinkDown,
    QueueFull,
    TtlExpired,
    VniMismatch,
    UnderlayLoss,
)

__all__ = [
    "FAULTS",
    "AclDeny",
    "Fault",
    "LinkDown",
    "NeighbourUnresolved",
    "QueueFull",
    "RandomLoss",
    "RouteBlackhole",
    "RouteMissing",
    "RouteProhibit",
    "RouteUnreachable",
    "RpFilter",
    "Truth",
    "TtlExpired",
    "UnderlayLoss",
    "VniMismatch",
    "fault_called",
]


def fault_called(name: str) -> type[Fault]:
    """Find a fault. Raises UnknownName."""
    for fault in FAULTS:
        if fault.name == name:
            return fault
    raise UnknownName(what="fault", name=name, known=[fault.name for fault in FAULTS])
