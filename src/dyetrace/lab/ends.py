"""What traffic runs between, and where it passes: VMs, the Internet, hosts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

FAMILIES = (4, 6)


def of_family(addresses: tuple[str, str], family: int) -> str:
    """Pick the IPv4 or the IPv6 address of a pair."""
    return addresses[FAMILIES.index(family)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Vm:
    """A VM of a cloud that is up."""

    id: str
    tenant: str
    host: str
    netns: str  # the VM's own namespace
    port_netns: str  # the vSwitch's, where the host side of the vNIC is
    port: str  # the host side of the vNIC
    network: str
    addresses: tuple[str, str]
    mac: str
    mtu: int
    device: str = "eth0"

    @property
    def nic_id(self) -> str:
        """The name of the vNIC."""
        return f"{self.id}-{self.device}"

    def entry(self) -> dict[str, Any]:
        """Write the VM the way the product's inventory reads it."""
        nic = {
            "id": self.nic_id,
            "host": self.host,
            "netns": self.port_netns,
            "port": self.port,
            "mac": self.mac,
            "addresses": list(self.addresses),
        }
        return {"id": self.id, "tenant": self.tenant, "nics": [nic]}

    def address(self, family: int) -> str:
        """Give the address of a family, 4 or 6."""
        return of_family(self.addresses, family)


@dataclass(frozen=True, slots=True, kw_only=True)
class Internet:
    """The host on the Internet."""

    netns: str
    device: str
    addresses: tuple[str, str]
    id: str = "internet"

    def address(self, family: int) -> str:
        """Give the address of a family, 4 or 6."""
        return of_family(self.addresses, family)


@dataclass(frozen=True, slots=True, kw_only=True)
class FloatingIp:
    """A pair of Internet addresses, and the VM that answers there."""

    addresses: tuple[str, str]
    vm: Vm

    @property
    def id(self) -> str:
        """The IPv4 address serves as the name."""
        return self.addresses[0]

    def address(self, family: int) -> str:
        """Give the address of a family, 4 or 6."""
        return of_family(self.addresses, family)


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A lab host: the namespaces of one agent, by role (vswitch, vrouter-blue, ...)."""

    name: str
    netns: Mapping[str, str]
    underlay: str | None

    @property
    def vswitch(self) -> str:
        """The host's own namespace."""
        return self.netns["vswitch"]
