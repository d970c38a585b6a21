"""What can be wrong in a simulated cloud: where packets end, and what an agent finds there."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from ipaddress import IPv4Address

from dyetrace.datapath.simulated.cloud import (
    FIRST_BALANCER,
    FIRST_GATEWAY,
    FIRST_VROUTER,
    UPLINK,
    VSWITCH,
    vtep,
)
from dyetrace.datapath.simulated.ways import Stop
from dyetrace.model.record import Point
from dyetrace.model.site import (
    Conntrack,
    Link,
    Neighbour,
    NeighbourState,
    Queue,
    RouteKind,
    RouteLookup,
    SecurityRule,
    SiteEvidence,
)

NOBODYS_VTEP = IPv4Address("192.0.2.1")
UNSAID = "NOT_SPECIFIED"
RULES = "nft_do_chain"
FULL = 1000  # packets, of a queue


class GoesTo(StrEnum):
    """Where packets are sent that leave a host."""

    RECEIVER = "receiver"  # where they should go
    NOBODY = "nobody"  # to an address that no host has
    STRANGER = "stranger"  # to a host that has no VM of their network


Way = Sequence[Stop]
Spot = Callable[[Way], int | None]
"""Finds the stop after which packets get no further; None: this way has no such place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that is wrong. cause is what a verdict must say of it."""

    cause: str
    after: Spot
    at: Callable[[Way, int], Stop] | None = None  # where it is dropped; None: it vanishes
    goes_to: GoesTo = GoesTo.RECEIVER
    drop_reason: str = ""
    symbol: str = ""
    queue_packets: int = 0
    shares: tuple[float, ...] = (1.0,)  # of packets that it takes: one of these
    site: Callable[[Stop], SiteEvidence] = lambda _: SiteEvidence()

    def ended(self, way: Way, stranger: int | None) -> tuple[Stop, ...] | None:
        """Give the way as far as it goes now, drop included; None: it is not concerned.

        stranger: a host without any VM of the flow's network.
        """
        last = self.after(way)
        if last is None or (self.goes_to is GoesTo.STRANGER and stranger is None):
            return None
        kept = tuple(way[: last + 1])
        match self.goes_to:
            case GoesTo.NOBODY:
                return (*kept[:-1], _sent_to(kept[-1], NOBODYS_VTEP))
            case GoesTo.STRANGER if stranger is not None:
                return (*kept[:-1], *_dropped_at(stranger, kept[-1]))
        return kept if self.at is None else (*kept, replace(self.at(way, last), point=Point.DROP))


def _first(point: Point, *, first: int = VSWITCH, ifindex: int | None = None) -> Spot:
    """Find the first stop at one kind of VFD."""

    def find(way: Way) -> int | None:
        for number, stop in enumerate(way):
            is_there = stop.netns == first if first == VSWITCH else _is_of(stop, first)
            if is_there and stop.point is point and ifindex in {None, stop.ifindex}:
                return number
        return None

    return find


def _is_of(stop: Stop, first: int) -> bool:
    return first <= stop.netns < first + FIRST_VROUTER


def _at_sender(_: Way) -> int:
    return 0


def _before_uplink(way: Way) -> int | None:
    """Inside the vSwitch of the first host, on the way out."""
    out = _first(Point.EGRESS, ifindex=UPLINK)(way)
    return None if out is None else out - 1


def _before_receiver(way: Way) -> int | None:
    """Inside the receiver's vSwitch."""
    return len(way) - 2 if way[-1].netns == VSWITCH else None


def _at_receiver(way: Way) -> int | None:
    """Past the port of the receiver's vNIC."""
    return len(way) - 1 if way[-1].netns == VSWITCH else None


def _here(way: Way, last: int) -> Stop:
    return way[last]


def _at_next_port(way: Way, last: int) -> Stop:
    """Drop it inside the VFD, on its way to the port by which it would leave."""
    return replace(way[last + 1], flow=way[last].flow, ttl=way[last].ttl, outer=None)


def _sent_to(stop: Stop, address: IPv4Address) -> Stop:
    assert stop.outer is not None  # noqa: S101 - an uplink's
    return replace(stop, outer=replace(stop.outer, dst=address))


def _dropped_at(stranger: int, stop: Stop) -> tuple[Stop, Stop, Stop]:
    """Send it to another host, which knows nothing of its network."""
    sent = _sent_to(stop, vtep(stranger))
    came = replace(sent, host=stranger, point=Point.INGRESS)
    return sent, came, replace(came, point=Point.DROP)


def _rule(text: str, comment: str = "", family: str = "bridge") -> Callable[[Stop], SiteEvidence]:
    """Find the rule that did it; {src}, {dst} and {port} in its text are the packet's."""

    def site(stop: Stop) -> SiteEvidence:
        told = text.format(src=stop.flow.src, dst=stop.flow.dst, port=stop.flow.dst_port)
        rule = SecurityRule(
            family=family, table="acl", chain="forward", handle=7, text=told, comment=comment
        )
        return SiteEvidence(dropped_by=rule)

    return site


def _routed(kind: RouteKind, error: str) -> Callable[[Stop], SiteEvidence]:
    return lambda _: SiteEvidence(route=RouteLookup(kind=kind, error=error))


def _unanswered(stop: Stop) -> SiteEvidence:
    return SiteEvidence(
        neighbour=Neighbour(address=stop.flow.dst, state=NeighbourState.FAILED, device="net-b")
    )


ROUTER_IN = _first(Point.INGRESS, first=FIRST_VROUTER)
UPLINK_OUT = _first(Point.EGRESS, ifindex=UPLINK)
UPLINK_IN = _first(Point.INGRESS, ifindex=UPLINK)
GATEWAY_IN = _first(Point.INGRESS, first=FIRST_GATEWAY)
BALANCER_IN = _first(Point.INGRESS, first=FIRST_BALANCER)
DROPS = "NETFILTER_DROP"

FAULTS = {
    "tx_rule": Fault(
        cause="TX_ACL_DENY", after=_at_sender, at=_here, drop_reason=DROPS, symbol=RULES,
        site=_rule("ip daddr {dst} drop", "deny to {dst}"),
    ),
    "rx_rule": Fault(
        cause="RX_ACL_DENY", after=_before_receiver, at=_at_next_port, drop_reason=DROPS,
        symbol=RULES, site=_rule("ip saddr {src} drop", "deny from outside"),
    ),
    "spoofed": Fault(
        cause="ANTI_SPOOFING_DENY", after=_at_sender, at=_here, drop_reason=DROPS, symbol=RULES,
        site=_rule("ip saddr != 10.255.0.1 drop", "port security"),
    ),
    "route_missing": Fault(
        cause="VPC_ROUTE_MISSING", after=ROUTER_IN, at=_here, drop_reason="IP_INNOROUTES",
        symbol="ip_route_input_slow", site=_routed(RouteKind.NONE, "ENETUNREACH"),
    ),
    "forwarding_off": Fault(
        cause="FORWARDING_OFF", after=ROUTER_IN, at=_here, drop_reason="IP_INADDRERRORS",
        symbol="ip_error", site=lambda _: SiteEvidence(forwarding=False),
    ),
    "receiver_mute": Fault(
        cause="NEIGHBOUR_UNRESOLVED", after=ROUTER_IN, at=_at_next_port,
        drop_reason="NEIGH_FAILED", symbol="neigh_invalidate", site=_unanswered,
    ),
    "vni_mismatch": Fault(
        cause="VNI_UNKNOWN", after=UPLINK_IN, at=_here, drop_reason="VXLAN_VNI_NOT_FOUND",
        symbol="vxlan_rcv",
    ),
    "remote_wrong": Fault(cause="VTEP_UNKNOWN", after=UPLINK_OUT, goes_to=GoesTo.NOBODY),
    "remote_stale": Fault(
        cause="VNI_UNKNOWN", after=UPLINK_OUT, goes_to=GoesTo.STRANGER,
        drop_reason="VXLAN_VNI_NOT_FOUND", symbol="vxlan_rcv",
    ),
    "uplink_down": Fault(
        cause="LINK_DOWN", after=_before_uplink, at=_at_next_port, drop_reason="DEV_READY",
        symbol="__dev_queue_xmit",
        site=lambda _: SiteEvidence(links=(Link(name="uplink0", is_up=False),)),
    ),
    "card_broken": Fault(
        cause="DRIVER_TX_DROP", after=UPLINK_OUT, at=_here, drop_reason=UNSAID,
        symbol="dev_kfree_skb_any_reason", shares=(1.0, 0.5, 0.2),
    ),
    "queue_full": Fault(
        cause="QUEUE_FULL", after=UPLINK_OUT, at=_here, drop_reason="QDISC_DROP",
        symbol="tbf_enqueue", queue_packets=FULL, shares=(0.9, 0.5, 0.2),
        site=lambda _: SiteEvidence(queue=Queue(kind="tbf", device="uplink0", packets=FULL)),
    ),
    "cpu_busy": Fault(
        cause="CPU_BACKLOG_FULL", after=UPLINK_IN, at=_here, drop_reason="CPU_BACKLOG",
        symbol="enqueue_to_backlog", shares=(0.5, 0.2),
    ),
    "memory_short": Fault(
        cause="MEMORY_SHORT", after=UPLINK_IN, at=_here, drop_reason="NOMEM",
        symbol="vxlan_rcv", shares=(0.5, 0.2),
    ),
    "connections_full": Fault(
        cause="CONNTRACK_FULL", after=GATEWAY_IN, at=_here, drop_reason=DROPS,
        symbol="nf_hook_slow",
        site=lambda _: SiteEvidence(conntrack=Conntrack(entries=FULL, limit=FULL)),
    ),
    "backends_gone": Fault(
        cause="LOAD_BALANCER_NO_BACKEND", after=BALANCER_IN, at=_here, drop_reason=DROPS,
        symbol=RULES, site=_rule("ip daddr {dst} drop", "service has no endpoints", "ip"),
    ),
    "rate_limited": Fault(
        cause="RATE_LIMITED", after=GATEWAY_IN, at=_here, drop_reason=DROPS, symbol=RULES,
        shares=(0.5, 0.2), site=_rule("limit rate over 100/second drop", family="ip"),
    ),
    "vm_stopped": Fault(
        cause="TAP_NO_READER", after=_at_receiver, at=_here, drop_reason="DEV_READY",
        symbol="tun_net_xmit",
    ),
    "vm_slow": Fault(
        cause="TAP_RING_FULL", after=_at_receiver, at=_here, drop_reason="FULL_RING",
        symbol="tun_net_xmit", queue_packets=FULL, shares=(0.5, 0.2),
    ),
    "fabric_lossy": Fault(cause="UNDERLAY_LOSS", after=UPLINK_OUT, shares=(1.0, 0.5, 0.2)),
    "hypervisor_bug": Fault(cause="VFD_SILENT_DROP", after=UPLINK_IN, shares=(1.0, 0.5)),
}  # fmt: skip

MIX = {
    "VM or container misconfigured": (90, ("tx_rule", "rx_rule", "spoofed", "route_missing")),
    "network card": (45, ("uplink_down", "card_broken")),
    "vSwitch overloaded": (27, ("queue_full",)),
    "after migration or release": (
        21,
        ("vni_mismatch", "remote_wrong", "remote_stale", "receiver_mute", "forwarding_off"),
    ),
    "middlebox overloaded": (15, ("connections_full", "backends_gone", "rate_limited")),
    "host's CPU or memory": (12, ("cpu_busy", "memory_short")),
    "VM": (12, ("vm_stopped", "vm_slow")),
    "physical switch": (9, ("fabric_lossy",)),
    "hypervisor": (3, ("hypervisor_bug",)),
}  # fmt: skip
"""Cases of a production overlay by kind, of 234 (Achelous), and the faults that stand for them."""
