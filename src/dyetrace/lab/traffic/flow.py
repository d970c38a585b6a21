"""What is sent, how fast, and what became of it."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar

from dyetrace.lab.ends import FloatingIp, Internet, Vm
from dyetrace.lab.errors import LabError
from dyetrace.lab.namespaces import inside

L4 = Literal["udp", "tcp", "icmp"]
Source = Vm | Internet
Destination = Vm | Internet | FloatingIp
T = TypeVar("T")


class PortInUse(LabError):
    """Another program, or another flow, receives on this port."""

    def __init__(self, *, where: str, port: int) -> None:
        super().__init__(f"port {port} of {where} is in use: choose another one")
        self.port = port


class NotASource(LabError):
    """A floating address is where packets go to; it sends none."""

    def __init__(self, *, name: str) -> None:
        super().__init__(f"{name} only receives: name the VM behind it as the source")
        self.name = name


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """Packets of one 5-tuple, and how they look."""

    source: Source
    destination: Destination
    protocol: L4 = "udp"
    family: Literal[4, 6] = 4
    port: int = 5432  # the destination's; the source port is the kernel's choice
    dscp: int = 0  # the sender's own
    size: int = 64  # bytes of L4 payload of each packet
    ttl: int | None = None
    distinct: bool = True  # whether each packet's payload differs from the others'

    @property
    def receiver(self) -> Vm | Internet:
        """Who gets the packets: behind a floating address it is a VM."""
        return self.destination.vm if isinstance(self.destination, FloatingIp) else self.destination

    @property
    def source_address(self) -> str:
        """Where the packets come from, as the source writes it."""
        return self.source.address(self.family)

    @property
    def dialled_address(self) -> str:
        """Where the source sends them."""
        return self.destination.address(self.family)

    @property
    def receiver_address(self) -> str:
        """Where they arrive, after any translation."""
        return self.receiver.address(self.family)

    @property
    def keeps_its_source(self) -> bool:
        """Whether no gateway rewrites the source address on the way."""
        inside_tenant = isinstance(self.source, Vm) and isinstance(self.destination, Vm)
        return inside_tenant or isinstance(self.source, Internet)

    def payload(self, sequence: int) -> bytes:
        """Give the payload of a packet: its number first, in case all must differ."""
        label = f"{sequence:08d}" if self.distinct else "dyetrace"
        return label.encode().ljust(self.size, b".")[: self.size]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How many packets, how far apart, and when to give up."""

    count: int
    interval: float
    deadline: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What became of a flow. `sent` and `received` are counted at the two vNICs.

    `received < sent` is loss in the network, whatever the ends made of it. With
    TCP they count all packets of that direction: SYNs, acknowledgements, repeats.
    """

    flow: Flow
    source_port: int  # the identifier, for ICMP
    offered: int  # messages the source's program sent, or tried to
    sent: int  # packets that left the source's vNIC
    received: int  # packets that entered the receiver's vNIC
    delivered: int | None  # messages the receiving program got; None for ICMP, which has none
    replies: int  # echo replies the source got
    dscp_seen: Mapping[int, int]  # at the receiver: DSCP -> packets
    rtts_ns: tuple[int, ...]
    missed: int  # packets the captures had no room for: unless 0, counts are lower bounds

    @property
    def lost(self) -> int:
        """How many packets the network lost."""
        return self.sent - self.received

    @property
    def five_tuple(self) -> tuple[str, str, int, int, str]:
        """Source, destination, their ports, protocol: as they leave the source."""
        ports = (0, 0) if self.flow.protocol == "icmp" else (self.source_port, self.flow.port)
        return (self.flow.source_address, self.flow.dialled_address, *ports, self.flow.protocol)

    def as_dict(self) -> dict[str, Any]:
        """Give the counts, and what they are about, for JSON."""
        return {
            "source": self.flow.source.id,
            "destination": self.flow.destination.id,
            "five_tuple": list(self.five_tuple),
            "offered": self.offered,
            "sent": self.sent,
            "received": self.received,
            "lost": self.lost,
            "delivered": self.delivered,
            "replies": self.replies,
            "dscp_seen": {str(dscp): count for dscp, count in self.dscp_seen.items()},
            "rtts_ns": list(self.rtts_ns),
            "missed": self.missed,
        }


class Talker(Protocol):
    """A protocol's two ends: it sends, and knows what its sockets got."""

    source_port: int
    replies: int

    @property
    def delivered(self) -> int | None:
        """Messages that the receiving program got."""

    @property
    def rtts_ns(self) -> tuple[int, ...]:
        """Round-trip times, of protocols that answer."""

    def watched(self) -> Mapping[int, Callable[[], None]]:
        """Say which descriptors may become readable, and what to call then."""

    def offer(self, sequence: int) -> None:
        """Send one more message."""

    def tend(self) -> float | None:
        """Do what is due by the clock; say in how many seconds to be called again."""

    def finish(self) -> None:
        """Say goodbye, if the protocol does: no more messages will be offered."""

    def patience_s(self) -> float | None:
        """Say how long to wait for what is still under way; None: until the deadline."""

    def is_satisfied(self, offered: int) -> bool:
        """Whether the ends have got all they could still get."""

    def close(self) -> None:
        """Close the sockets."""


def opened_in(netns: str, make: Callable[[], T]) -> T:
    """Open sockets in a namespace; they stay there."""
    return inside(netns, make)


def random_id() -> int:
    """Choose an ICMP identifier that nobody else is likely to use."""
    return int.from_bytes(os.urandom(2), "big") | 1
