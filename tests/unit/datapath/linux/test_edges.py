from ipaddress import ip_address
from typing import Any

import pytest

from dyetrace.datapath.linux.edges import port_addresses, port_kind
from dyetrace.datapath.linux.facts import NO_HEADER, LinkFacts, NamespaceFacts
from dyetrace.model.topology import PortKind
from support.facts import a_bridge, a_link, a_loopback, a_namespace, a_veth, a_vxlan, an_endpoint

IPOIB = 32


def kind_of(link: LinkFacts, here: NamespaceFacts, *others: NamespaceFacts) -> PortKind | None:
    return port_kind(link, here, {each.inode: each for each in (here, *others)})


def a_router(*links: LinkFacts, **fields: Any) -> NamespaceFacts:
    return a_namespace(*links, a_link("other"), routes_ip=True, **fields)


@pytest.mark.parametrize("kind", ["bridge", "vxlan", "geneve", "gre", "ifb", "dummy", "vlan"])
def test_a_device_that_stays_inside_the_vfd_is_no_edge_port(kind: str) -> None:
    link = a_link(kind=kind)

    assert kind_of(link, a_router(link)) is None


def test_loopback_is_no_edge_port() -> None:
    here = a_router()

    assert kind_of(here.links[0], here) is None


def test_a_device_whose_headers_we_cannot_parse_is_no_edge_port() -> None:
    link = a_link(hardware=IPOIB)

    assert kind_of(link, a_router(link)) is None


def test_a_veth_into_an_endpoint_is_a_vnic_port() -> None:
    vm = an_endpoint(2, name="vm")
    veth = a_veth("v-vm", to=(2, 2))

    assert kind_of(veth, a_namespace(*a_bridge(veth)), vm) is PortKind.VNIC


def test_a_veth_into_another_vfd_is_a_link() -> None:
    router = a_router(a_link(), inode=2)
    veth = a_veth("r-a", to=(2, 2))

    assert kind_of(veth, a_namespace(*a_bridge(veth)), router) is PortKind.LINK


def test_a_veth_pair_within_one_vfd_is_no_edge() -> None:
    veth = a_veth("patch", to=(1, 8))

    assert kind_of(veth, a_namespace(*a_bridge(veth))) is None


def test_a_veth_out_of_scope_is_an_uplink() -> None:
    veth = a_veth("uplink0")

    assert kind_of(veth, a_namespace(*a_bridge(veth))) is PortKind.UPLINK


def test_hardware_is_an_uplink() -> None:
    nic = a_link()

    assert kind_of(nic, a_namespace(*a_bridge(nic))) is PortKind.UPLINK


def test_a_vlan_on_a_device_of_another_namespace_is_an_uplink() -> None:
    vlan = a_link(kind="vlan", lower=2, lower_nsid=0)

    assert kind_of(vlan, a_router(vlan)) is PortKind.UPLINK


def test_a_bridged_tap_is_a_vnic_port_even_if_nobody_holds_it() -> None:
    tap = a_link("tap0", kind="tun")
    bridge, port = a_bridge(tap)

    assert kind_of(port, a_namespace(bridge, port)) is PortKind.VNIC


def test_a_tap_that_a_process_holds_is_a_vnic_port() -> None:
    tap = a_link("tap0", kind="tun", holder="vm-1")

    assert kind_of(tap, a_router(tap)) is PortKind.VNIC


def test_a_tap_that_nobody_uses_is_no_edge_port() -> None:
    tap = a_link("tap0", kind="tun")

    assert kind_of(tap, a_router(tap)) is None


def test_a_macvtap_is_a_vnic_port_and_its_lower_device_still_an_uplink() -> None:
    nic = a_link()
    macvtap = a_link("macvtap0", kind="macvtap", lower=nic.ifindex)
    here = a_namespace(nic, macvtap)

    assert kind_of(macvtap, here) is PortKind.VNIC
    assert kind_of(nic, here) is PortKind.UPLINK


def test_a_routers_default_route_leads_outside() -> None:
    nic = a_link()

    assert kind_of(nic, a_router(nic, default_devices=frozenset({nic.ifindex}))) is (
        PortKind.EXTERNAL
    )


def test_a_default_route_by_a_bridge_leads_outside_by_its_port() -> None:
    bridge, nic = a_bridge(a_link())
    here = a_router(bridge, nic, default_devices=frozenset({bridge.ifindex}))

    assert kind_of(nic, here) is PortKind.EXTERNAL


def test_a_default_route_by_a_vlan_leads_outside_by_its_lower_device() -> None:
    nic = a_link()
    vlan = a_link("eth0.7", kind="vlan", lower=nic.ifindex)
    here = a_router(nic, vlan, default_devices=frozenset({vlan.ifindex}))

    assert kind_of(nic, here) is PortKind.EXTERNAL


def test_a_default_route_of_a_namespace_that_does_not_route_leads_nowhere_outside() -> None:
    bridge, nic = a_bridge(a_link())
    here = a_namespace(bridge, nic, default_devices=frozenset({bridge.ifindex}))

    assert kind_of(nic, here) is PortKind.UPLINK


def test_a_device_with_the_vtep_is_an_uplink_whatever_the_default_route() -> None:
    nic = a_link(addresses=["172.31.0.1"])
    here = a_router(nic, a_vxlan(local="172.31.0.1"), default_devices=frozenset({nic.ifindex}))

    assert kind_of(nic, here) is PortKind.UPLINK


def test_with_the_vtep_on_loopback_every_way_out_is_an_uplink() -> None:
    nic = a_link()
    here = NamespaceFacts(
        inode=1,
        links=(a_loopback("172.31.0.1"), nic, a_vxlan(local="172.31.0.1")),
        routes_ip=True,
        default_devices=frozenset({nic.ifindex}),
    )

    assert kind_of(nic, here) is PortKind.UPLINK


def test_a_default_route_beside_the_tunnels_own_device_leads_outside() -> None:
    underlay, outside = a_link("eth0", addresses=["172.31.0.1"]), a_link("eth1")
    here = a_router(
        underlay,
        outside,
        a_vxlan(local="172.31.0.1"),
        default_devices=frozenset({outside.ifindex}),
    )

    assert kind_of(underlay, here) is PortKind.UPLINK
    assert kind_of(outside, here) is PortKind.EXTERNAL


def test_a_tunnel_bound_to_a_device_leaves_by_it() -> None:
    underlay, outside = a_link("eth0"), a_link("eth1")
    here = a_router(
        underlay,
        outside,
        a_vxlan(carrier=underlay.ifindex),
        default_devices=frozenset({underlay.ifindex, outside.ifindex}),
    )

    assert kind_of(underlay, here) is PortKind.UPLINK
    assert kind_of(outside, here) is PortKind.EXTERNAL


def test_a_fallback_tunnel_device_does_not_make_an_underlay() -> None:
    nic = a_link()
    here = a_router(
        nic,
        a_link("gre0", kind="gre", is_up=False),
        default_devices=frozenset({nic.ifindex}),
    )

    assert kind_of(nic, here) is PortKind.EXTERNAL


def test_where_srv6_begins_the_default_route_is_the_underlay() -> None:
    nic = a_link()
    here = a_router(nic, default_devices=frozenset({nic.ifindex}), encapsulates_srv6=True)

    assert kind_of(nic, here) is PortKind.UPLINK


def test_an_uplinks_addresses_include_its_bridges_and_the_vteps() -> None:
    bridge, nic = a_bridge(a_link(addresses=["fe80::1"]), addresses=["172.31.0.1"])
    here = a_namespace(bridge, nic, a_vxlan(local="172.31.9.9"), sids=(ip_address("fc00::1"),))

    assert port_addresses(nic, PortKind.UPLINK, here) == tuple(
        map(ip_address, ("172.31.0.1", "172.31.9.9", "fc00::1"))
    )


def test_an_uplinks_addresses_include_loopbacks_where_a_tunnel_names_none() -> None:
    nic = a_link()
    here = NamespaceFacts(inode=1, links=(a_loopback("172.31.0.1"), nic, a_vxlan()))

    assert port_addresses(nic, PortKind.UPLINK, here) == (ip_address("172.31.0.1"),)


def test_a_vnic_ports_addresses_are_its_own_only() -> None:
    bridge, veth = a_bridge(a_veth("v-vm"), addresses=["10.0.0.254"])

    assert port_addresses(veth, PortKind.VNIC, a_namespace(bridge, veth)) == ()


def test_packets_of_a_tun_begin_with_their_ip_header() -> None:
    assert not a_link(kind="tun", hardware=NO_HEADER).has_link_layer
