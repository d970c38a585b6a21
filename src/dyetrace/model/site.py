"""What was to be seen where a packet died: taken by the agent, never guessed.

Every part is optional. An agent takes what bears on the drop at hand, as soon
after it as it can; the site may have changed in between.
"""

from dataclasses import dataclass
from enum import StrEnum

from dyetrace.model.packet import Address, Network


class RouteKind(StrEnum):
    """What a route lookup ends in."""

    UNICAST = "unicast"  # there is a next hop
    LOCAL = "local"  # the address is the VFD's own
    BLACKHOLE = "blackhole"  # drop without a word
    UNREACHABLE = "unreachable"  # drop, and tell the sender "host unreachable"
    PROHIBIT = "prohibit"  # drop, and tell the sender "administratively prohibited"
    NONE = "none"  # no route matches


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteLookup:
    """What the VFD answers when asked for this packet's route."""

    kind: RouteKind
    error: str = ""  # the errno's name, e.g. ENETUNREACH
    prefix: Network | None = None  # of the route that matched
    gateway: Address | None = None
    device: str = ""
    table: str = ""


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
class SecurityRule:
    """A netfilter rule, or a chain's policy, that drops or rejects."""

    family: str  # nft's: inet, ip, ip6, bridge, netdev, arp
    table: str
    chain: str
    handle: int = 0  # 0: the chain's policy
    text: str = ""
    comment: str = ""

    def __str__(self) -> str:
        """Name it as operators look it up: nft inet tenant tenant-in handle 7."""
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
class SiteEvidence:
    """All that an agent took at one drop, or at one place where packets vanish."""

    route: RouteLookup | None = None
    neighbour: Neighbour | None = None
    links: tuple[Link, ...] = ()  # the devices concerned: where it was, where it was bound
    queue: Queue | None = None
    rp_filter: int | None = None
    forwarding: bool | None = None
    dropped_by: SecurityRule | None = None  # the very rule, where the packet was traced
    rules: tuple[SecurityRule, ...] = ()  # all that drop or reject here, as context
    conntrack: Conntrack | None = None
    bridge_ports: tuple[BridgePort, ...] = ()
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
