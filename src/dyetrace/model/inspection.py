"""A VFD as a packet found it: taken on site, right after the packet was seen there."""

from dataclasses import dataclass

from dyetrace.model.packet import FiveTuple
from dyetrace.model.record import Point
from dyetrace.model.site import SiteEvidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What an agent took for a flow's first packet at a VFD, or for a kind of drop's first.

    Times are of the host's monotonic clock.
    """

    netns: int
    ifindex: int  # of the record; of a drop, 0 where the packet had no device
    in_ifindex: int  # by which the packet came into the VFD; 0: not seen
    point: Point  # INGRESS: the flow's first packet; DROP: the first of its kind
    five_tuple: FiveTuple  # the packet's own there
    drop_reason: str = ""  # DROP: the kernel's name
    symbol: str = ""  # DROP: the function that freed it
    seen_ns: int  # when the packet was seen
    taken_ns: int  # when the inspection began
    took_ns: int
    site: SiteEvidence


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectionReport:
    """An inspection with the names of its place."""

    host: str
    netns: str
    vfd: str
    port: str
    taken: Inspection
