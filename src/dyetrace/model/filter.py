"""The packets the user means."""

from dataclasses import dataclass, fields, replace

from dyetrace.model.packet import Network, Protocol

MAX_PORT = 65535
VERSION_OF = {Protocol.ICMP: 4, Protocol.ICMPV6: 6}


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketFilter:
    """Which packets a task follows: any field left out matches everything.

    src_vm, dst_vm and nic take what the inventory calls an endpoint: a VM id, a
    NIC id or a MAC; tenant tells apart tenants whose addresses overlap.
    """

    src: Network | None = None
    dst: Network | None = None
    protocol: Protocol | None = None
    src_port: int | None = None
    dst_port: int | None = None
    src_vm: str | None = None
    dst_vm: str | None = None
    nic: str | None = None
    tenant: str | None = None

    def __post_init__(self) -> None:
        """Refuse filters that no packet can match."""
        for name in ("src_port", "dst_port"):
            port = getattr(self, name)
            if port is not None and not 0 <= port <= MAX_PORT:
                raise ValueError(f"{name} {port} is outside 0..{MAX_PORT}")
            if port is not None and self.protocol is not None and not self.protocol.has_ports:
                raise ValueError(f"{self.protocol.name.lower()} has no ports: leave {name} out")
        if self.src and self.dst and self.src.version != self.dst.version:
            raise ValueError(f"src {self.src} and dst {self.dst} are of different IP versions")
        for prefix in (self.src, self.dst):
            wanted = VERSION_OF.get(self.protocol) if self.protocol else None
            if prefix is not None and wanted not in {None, prefix.version}:
                raise ValueError(f"no packet of {prefix} is {self.protocol!r}")

    @property
    def is_everything(self) -> bool:
        """Whether it leaves all fields open: of use at a known port, but no question of a user."""
        return all(getattr(self, item.name) is None for item in fields(self))

    @property
    def ip_version(self) -> int | None:
        """The IP version all wanted packets have; None where it is left open."""
        prefix = self.src or self.dst
        if prefix is not None:
            return prefix.version
        return VERSION_OF.get(self.protocol) if self.protocol else None

    def reversed(self) -> "PacketFilter":
        """Give the filter of the answers; the NIC that sent is then the one that receives."""
        return replace(
            self,
            src=self.dst,
            dst=self.src,
            src_port=self.dst_port,
            dst_port=self.src_port,
            src_vm=self.dst_vm,
            dst_vm=self.nic or self.src_vm,
            nic=None,
        )

    def __str__(self) -> str:
        """Write it as key=value pairs, leaving out what is left out."""
        pairs = ((item.name, getattr(self, item.name)) for item in fields(self))
        return " ".join(
            f"{name}={value.name.lower() if isinstance(value, Protocol) else value}"
            for name, value in pairs
            if value is not None
        )
