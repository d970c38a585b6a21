"""Where a tenant's network meets the Internet: the gateways, and the world behind them."""

from dyetrace.lab.description import CloudDescription, GatewayDescription
from dyetrace.lab.namespaces import internet_namespace, namespace
from dyetrace.lab.overlay import neighbour_lines
from dyetrace.lab.plan import (
    BRIDGE_ONLY,
    FORWARD_V4,
    FORWARD_V6,
    QUIET,
    NamespacePlan,
    port_lines,
)

INTERNET_ADDRESSES = ("198.51.100.10", "2001:db8:51::10")
INTERNET_ROUTER = ("203.0.113.1", "2001:db8:113::1")
INTERNET_BRIDGE = "br-ext"
EXTERNAL_PREFIX_LENGTHS = (24, 64)


def plan_gateway(
    cloud: str, description: CloudDescription, gateway: GatewayDescription
) -> NamespacePlan:
    """Plan a tenant's gateway; the floating addresses are its own so that it answers for them."""
    external = [
        f"address add {address}/{length} dev ext0 nodad"
        for address, length in zip(gateway.external, EXTERNAL_PREFIX_LENGTHS, strict=True)
    ]
    floating = [
        f"address add {address} dev ext0 nodad"
        for pair in gateway.floating
        for address in pair.addresses
    ]
    return NamespacePlan(
        name=namespace(cloud, gateway.host, gateway.role),
        sysctls=(*QUIET, *FORWARD_V4, *FORWARD_V6),
        ip=(
            "link set dev lo up",
            *(line for port in gateway.ports for line in port_lines(port)),
            *(line for port in gateway.ports for line in neighbour_lines(description, port)),
            *external,
            *floating,
            "link set dev ext0 up",
            *(f"route add default via {address}" for address in INTERNET_ROUTER),
        ),
        nft=nat_ruleset(description, gateway),
    )


def nat_ruleset(description: CloudDescription, gateway: GatewayDescription) -> str:
    """Write a gateway's translation: floating addresses inwards, its own address outwards."""
    vms = {vm.id: vm for vm in description.vms}
    inwards = []
    for pair in gateway.floating:
        inner4, inner6 = vms[pair.vm].nic.addresses
        outer4, outer6 = pair.addresses
        inwards += [
            f'ip daddr {outer4} dnat ip to {inner4} comment "floating address of {pair.vm}"',
            f'ip6 daddr {outer6} dnat ip6 to {inner6} comment "floating address of {pair.vm}"',
        ]
    external4, external6 = gateway.external
    outwards = [
        f'oifname "ext0" ip saddr 10.0.0.0/16 snat ip to {external4} comment "to the Internet"',
        f'oifname "ext0" ip6 saddr fd00::/16 snat ip6 to {external6} comment "to the Internet"',
        # A VM that calls a floating address of its own tenant must get its answer from here.
        'iifname "net-*" oifname "net-*" ct status dnat masquerade comment "hairpin"',
    ]
    return "\n".join(
        [
            "table inet nat {",
            "chain inwards { type nat hook prerouting priority dstnat; policy accept;",
            *inwards,
            "}",
            "chain outwards { type nat hook postrouting priority srcnat; policy accept;",
            *outwards,
            "}",
            "}",
            "",
        ]
    )


def plan_internet(cloud: str, description: CloudDescription) -> NamespacePlan:
    """Plan the rest of the world: one host behind the router that all gateways share."""
    router = [
        f"address add {address}/{length} dev {INTERNET_BRIDGE} nodad"
        for address, length in zip(INTERNET_ROUTER, EXTERNAL_PREFIX_LENGTHS, strict=True)
    ]
    ports = [
        f"link set dev to-{gateway.tenant} master {INTERNET_BRIDGE} up"
        for gateway in description.gateways
    ]
    return NamespacePlan(
        name=internet_namespace(cloud),
        sysctls=(*QUIET, *FORWARD_V4, *FORWARD_V6, *BRIDGE_ONLY),
        ip=(
            "link set dev lo up",
            f"link add name {INTERNET_BRIDGE} type bridge mcast_snooping 0",
            f"link set dev {INTERNET_BRIDGE} up",
            *router,
            *(f"address add {address} dev lo" for address in INTERNET_ADDRESSES),
            *ports,
        ),
    )
