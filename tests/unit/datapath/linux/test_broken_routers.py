from dataclasses import replace
from ipaddress import ip_address

from dyetrace.datapath.linux.broken_routers import known_routers, with_broken_routers
from dyetrace.datapath.linux.facts import NamespaceFacts
from support.facts import a_bridge, a_namespace, a_veth

VSWITCH, ROUTER, VM = 1, 2, 3


def the_cloud(*, gateway: str, router_port_on: str = "br0") -> list[NamespaceFacts]:
    """A VM and a machine with two links, on the bridges of one vSwitch."""
    ports = a_bridge(
        a_veth("v-vm", ifindex=10, to=(VM, 2)), a_veth("r-a", ifindex=11, to=(ROUTER, 2))
    )
    if router_port_on != "br0":
        ports = (
            *a_bridge(a_veth("v-vm", ifindex=10, to=(VM, 2))),
            *a_bridge(a_veth("r-a", ifindex=11, to=(ROUTER, 2)), name=router_port_on),
        )
    machine = a_namespace(
        a_veth("a", ifindex=2, to=(VSWITCH, 11), addresses=["10.0.1.251"]),
        a_veth("b", ifindex=3, addresses=["10.0.2.251"]),
        inode=ROUTER,
        name="two-links",
    )
    vm = a_namespace(
        a_veth("eth0", ifindex=2, to=(VSWITCH, 10), addresses=["10.0.1.11"]),
        inode=VM,
        gateways=frozenset({(2, ip_address(gateway))}),
    )
    return [a_namespace(*ports, inode=VSWITCH), machine, vm]


def routers(found: list[NamespaceFacts]) -> list[int]:
    return [each.inode for each in found if each.is_router]


def test_who_is_others_gateway_is_a_router_though_its_forwarding_is_off() -> None:
    assert routers(with_broken_routers(the_cloud(gateway="10.0.1.251"), {})) == [ROUTER]


def test_an_endpoint_with_two_links_that_nobody_routes_by_stays_an_endpoint() -> None:
    assert routers(with_broken_routers(the_cloud(gateway="10.0.1.254"), {})) == []


def test_the_same_address_on_another_bridge_is_another_gateway() -> None:
    cloud = the_cloud(gateway="10.0.1.251", router_port_on="br1")

    assert routers(with_broken_routers(cloud, {})) == []


def test_a_router_that_loses_its_forwarding_is_still_known() -> None:
    before = the_cloud(gateway="10.0.1.254")
    before[1] = replace(before[1], routes_ip=True)
    after = [before[0], replace(before[1], routes_ip=False), before[2]]

    assert routers(with_broken_routers(after, known_routers(before))) == [ROUTER]


def test_another_namespace_of_the_same_inode_is_not_the_router_known() -> None:
    known = {ROUTER: frozenset({"02:00:00:00:ff:ff"})}

    assert routers(with_broken_routers(the_cloud(gateway="10.0.1.254"), known)) == []


def test_a_gateway_right_behind_a_wire_is_a_router() -> None:
    machine = a_namespace(
        a_veth("a", ifindex=2, to=(VM, 5), addresses=["10.0.1.251"]),
        a_veth("b", ifindex=3, addresses=["10.0.2.251"]),
        inode=ROUTER,
    )
    vm = a_namespace(
        a_veth("eth0", ifindex=5, to=(ROUTER, 2), addresses=["10.0.1.11"]),
        inode=VM,
        gateways=frozenset({(5, ip_address("10.0.1.251"))}),
    )

    assert routers(with_broken_routers([machine, vm], {})) == [ROUTER]
