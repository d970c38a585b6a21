"""What a network namespace shows about itself, before anything is concluded from it."""

from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property

from dyetrace.model.packet import Address

# Hardware types (include/uapi/linux/if_arp.h).
ETHERNET = 1
PPP = 512
RAW_IP = 519
LOOPBACK = 772
NO_HEADER = 0xFFFE

PAIRS = frozenset({"veth", "netkit"})  # two ends, each the other's IFLA_LINK
OVERLAY_TUNNELS = frozenset(
    {
        "vxlan",
        "geneve",
        "gre",
        "gretap",
        "ip6gre",
        "ip6gretap",
        "erspan",
        "ip6erspan",
        "ipip",
        "sit",
        "ip6tnl",
    }
)
# A tunnel module gives one of these to every namespace, used or not.
FALLBACK_TUNNELS = frozenset(
    {
        "tunl0",
        "gre0",
        "gretap0",
        "erspan0",
        "sit0",
        "ip6tnl0",
        "ip6gre0",
        "ip_vti0",
        "ip6_vti0",
    }
)
ROUTING_TAKES_LINKS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkFacts:
    """A network device as its namespace shows it."""

    ifindex: int
    name: str
    kind: str = ""  # rtnetlink's word; empty: hardware, or loopback
    hardware: int = ETHERNET
    mac: str = ""
    is_up: bool = True  # administratively
    master: int = 0
    lower: int = 0  # IFLA_LINK: the device it stands on, or a veth's other end
    lower_nsid: int | None = None  # whose device `lower` is; None: this namespace's
    peer: tuple[int, int] | None = None  # veth: (netns, ifindex) of the other end, where known
    addresses: tuple[Address, ...] = ()
    vtep: Address | None = None  # tunnels: the local end
    carrier: int = 0  # tunnels: the device their packets are bound to, if any
    holder: str = ""  # tap, macvtap: the VM whose process has it open

    @property
    def has_link_layer(self) -> bool:
        """Whether its packets begin with an Ethernet header."""
        return self.hardware == ETHERNET

    @property
    def is_overlay_tunnel(self) -> bool:
        """Whether it was set up to carry an overlay."""
        return self.kind in OVERLAY_TUNNELS and self.name not in FALLBACK_TUNNELS

    @property
    def stands_on_other_namespace(self) -> bool:
        """Whether it is a VLAN, macvlan and the like on a device of another namespace."""
        return bool(self.lower) and self.lower_nsid is not None and self.kind not in PAIRS


@dataclass(frozen=True, slots=True, kw_only=True)
class NeighbourFacts:
    """An entry of the neighbour table."""

    ifindex: int
    mac: str
    address: Address


@dataclass(frozen=True, kw_only=True)
class NamespaceFacts:
    """A network namespace as seen from inside, at one moment."""

    inode: int
    name: str = ""  # as `ip netns` has it; empty for the host's own
    owner: str = ""  # the process or container that lives there
    routes_ip: bool = False  # forwarding is on, for IPv4 or IPv6, or should be
    links: tuple[LinkFacts, ...] = ()
    default_devices: frozenset[int] = frozenset()  # by which default routes leave
    gateways: frozenset[tuple[int, Address]] = frozenset()  # next hops of default routes, by device
    sids: tuple[Address, ...] = ()  # SRv6: what this namespace decapsulates
    encapsulates_srv6: bool = False
    neighbours: tuple[NeighbourFacts, ...] = ()
    learned: dict[int, str] = field(default_factory=dict)  # bridge port -> MAC behind it

    @cached_property
    def link_by_index(self) -> dict[int, LinkFacts]:
        """Links by ifindex."""
        return {link.ifindex: link for link in self.links}

    @cached_property
    def bridges(self) -> tuple[LinkFacts, ...]:
        """The bridges that have ports: one without forwards nothing."""
        masters = {link.master for link in self.links}
        return tuple(
            link for link in self.links if link.kind == "bridge" and link.ifindex in masters
        )

    @cached_property
    def is_router(self) -> bool:
        """Whether packets are meant to come in by one link and go out by another."""
        return self.routes_ip and self.could_route

    @cached_property
    def could_route(self) -> bool:
        """Whether there are links to route between.

        A link that is down counts if it has addresses: it is part of the router, broken.
        """
        usable = (
            link
            for link in self.links
            if link.hardware != LOOPBACK
            and link.name not in FALLBACK_TUNNELS
            and (link.is_up or link.addresses)
        )
        return len(tuple(usable)) >= ROUTING_TAKES_LINKS

    @cached_property
    def is_vfd(self) -> bool:
        """Whether this namespace forwards; otherwise it is an endpoint."""
        return bool(
            self.bridges or self.is_router or any(link.kind == "macvtap" for link in self.links)
        )

    @cached_property
    def tunnels(self) -> tuple[LinkFacts, ...]:
        """The tunnels that carry overlays."""
        return tuple(link for link in self.links if link.is_overlay_tunnel)

    @property
    def carries_srv6(self) -> bool:
        """Whether SRv6 begins or ends here."""
        return self.encapsulates_srv6 or bool(self.sids)

    @cached_property
    def vteps(self) -> tuple[Address, ...]:
        """The underlay addresses that encapsulated packets come to, on whatever device."""
        locals_ = tuple(tunnel.vtep for tunnel in self.tunnels if tunnel.vtep is not None)
        on_loopback: tuple[Address, ...] = ()
        if self.tunnels or self.carries_srv6:
            # A tunnel without a local end takes what the routes say, often loopback's.
            on_loopback = tuple(
                address
                for link in self.links
                if link.hardware == LOOPBACK
                for address in link.addresses
            )
        return tuple(dict.fromkeys((*locals_, *on_loopback, *self.sids)))

    @cached_property
    def addresses_by_mac(self) -> dict[str, tuple[Address, ...]]:
        """What the neighbour table knows, by MAC address."""
        found: dict[str, list[Address]] = defaultdict(list)
        for entry in self.neighbours:
            found[entry.mac].append(entry.address)
        return {mac: tuple(addresses) for mac, addresses in found.items()}

    def beneath(self, ifindex: int) -> frozenset[int]:
        """Find the devices by which traffic of this one leaves: itself, or those below it."""
        return self._reached(ifindex, self._below)

    def above(self, ifindex: int) -> frozenset[int]:
        """Find the device itself and all that stand on it: bridges, bonds, VLANs."""
        return self._reached(ifindex, self._onto)

    @cached_property
    def _below(self) -> dict[int, set[int]]:
        """The devices right below each: its ports, or what it was made on."""
        found: dict[int, set[int]] = defaultdict(set)
        for link in self.links:
            if link.master:
                found[link.master].add(link.ifindex)
            if link.lower and link.lower_nsid is None and link.kind not in PAIRS:
                found[link.ifindex].add(link.lower)
        return found

    @cached_property
    def _onto(self) -> dict[int, set[int]]:
        """The same the other way up."""
        found: dict[int, set[int]] = defaultdict(set)
        for upper, lowers in self._below.items():
            for lower in lowers:
                found[lower].add(upper)
        return found

    def _reached(self, start: int, steps: dict[int, set[int]]) -> frozenset[int]:
        found: set[int] = set()
        waiting = [start]
        while waiting:
            ifindex = waiting.pop()
            if ifindex not in found and ifindex in self.link_by_index:
                found.add(ifindex)
                waiting += steps.get(ifindex, ())
        return frozenset(found)
