"""What is known of one loss before it has a cause: the facts that explain_loss weighs."""

from dataclasses import dataclass, field
from enum import StrEnum

from dyetrace.model.packet import FiveTuple, Outer
from dyetrace.model.site import SiteEvidence
from dyetrace.model.topology import PortKind, VfdKind


class Place(StrEnum):
    """Where, seen from the last record, a packet was lost."""

    AT_VFD = "at a VFD"  # the VFD dropped it and said so
    INSIDE_VFD = "inside a VFD"  # it went in and never came out
    BETWEEN_VFDS = "between VFDs"  # it left one and never entered the next, on one host
    BETWEEN_HOSTS = "between hosts"  # it left by an uplink and never came in elsewhere


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """Packets that were lost alike. five_tuple, ttl and outer are those of the last sighting."""

    place: Place
    host: str
    netns: str  # name, "" for the host's own
    vfd: str
    vfd_kind: VfdKind
    port: str = ""  # where it was last seen; "" where the packet had no known device
    port_kind: PortKind | None = None
    in_port: str = ""  # where it came into this VFD
    five_tuple: FiveTuple
    ttl: int
    outer: Outer | None = None
    drop_reason: str = ""  # AT_VFD: the kernel's name; else ""
    symbol: str = ""  # AT_VFD: the function that freed it
    queue_packets: int = 0  # AT_VFD: what waited in the device's queue at that moment
    queue_bytes: int = 0
    has_left_port: bool = False  # it was dropped after the record of its leaving: by the queue
    has_fragments: bool = False  # some of these packets are fragments other than the first
    is_at_source: bool = False  # this VFD is the sender's
    is_at_destination: bool = False  # this VFD is the receiver's
    is_at_stranger: bool = False  # it left by the port of a VM that is not its receiver
    next_host: str = ""  # BETWEEN_HOSTS: where the outer header says it was going
    next_vfd: str = ""  # BETWEEN_VFDS: who is at the link's other end
    circle: tuple[str, ...] = ()  # the VFDs that routed it to each other, if it came round
    site: SiteEvidence = field(default_factory=SiteEvidence)
