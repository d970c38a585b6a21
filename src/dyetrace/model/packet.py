"""What a packet is made of, as far as tracing it needs."""

from dataclasses import dataclass
from enum import IntEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

DSCP_VALUES = 64  # six bits (RFC 2474)
LOCAL_USE = 0b11  # how code points for experimental or local use end (RFC 2474, section 6)


class Protocol(IntEnum):
    """The transport protocols a filter can name, by their IP protocol number."""

    ICMP = 1
    TCP = 6
    UDP = 17
    ICMPV6 = 58
    SCTP = 132

    @property
    def has_ports(self) -> bool:
        """Whether its header begins with a source and a destination port."""
        return self in {Protocol.TCP, Protocol.UDP, Protocol.SCTP}


@dataclass(frozen=True, slots=True, kw_only=True)
class FiveTuple:
    """The five fields that name a flow; ports are 0 where the protocol has none."""

    src: Address
    dst: Address
    protocol: int
    src_port: int = 0
    dst_port: int = 0

    def __str__(self) -> str:
        """Write it as operators do: tcp 10.0.0.1:4242 -> 10.0.0.2:80."""
        return (
            f"{protocol_name(self.protocol)} "
            f"{endpoint(self.src, self.src_port)} -> {endpoint(self.dst, self.dst_port)}"
        )


class Encapsulation(IntEnum):
    """How an overlay packet is carried over the underlay."""

    NONE = 0
    VXLAN = 1
    GENEVE = 2
    GRE = 3
    IPIP = 4
    SRV6 = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Outer:
    """The outer header of an encapsulated packet."""

    encapsulation: Encapsulation
    src: Address
    dst: Address
    vni: int = 0  # VXLAN, Geneve: the VNI; GRE: the key; else 0

    def __str__(self) -> str:
        """Write it as in the path's table: vxlan 7 172.31.1.1 -> 172.31.2.1."""
        number = f" {self.vni}" if self.vni else ""
        return f"{self.encapsulation.name.lower()}{number} {self.src} -> {self.dst}"


@dataclass(frozen=True, slots=True)
class ColorMap:
    """Which color stands for which original DSCP class, and back.

    One color per class, so that the VFD that delivers a packet can give the
    original class back. Colors come from the pool that RFC 2474 keeps for
    local use (xxxx11).
    """

    pairs: tuple[tuple[int, int], ...] = ((0, 43),)  # (original class, color)

    def __post_init__(self) -> None:
        """Refuse maps that could not be undone."""
        classes = {dscp for dscp, _ in self.pairs}
        colors = {color for _, color in self.pairs}
        if not self.pairs:
            raise ValueError("a color map needs at least one color")
        if not len(classes) == len(colors) == len(self.pairs):
            raise ValueError("classes and colors must pair up one to one")
        for dscp in classes | colors:
            if not 0 <= dscp < DSCP_VALUES:
                raise ValueError(f"DSCP {dscp} is outside 0..{DSCP_VALUES - 1}")
        if classes & colors:
            raise ValueError("a color must not be a class that is itself colored")
        for color in sorted(colors):
            if color & LOCAL_USE != LOCAL_USE:
                raise ValueError(f"color {color} is not of the local-use pool (binary xxxx11)")

    @classmethod
    def parse(cls, text: str) -> "ColorMap":
        """Read '0:43,46:47': original DSCP class, colon, color."""
        parts = [part.split(":") for part in text.split(",")]
        if not all(len(part) == 2 and all(map(str.isdecimal, part)) for part in parts):  # noqa: PLR2004 - a pair
            raise ValueError(f"{text!r} is not a color map like 0:43,46:47")
        return cls(tuple((int(dscp), int(color)) for dscp, color in parts))

    @property
    def color_by_class(self) -> dict[int, int]:
        """The color of each class that has one."""
        return dict(self.pairs)

    @property
    def class_by_color(self) -> dict[int, int]:
        """The way back: the original class of each color."""
        return {color: dscp for dscp, color in self.pairs}


def protocol_name(number: int) -> str:
    """Name an IP protocol number, or give the number where it has no name here."""
    return Protocol(number).name.lower() if number in set(Protocol) else f"proto-{number}"


def endpoint(address: Address, port: int) -> str:
    """Write an address with its port, if it has one."""
    if not port:
        return str(address)
    return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"  # noqa: PLR2004 - IP's own number
