"""What a lab cloud consists of, as data: it is built from this, and faults look places up here."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkDescription:
    """One network of one tenant: a bridge on every host, joined by VXLAN if there are several."""

    tenant: str
    name: str
    bridge: str
    vxlan: str | None  # the name of the VXLAN device; None on a cloud of one host
    vni: int
    prefixes: tuple[IPv4Network, IPv6Network]

    def addresses(self, number: int) -> tuple[str, str]:
        """Give the IPv4 and IPv6 address of member `number`: 10.0.1.11 and fd00:0:0:1::11."""
        v4, v6 = self.prefixes
        # The same digits in both families, so that people can match them by eye.
        v6_part = int(str(number), 16)
        return (
            str(IPv4Address(int(v4.network_address) + number)),
            str(IPv6Address(int(v6.network_address) + v6_part)),
        )

    def mac(self, number: int) -> str:
        """Give the MAC address of member `number`: the VNI and the number, locally administered."""
        return f"02:d0:{self.vni >> 8:02x}:{self.vni & 0xFF:02x}:00:{number:02x}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A veth between a bridge of a host's vSwitch and a namespace of that host."""

    network: NetworkDescription
    host: str
    role: str  # the namespace at the other end: vm-blue-web, vrouter-blue, gateway-blue
    device: str  # the end in that namespace
    port: str  # the end on the bridge
    number: int

    @property
    def addresses(self) -> tuple[str, str]:
        """The IPv4 and IPv6 address of the device."""
        return self.network.addresses(self.number)

    @property
    def interfaces(self) -> tuple[str, str]:
        """The same with their prefix lengths, as `ip address add` wants them."""
        v4, v6 = self.addresses
        prefix4, prefix6 = self.network.prefixes
        return f"{v4}/{prefix4.prefixlen}", f"{v6}/{prefix6.prefixlen}"

    @property
    def mac(self) -> str:
        """The MAC address of the device."""
        return self.network.mac(self.number)


@dataclass(frozen=True, slots=True, kw_only=True)
class VmDescription:
    """A VM with one vNIC; its default route is its own host's vRouter, if it has one."""

    id: str
    tenant: str
    nic: Attachment
    gateway: tuple[str, str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterDescription:
    """One host's share of a tenant's distributed vRouter."""

    tenant: str
    host: str
    role: str
    ports: tuple[Attachment, ...]
    default_route: tuple[str, str] | None  # the tenant's gateway, where there is one


@dataclass(frozen=True, slots=True, kw_only=True)
class FloatingAddress:
    """A pair of Internet addresses that the gateway translates to one VM's."""

    addresses: tuple[str, str]
    vm: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayDescription:
    """A tenant's way to the Internet: source NAT going out, floating addresses coming in."""

    tenant: str
    host: str
    role: str
    ports: tuple[Attachment, ...]
    external: tuple[str, str]
    floating: tuple[FloatingAddress, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudDescription:
    """A kind of cloud: everything that is the same each time one is built."""

    kind: str
    summary: str
    mtu: int
    hosts: tuple[str, ...]
    networks: tuple[NetworkDescription, ...]
    vms: tuple[VmDescription, ...]
    routers: tuple[RouterDescription, ...] = ()
    gateways: tuple[GatewayDescription, ...] = ()
    example: tuple[str, str]  # the VMs that traffic and faults use when told no other

    @property
    def attachments(self) -> tuple[Attachment, ...]:
        """Everything that is plugged into a bridge."""
        return (
            *(vm.nic for vm in self.vms),
            *(port for router in self.routers for port in router.ports),
            *(port for gateway in self.gateways for port in gateway.ports),
        )

    def roles_on(self, host: str) -> tuple[str, ...]:
        """Give the roles of a host's namespaces, without its VMs: its VFDs."""
        return (
            "vswitch",
            *(router.role for router in self.routers if router.host == host),
            *(gateway.role for gateway in self.gateways if gateway.host == host),
        )

    @property
    def has_overlay(self) -> bool:
        """Whether the hosts are joined by VXLAN."""
        return len(self.hosts) > 1

    def underlay_address(self, host: str) -> str:
        """Give the VTEP address of a host; the fabric has .254 of the same /24."""
        return f"172.31.{self.hosts.index(host) + 1}.1"

    def fabric_address(self, host: str) -> str:
        """Give the address of the fabric's port to a host."""
        return f"172.31.{self.hosts.index(host) + 1}.254"
