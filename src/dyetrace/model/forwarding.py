"""What a VFD's forwarding was told: its table of MAC addresses, and the switches that decide."""

from dataclasses import dataclass

from dyetrace.model.packet import Address


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardingEntry:
    """Where frames to a MAC address go: to a port of a bridge, or to a VXLAN device's remote."""

    mac: str  # all zeros: wherever else there is no entry
    device: str
    bridge: str = ""  # whose port the device is; "" where it is the tunnel's own entry
    kind: str = "learned"  # learned, static, or permanent: the device's own
    remote: Address | None = None  # tunnels: the VTEP they are sent to
    vni: int | None = None  # where the entry names another than the device's

    def __str__(self) -> str:
        """Write it as `bridge fdb` does."""
        words = [self.mac, f"dev {self.device}"]
        words += [f"master {self.bridge}"] if self.bridge else []
        words += [f"dst {self.remote}"] if self.remote else []
        words += [f"vni {self.vni}"] if self.vni is not None else []
        return " ".join([*words, self.kind])


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A sysctl that bears on what becomes of a packet."""

    name: str  # net.ipv4.conf.eth0.rp_filter
    value: int
