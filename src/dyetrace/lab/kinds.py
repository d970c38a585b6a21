"""The kinds of clouds there are. A new kind is one more description in KINDS."""

from ipaddress import IPv4Network, IPv6Network

from dyetrace.lab.description import (
    Attachment,
    CloudDescription,
    FloatingAddress,
    GatewayDescription,
    NetworkDescription,
    RouterDescription,
    VmDescription,
)
from dyetrace.lab.errors import UnknownName

TENANTS = ("blue", "green")
COMPUTE_HOSTS = ("cn-1", "cn-2", "cn-3")
GATEWAY_HOST = "gw-1"
GATEWAY_NUMBER = 254
ROUTER_NUMBER = 250  # host cn-n's vRouter is 250 + n

# name, host, network, number
TENANT_VMS = (
    ("web", "cn-1", "net-a", 11),
    ("app", "cn-2", "net-a", 12),
    ("api", "cn-1", "net-a", 13),
    ("db", "cn-3", "net-b", 21),
    ("cache", "cn-1", "net-b", 22),
)

# VXLAN over IPv4 costs 50 bytes of the underlay's 1500.
OVERLAY_MTU = 1450

# The Internet's side of the gateways, from the documentation prefixes.
EXTERNAL = {
    "blue": ("203.0.113.2", "2001:db8:113::2"),
    "green": ("203.0.113.3", "2001:db8:113::3"),
}
FLOATING = {
    "blue": FloatingAddress(addresses=("203.0.113.10", "2001:db8:113::10"), vm="blue-web"),
    "green": FloatingAddress(addresses=("203.0.113.20", "2001:db8:113::20"), vm="green-web"),
}


def prefixes(third: int) -> tuple[IPv4Network, IPv6Network]:
    """Give 10.0.N.0/24 and fd00:0:0:N::/64: the same for all tenants, on purpose."""
    return IPv4Network(f"10.0.{third}.0/24"), IPv6Network(f"fd00:0:0:{third}::/64")


def one_host() -> CloudDescription:
    """Describe three VMs on one bridge."""
    network = NetworkDescription(
        tenant="blue", name="net-a", bridge="br0", vxlan=None, vni=101, prefixes=prefixes(1)
    )
    vms = tuple(
        VmDescription(id=name, tenant="blue", nic=vnic(name, "cn-1", network, number), gateway=None)
        for name, number in (("web", 11), ("app", 12), ("db", 21))
    )
    return CloudDescription(
        kind="one-host",
        summary="one host: VMs web, app and db on one bridge",
        mtu=1500,
        hosts=("cn-1",),
        networks=(network,),
        vms=vms,
        example=("web", "db"),
    )


def three_hosts() -> CloudDescription:
    """Describe two tenants with the same addresses, on three hosts joined by VXLAN."""
    networks = tuple(
        NetworkDescription(
            tenant=tenant,
            name=f"net-{letter}",
            bridge=f"br-{tenant}-{letter}",
            vxlan=f"vx-{tenant}-{letter}",
            vni=100 * (1 + TENANTS.index(tenant)) + third,
            prefixes=prefixes(third),
        )
        for tenant in TENANTS
        for third, letter in ((1, "a"), (2, "b"))
    )
    return CloudDescription(
        kind="three-hosts",
        summary="three hosts, VXLAN, tenants blue and green, a distributed vRouter each",
        mtu=OVERLAY_MTU,
        hosts=COMPUTE_HOSTS,
        networks=networks,
        vms=tuple(vm for tenant in TENANTS for vm in tenant_vms(tenant, networks)),
        routers=tuple(
            router(tenant, host, networks, default_route=None)
            for tenant in TENANTS
            for host in COMPUTE_HOSTS
        ),
        example=("blue-web", "blue-db"),
    )


def nat() -> CloudDescription:
    """Describe three-hosts with a gateway host between the tenants and the Internet."""
    base = three_hosts()
    uplinks = {tenant: tenant_networks(tenant, base.networks)[1] for tenant in TENANTS}
    return CloudDescription(
        kind="nat",
        summary="three-hosts and gw-1: a NAT gateway per tenant, floating addresses, an Internet",
        mtu=base.mtu,
        hosts=(*base.hosts, GATEWAY_HOST),
        networks=base.networks,
        vms=base.vms,
        routers=tuple(
            router(
                tenant,
                host,
                base.networks,
                default_route=uplinks[tenant].addresses(GATEWAY_NUMBER),
            )
            for tenant in TENANTS
            for host in COMPUTE_HOSTS
        ),
        gateways=tuple(gateway(tenant, base.networks) for tenant in TENANTS),
        example=base.example,
    )


def tenant_networks(
    tenant: str, networks: tuple[NetworkDescription, ...]
) -> tuple[NetworkDescription, ...]:
    """Give the networks of one tenant."""
    return tuple(network for network in networks if network.tenant == tenant)


def vnic(vm: str, host: str, network: NetworkDescription, number: int) -> Attachment:
    """Describe the vNIC of a VM."""
    return Attachment(
        network=network, host=host, role=f"vm-{vm}", device="eth0", port=f"v-{vm}", number=number
    )


def tenant_vms(tenant: str, networks: tuple[NetworkDescription, ...]) -> tuple[VmDescription, ...]:
    """Describe the VMs of one tenant."""
    by_name = {network.name: network for network in tenant_networks(tenant, networks)}
    return tuple(
        VmDescription(
            id=f"{tenant}-{name}",
            tenant=tenant,
            nic=vnic(f"{tenant}-{name}", host, by_name[network], number),
            gateway=by_name[network].addresses(router_number(host)),
        )
        for name, host, network, number in TENANT_VMS
    )


def router_number(host: str) -> int:
    """Give the last part of the addresses of a host's vRouters."""
    return ROUTER_NUMBER + 1 + COMPUTE_HOSTS.index(host)


def router(
    tenant: str,
    host: str,
    networks: tuple[NetworkDescription, ...],
    *,
    default_route: tuple[str, str] | None,
) -> RouterDescription:
    """Describe one host's share of a tenant's vRouter."""
    role = f"vrouter-{tenant}"
    return RouterDescription(
        tenant=tenant,
        host=host,
        role=role,
        ports=router_ports(
            tenant, host, networks, role=role, prefix="r", number=router_number(host)
        ),
        default_route=default_route,
    )


def gateway(tenant: str, networks: tuple[NetworkDescription, ...]) -> GatewayDescription:
    """Describe a tenant's gateway."""
    role = f"gateway-{tenant}"
    return GatewayDescription(
        tenant=tenant,
        host=GATEWAY_HOST,
        role=role,
        ports=router_ports(
            tenant, GATEWAY_HOST, networks, role=role, prefix="g", number=GATEWAY_NUMBER
        ),
        external=EXTERNAL[tenant],
        floating=(FLOATING[tenant],),
    )


def router_ports(  # noqa: PLR0913  # what tells a vRouter's ports from a gateway's
    tenant: str,
    host: str,
    networks: tuple[NetworkDescription, ...],
    *,
    role: str,
    prefix: str,
    number: int,
) -> tuple[Attachment, ...]:
    """Describe a port into each of the tenant's networks."""
    return tuple(
        Attachment(
            network=network,
            host=host,
            role=role,
            device=network.name,
            port=f"{prefix}-{tenant}-{network.name[-1]}",
            number=number,
        )
        for network in tenant_networks(tenant, networks)
    )


KINDS = (one_host(), three_hosts(), nat())


def kind_called(name: str) -> CloudDescription:
    """Find a kind. Raises UnknownName."""
    for kind in KINDS:
        if kind.kind == name:
            return kind
    raise UnknownName(what="kind of cloud", name=name, known=[kind.kind for kind in KINDS])
