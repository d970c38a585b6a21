"""The faults that have places of their own kind."""

from typing import Final

from dyetrace.lab.faults.acl_deny import AclDeny
from dyetrace.lab.faults.fault import Fault
from dyetrace.lab.faults.link_down import LinkDown
from dyetrace.lab.faults.neighbour_unresolved import NeighbourUnresolved
from dyetrace.lab.faults.queue_full import QueueFull
from dyetrace.lab.faults.random_loss import RandomLoss
from dyetrace.lab.faults.route_missing import RouteMissing
from dyetrace.lab.faults.rp_filter import RpFilter
from dyetrace.lab.faults.ttl_expired import TtlExpired
from dyetrace.lab.faults.underlay_loss import UnderlayLoss
from dyetrace.lab.faults.vni_mismatch import VniMismatch
from dyetrace.lab.matrix.entry import Entry
from dyetrace.lab.matrix.route import Route
from dyetrace.lab.passage import Position

INSIDE: Final = frozenset({"vxlan", "routed"})
ROUTED: Final = frozenset({"routed", "routed-locally"})
WEB: Final = "blue-web"  # the VM behind the floating address

# The hosts at both ends of each route's first way through the underlay.
LEGS: Final = {
    "vxlan": ("cn-1", "cn-2"),
    "routed": ("cn-1", "cn-3"),
    "nat-out": ("cn-2", "gw-1"),
    "nat-in": ("gw-1", "cn-1"),
    "hairpin": ("cn-3", "gw-1"),
}


def receiver(route: Route) -> str:
    """Give the VM that a route ends at."""
    return WEB if route.destination[0].isdigit() else route.destination


def acl_deny(route: Route, position: Position) -> Fault:
    """Deny at the sender's port or at the receiver's."""
    if position == "source-vswitch":
        return AclDeny(direction="tx", vm=route.source)
    return AclDeny(direction="rx", vm=receiver(route))


def random_loss(route: Route, position: Position) -> Fault:
    """Lose some at the sender's port or at the receiver's."""
    if position == "source-vswitch":
        return RandomLoss(direction="tx", vm=route.source)
    return RandomLoss(direction="rx", vm=receiver(route))


def route_missing(route: Route, _: Position) -> Fault:
    """Take away the route that the flow's packets take."""
    network = {"nat-out": "default", "hairpin": "default"}.get(route.name, "net-b")
    host = {"nat-out": "cn-2", "hairpin": "cn-3"}.get(route.name, "cn-1")
    return RouteMissing(host=host, network=network)


def link_down(route: Route, position: Position) -> Fault:
    """Take down the receiver's port or the vRouter's."""
    if position == "source-vrouter":
        return LinkDown(at="vrouter", destination=receiver(route))
    return LinkDown(destination=receiver(route))


def queue_full(route: Route, position: Position) -> Fault:
    """Throttle the receiver's port or the uplink."""
    if position == "destination-vswitch":
        return QueueFull(destination=receiver(route))
    return QueueFull(at="uplink")


EXISTING: Final = (
    Entry(fault=AclDeny, build=acl_deny, positions=("source-vswitch", "destination-vswitch")),
    Entry(fault=RandomLoss, build=random_loss, positions=("source-vswitch", "destination-vswitch")),
    Entry(
        fault=RouteMissing,
        build=route_missing,
        positions=("source-vrouter",),
    ),
    Entry(
        fault=RpFilter,
        build=lambda route, _: RpFilter(source=route.source),
        positions=("source-vrouter",),
        only=ROUTED,
        families=(4,),
    ),
    Entry(
        fault=NeighbourUnresolved,
        build=lambda route, _: NeighbourUnresolved(destination=route.destination),
        positions=("source-vrouter",),
        only=ROUTED,
    ),
    Entry(
        fault=LinkDown,
        build=link_down,
        positions=("source-vrouter",),
        only=ROUTED,
    ),
    Entry(fault=LinkDown, build=link_down, positions=("destination-vswitch",)),
    Entry(
        fault=QueueFull,
        build=queue_full,
        positions=("source-uplink", "destination-vswitch"),
        but=frozenset({"nat-out", "hairpin"}),
        protocols=("udp", "icmp"),  # TCP waits for answers, and then may lose nothing
    ),
    Entry(
        fault=TtlExpired,
        build=lambda route, _: TtlExpired(source=route.source),
        positions=("source-vrouter",),
    ),
    Entry(
        fault=VniMismatch,
        build=lambda route, _: VniMismatch(
            network=receiver_network(route), host=receiver_host(route)
        ),
        positions=("destination-vswitch",),
        only=INSIDE | {"nat-in", "hairpin"},
    ),
    Entry(
        fault=UnderlayLoss,
        build=lambda route, _: UnderlayLoss(
            source=LEGS[route.name][0], destination=LEGS[route.name][1]
        ),
        positions=("underlay",),
    ),
)


def receiver_network(route: Route) -> str:
    """Give the network of the VM that a route ends in."""
    return "net-b" if receiver(route) in {"blue-db", "blue-cache"} else "net-a"


def receiver_host(route: Route) -> str:
    """Give the host of the VM that a route ends at."""
    return {"blue-db": "cn-3", "blue-app": "cn-2"}.get(receiver(route), "cn-1")
