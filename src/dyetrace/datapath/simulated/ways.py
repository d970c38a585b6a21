"""The way that a flow's packets take through a simulated cloud, stop by stop."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from ipaddress import IPv4Address

from dyetrace.datapath.simulated.cloud import (
    BALANCED,
    EXTERNAL,
    FIRST_BALANCER,
    FIRST_GATEWAY,
    FIRST_VROUTER,
    INSIDE,
    SIDE_A,
    SIDE_B,
    TO_A,
    TO_B,
    TO_BALANCER,
    TO_GATEWAY,
    UPLINK,
    VSWITCH,
    SimulatedCloud,
    Vm,
    link_ifindex,
    outside_address,
    vni,
    vtep,
)
from dyetrace.model.packet import Encapsulation, FiveTuple, Outer
from dyetrace.model.record import Point

INTERNET = IPv4Address("198.51.100.9")
FIRST_TTL = 64
SIDES, TOS = (SIDE_A, SIDE_B), (TO_A, TO_B)


class Goal(StrEnum):
    """Where a flow goes."""

    VM = "vm"  # to another VM of its network
    INTERNET = "internet"  # out by the network's gateway, which translates its sender
    SERVICE = "service"  # to the balanced address, and so to a VM


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """What one VM sends, all the time."""

    source: Vm
    goal: Goal
    receiver: Vm | None  # None: outside
    protocol: int
    src_port: int
    dst_port: int
    packets_per_second: float = 100.0

    @property
    def five_tuple(self) -> FiveTuple:
        """What the sender writes into its packets."""
        if self.goal is Goal.VM and self.receiver is not None:
            dst = self.receiver.address
        else:
            dst = BALANCED if self.goal is Goal.SERVICE else INTERNET
        return FiveTuple(
            src=self.source.address,
            dst=dst,
            protocol=self.protocol,
            src_port=self.src_port,
            dst_port=self.dst_port,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """One sighting that there would be if everybody looked."""

    host: int
    netns: int
    ifindex: int
    point: Point
    flow: FiveTuple
    ttl: int = FIRST_TTL
    outer: Outer | None = None


def way_of(flow: Flow, cloud: SimulatedCloud) -> tuple[Stop, ...]:
    """Give all stops of a flow's packets, from the sender's vNIC to where they leave the cloud."""
    return tuple(_Walk(flow, cloud).stops())


class _Walk:
    """Follows a packet; knows what it looks like by now."""

    def __init__(self, flow: Flow, cloud: SimulatedCloud) -> None:
        self._flow, self._cloud = flow, cloud
        self._host, self._network = flow.source.host, flow.source.network
        self._looks, self._ttl = flow.five_tuple, FIRST_TTL

    def stops(self) -> Iterator[Stop]:
        """Walk the whole way."""
        flow = self._flow
        yield self._at(VSWITCH, flow.source.ifindex, Point.INGRESS)
        if flow.goal is Goal.VM and flow.receiver is not None:
            yield from self._to_vm(flow.receiver, flow.source.subnet)
            return
        home = self._cloud.gateway_of(self._network)
        yield from self._routed(flow.source.subnet, 1 - flow.source.subnet)
        yield from self._carried(home, 1 - flow.source.subnet)
        if flow.goal is Goal.INTERNET:
            yield from self._translated(TO_GATEWAY, FIRST_GATEWAY)
            self._looks = replace(self._looks, src=outside_address(self._network))
            yield self._at(FIRST_GATEWAY + self._network, EXTERNAL, Point.EGRESS)
        elif flow.receiver is not None:
            yield from self._translated(TO_BALANCER, FIRST_BALANCER)
            self._looks = replace(self._looks, dst=flow.receiver.address)
            yield self._at(FIRST_BALANCER + self._network, INSIDE, Point.EGRESS)
            yield self._at(VSWITCH, link_ifindex(self._network, TO_BALANCER), Point.INGRESS)
            yield from self._carried(flow.receiver.host, flow.receiver.subnet)
            yield self._at(VSWITCH, flow.receiver.ifindex, Point.EGRESS)

    def _to_vm(self, receiver: Vm, subnet: int) -> Iterator[Stop]:
        if receiver.subnet != subnet:
            yield from self._routed(subnet, receiver.subnet)
        yield from self._carried(receiver.host, receiver.subnet)
        yield self._at(VSWITCH, receiver.ifindex, Point.EGRESS)

    def _routed(self, before: int, after: int) -> Iterator[Stop]:
        """Through the vRouter of this host."""
        netns = FIRST_VROUTER + self._network
        yield self._at(VSWITCH, link_ifindex(self._network, TOS[before]), Point.EGRESS)
        yield self._at(netns, SIDES[before], Point.INGRESS)
        self._ttl -= 1
        yield self._at(netns, SIDES[after], Point.EGRESS)
        yield self._at(VSWITCH, link_ifindex(self._network, TOS[after]), Point.INGRESS)

    def _translated(self, link: int, first: int) -> Iterator[Stop]:
        """Into a VFD that changes an address."""
        yield self._at(VSWITCH, link_ifindex(self._network, link), Point.EGRESS)
        yield self._at(first + self._network, INSIDE, Point.INGRESS)
        self._ttl -= 1

    def _carried(self, to: int, subnet: int) -> Iterator[Stop]:
        """To another host, encapsulated."""
        if to == self._host:
            return
        outer = Outer(
            encapsulation=Encapsulation.VXLAN,
            src=vtep(self._host),
            dst=vtep(to),
            vni=vni(self._network, subnet),
        )
        yield self._at(VSWITCH, UPLINK, Point.EGRESS, outer)
        self._host = to
        yield self._at(VSWITCH, UPLINK, Point.INGRESS, outer)

    def _at(self, netns: int, ifindex: int, point: Point, outer: Outer | None = None) -> Stop:
        return Stop(
            host=self._host,
            netns=netns,
            ifindex=ifindex,
            point=point,
            flow=self._looks,
            ttl=self._ttl,
            outer=outer,
        )
