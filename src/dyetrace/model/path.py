"""What one packet, or all packets that fared alike, went through."""

from dataclasses import dataclass
from enum import StrEnum

from dyetrace.model.packet import FiveTuple, Outer
from dyetrace.model.record import Point
from dyetrace.model.topology import PortKey, VfdKey


class Fate(StrEnum):
    """What became of one packet."""

    DELIVERED = "delivered"  # left the last VFD towards the destination vNIC, or the cloud
    DROPPED = "dropped"  # a VFD dropped it and said why
    VANISHED = "vanished"  # left one VFD and never entered the next, or never came out


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """How the dropper put it, and what was to be seen there then."""

    reason: str  # the kernel's name, e.g. NETFILTER_DROP
    symbol: str = ""  # the function that freed the packet
    queue_packets: int = 0
    queue_bytes: int = 0
    evidence: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """One point of a path."""

    port_key: PortKey
    point: Point
    five_tuple: FiveTuple
    ttl: int
    seen_ns: int  # of the packet that represents the path
    outer: Outer | None = None
    drop: Drop | None = None

    @property
    def vfd_key(self) -> VfdKey:
        """The VFD that saw it."""
        return self.port_key[:2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """The sightings of a packet in the order they happened, first at the source VFD."""

    fate: Fate
    sightings: tuple[Sighting, ...]
    original_dscp: int = 0

    @property
    def last(self) -> Sighting:
        """Where the packet was last seen: it died here or on the way out."""
        return self.sightings[-1]

    @property
    def five_tuple(self) -> FiveTuple:
        """The flow as its sender knows it."""
        return self.sightings[0].five_tuple
