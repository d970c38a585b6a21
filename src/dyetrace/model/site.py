"""What was to be seen where a packet died: taken by the agent, never guessed.

Every part is optional. An agent takes what bears on the drop at hand, as soon
after it as it can; the site may have changed in between.
"""

from dataclasses import dataclass
from enum import StrEnum

from dyetrace.model.connection import Connection
from dyetrace.model.forwarding import ForwardingEntry, Setting
from dyetrace.model.packet import Address, Network
from dyetrace.model.rule_met import RuleMet


class RouteKind(StrEnum):
    """What a route lookup ends in."""

    UNICAST = "unicast"  # there is a next hop
    LOCAL = "local"  # the address is the VFD's own
    BLACKHOLE = "blackhole"  # drop without a word
    UNREACHABLE = "unreachable"  # drop, and tell the sender "host unreachable"
    PROHIBIT = "prohibit"  # drop, and tell the sender "administratively prohibited"
    NONE = "none"  # no route matches


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyRule:
    """A routing rule (ip rule) that refuses packets before any route is asked."""

    priority: int
    kind: RouteKind
    selector: str  # what it matches, as `ip rule` writes it

    def __str__(self) -> str:
        """Name it as `ip rule` lists it: rule 77: to 10.0.2.21 blackhole."""
        return f"rule {self.priority}: {self.selector} {self.kind}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteLookup:
    """What the VFD answers when asked for this packet's route."""

    kind: RouteKind
    error: str = ""  # the errno's name, e.g. ENETUNREACH
    prefix: Network | None = None  # of the route that matched
    gateway: Address | None = None
    device: str = ""
    table: str = ""
    encapsulation: str = ""  # as `ip route` writes it: encap seg6 mode encap segs fd00::1
    rule: PolicyRule | None = None  # what refused, where no route was asked


class NeighbourState(StrEnum):
    """A neighbour entry's state, by the kernel's names (NUD_*)."""

    NONE = "none"
    INCOMPLETE = "incomplete"  # asked, no answer yet
    REACHABLE = "reachable"
    STALE = "stale"
    DELAY = "delay"
    PROBE = "probe"
    FAILED = "failed"  # asked, and gave up
    NOARP = "noarp"
    PERMANENT = "permanent"

    @property
    def is_resolved(self) -> bool:
        """Whether packets can be sent to it."""
        return self not in {NeighbourState.NONE, NeighbourState.INCOMPLETE, NeighbourState.FAILED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """The entry of the next hop, or of the destination itself."""

    address: Address
    state: NeighbourState
    device: str = ""
    mac: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A device's state."""

    name: str
    is_up: bool = True  # by its administrator
    has_carrier: bool = True  # there is somebody at the other end
    mtu: int = 0  # 0: not known
    queue_length: int = 0  # packets: the limit of its transmit queue; of a tap, of its ring

    @property
    def is_down(self) -> bool:
        """Whether nothing can leave or enter by it."""
        return not (self.is_up and self.has_carrier)


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """A device's queue (qdisc), as counted when asked."""

    kind: str  # tbf, pfifo_fast, ...
    handle: str = ""
    device: str = ""
    packets: int = 0
    bytes: int = 0
    limit: str = ""  # in the queue's own words, e.g. "2000b" or "1000p"
    drops: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """What the machine's CPUs could not take in, since it started."""

    dropped: int  # packets: a CPU's queue of them was full
    squeezed: int  # times that a CPU's share of time was over before its packets were


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityRule:
    """A netfilter rule, or a chain's policy, that drops or rejects."""

    family: str  # nft's: inet, ip, ip6, bridge, netdev, arp; iptables, ip6tables: legacy
    table: str
    chain: str
    handle: int = 0  # 0: the chain's policy; of iptables-legacy the rule's number
    text: str = ""
    comment: str = ""

    @property
    def is_legacy(self) -> bool:
        """Whether it is iptables-legacy's, which nft neither shows nor changes."""
        return self.family.endswith("tables")

    def __str__(self) -> str:
        """Name it as operators look it up: nft inet tenant tenant-in handle 7."""
        if self.is_legacy:
            number = f"rule {self.handle}" if self.handle else "policy"
            return f"{self.family}-legacy -t {self.table} {self.chain} {number}"
        which = f"handle {self.handle}" if self.handle else "policy"
        return f"nft {self.family} {self.table} {self.chain} {which}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Conntrack:
    """How full the connection table is."""

    entries: int
    limit: int

    @property
    def is_full(self) -> bool:
        """Whether new connections find no room."""
        return self.entries >= self.limit


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgePort:
    """A bridge port's permission to forward."""

    name: str
    state: str = "forwarding"  # disabled, listening, learning, forwarding, blocking
    is_isolated: bool = False
    is_locked: bool = False

    @property
    def may_forward(self) -> bool:
        """Whether it stands in nobody's way by itself."""
        return self.state == "forwarding" and not self.is_isolated and not self.is_locked


@dataclass(frozen=True, slots=True, kw_only=True)
class Tunnel:
    """A device that encapsulates and decapsulates."""

    name: str
    vni: int
    is_up: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """An eBPF program, or an action of tc, that may drop what passes a device."""

    device: str
    hook: str  # xdp, xdp generic, tc ingress, tc egress
    name: str
    id: int = 0  # 0: no program, but a filter's own action
    tag: str = ""

    def __str__(self) -> str:
        """Name it as bpftool does: tc ingress program guard (id 12, tag 3b18...) on tap7."""
        if not self.id:
            return f"{self.hook} filter {self.name} on {self.device}"
        return f"{self.hook} program {self.name} (id {self.id}, tag {self.tag}) on {self.device}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SetMembership:
    """An element of a named set that a packet is, or is within."""

    name: str
    key: str  # of the packet: an address, a port, or several with " . " between
    element: str  # as the set has it, e.g. a prefix

    def __str__(self) -> str:
        """Say it: 10.0.2.21 is in set denied (10.0.2.0/24)."""
        within = f" ({self.element})" if self.element != self.key else ""
        return f"{self.key} is in set {self.name}{within}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncolored:
    """What became of a flow's packets without the color, where a rule drops those with it."""

    passed: int = 0  # went through the rule's table, and on
    dropped: int = 0  # by whatever rule there


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteEvidence:
    """All that an agent took at one drop, or at one place where packets vanish."""

    route: RouteLookup | None = None
    neighbour: Neighbour | None = None
    links: tuple[Link, ...] = ()  # the devices concerned: where it was, where it was bound
    queue: Queue | None = None  # the one most in its way
    queues: tuple[Queue, ...] = ()  # of the devices concerned, with their classes
    backlog: Backlog | None = None
    rp_filter: int | None = None
    forwarding: bool | None = None
    rules_met: tuple[RuleMet, ...] = ()  # in the order met, where the packet was traced
    dropped_by: SecurityRule | None = None  # the very rule, where the packet was traced
    rules: tuple[SecurityRule, ...] = ()  # all that drop or reject here, as context
    memberships: tuple[SetMembership, ...] = ()  # in the sets that the rule looks up
    uncolored: Uncolored | None = None  # looked at where the color may have decided
    rewriters: tuple[SecurityRule, ...] = ()  # rules that set the DSCP, and so take the color off
    conntrack: Conntrack | None = None
    connection: Connection | None = None  # the packet's own
    routing_rule: str = ""  # as `ip rule` writes it: why the route's table was asked
    sid_action: str = ""  # SRv6: what the segment does that the packet has come to
    entries: tuple[ForwardingEntry, ...] = ()  # for the MAC address it is sent to
    settings: tuple[Setting, ...] = ()  # sysctls that can decide
    bridge_ports: tuple[BridgePort, ...] = ()
    closed_ports: tuple[BridgePort, ...] = ()  # others of its bridge that would not take it
    idle_links: tuple[Link, ...] = ()  # others here that have an address and are down
    tunnels: tuple[Tunnel, ...] = ()
    programs: tuple[Program, ...] = ()  # on the devices concerned
    notes: tuple[str, ...] = ()  # what could not be read, and why

    @property
    def dead_link(self) -> Link | None:
        """The first device concerned that is down."""
        return next((link for link in self.links if link.is_down), None)

    @property
    def culprit_rule(self) -> SecurityRule | None:
        """The rule that dropped it: traced, or the only one here that can have."""
        if self.dropped_by:
            return self.dropped_by
        return self.rules[0] if len(self.rules) == 1 else None
