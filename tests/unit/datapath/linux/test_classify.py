from dataclasses import replace
from ipaddress import ip_address
from typing import Any

import pytest

from dyetrace.datapath.linux.classify import classify
from dyetrace.datapath.linux.facts import NO_HEADER, LinkFacts, NamespaceFacts, NeighbourFacts
from dyetrace.model.topology import Host, Port, PortKind, VfdKind
from support.facts import a_bridge, a_link, a_namespace, a_veth, a_vxlan, an_endpoint


def the_host(*namespaces: NamespaceFacts) -> Host:
    return classify(namespaces, host_number=3, host_name="cn-3")[0]


def the_notes(*namespaces: NamespaceFacts) -> tuple[str, ...]:
    return classify(namespaces, host_number=3, host_name="cn-3")[1]


def the_port(host: Host, name: str) -> Port:
    return next(port for vfd in host.vfds for port in vfd.ports if port.name == name)


def a_vswitch(*ports: LinkFacts, **fields: Any) -> NamespaceFacts:
    return a_namespace(*a_bridge(*(ports or (a_veth("v0"),))), **fields)


def a_router(*links: LinkFacts, **fields: Any) -> NamespaceFacts:
    return a_namespace(*(links or (a_link("a"), a_link("b"))), routes_ip=True, **fields)


def test_a_bridge_with_ports_makes_a_vswitch() -> None:
    assert the_host(a_vswitch()).vfds[0].kind is VfdKind.VSWITCH


def test_a_bridge_without_ports_makes_no_vfd() -> None:
    assert the_host(a_namespace(a_link("docker0", kind="bridge"))).vfds == ()


def test_forwarding_between_two_links_makes_a_vrouter() -> None:
    assert the_host(a_router()).vfds[0].kind is VfdKind.VROUTER


def test_forwarding_with_one_link_makes_no_vfd() -> None:
    assert the_host(a_router(a_link())).vfds == ()


def test_two_links_without_forwarding_make_no_vfd() -> None:
    assert the_host(a_namespace(a_link("a"), a_link("b"))).vfds == ()


def test_a_router_whose_link_was_set_down_is_still_a_router() -> None:
    down = a_link("b", is_up=False, addresses=["10.0.0.254"])

    assert the_host(a_router(a_link("a"), down)).vfds[0].kind is VfdKind.VROUTER


def test_unused_links_do_not_make_a_router() -> None:
    assert the_host(a_router(a_link("a"), a_link("spare", is_up=False))).vfds == ()


def test_a_router_with_a_way_outside_is_a_gateway() -> None:
    outside = a_link("ext0")

    host = the_host(
        a_router(a_veth("net-a"), outside, default_devices=frozenset({outside.ifindex}))
    )

    assert host.vfds[0].kind is VfdKind.GATEWAY
    assert the_port(host, "ext0").kind is PortKind.EXTERNAL


@pytest.mark.parametrize("reason", ["tunnels", "vms"])
def test_a_bridge_with_tunnels_or_vms_stays_a_vswitch_though_forwarding_is_on(reason: str) -> None:
    inside = a_vxlan(local="172.31.0.1") if reason == "tunnels" else a_veth("v", to=(2, 2))
    here = a_vswitch(inside, a_veth("uplink0"), routes_ip=True)

    assert the_host(here, an_endpoint(2, name="vm")).vfds[0].kind is VfdKind.VSWITCH


def test_a_macvtap_host_is_a_vswitch() -> None:
    nic = a_link()
    host = the_host(a_namespace(nic, a_link("mv0", kind="macvtap", lower=nic.ifindex)))

    assert host.vfds[0].kind is VfdKind.VSWITCH
    assert the_port(host, "mv0").is_reversed
    assert not the_port(host, "eth0").is_reversed


def test_the_nic_behind_a_veth_is_the_endpoints_device() -> None:
    vm = an_endpoint(2, name="cloud.cn-3.web", addresses=["10.0.0.7", "fe80::7"])

    nic = the_port(the_host(a_vswitch(a_veth("v-web", to=(2, 2))), vm), "v-web").nic

    assert (nic.id, nic.vm) == ("web/eth0", "web")
    assert nic.mac == vm.link_by_index[2].mac
    assert nic.addresses == (ip_address("10.0.0.7"),)


def test_addresses_on_a_vlan_of_the_endpoint_are_the_nics() -> None:
    vm = an_endpoint(2, name="vm", addresses=[])
    vlan = a_link("eth0.7", kind="vlan", lower=2, addresses=["10.7.0.1"])
    vm = replace(vm, links=(*vm.links, vlan))

    nic = the_port(the_host(a_vswitch(a_veth("v", to=(2, 2))), vm), "v").nic

    assert nic.addresses == (ip_address("10.7.0.1"),)


def test_an_endpoint_whose_device_vanished_still_has_its_port() -> None:
    vm = replace(an_endpoint(2, name="vm"), links=())

    port = the_port(the_host(a_vswitch(a_veth("v", to=(2, 2))), vm), "v")

    assert (port.kind, port.nic.vm, port.nic.addresses) == (PortKind.VNIC, "vm", ())


def test_a_taps_vm_is_its_holder_and_its_addresses_the_neighbours() -> None:
    bridge, tap = a_bridge(a_link("tap0", kind="tun", holder="web"))
    mac, address = "52:54:00:00:00:01", ip_address("10.0.0.5")
    seen = NeighbourFacts(ifindex=bridge.ifindex, mac=mac, address=address)
    here = a_namespace(bridge, tap, neighbours=(seen,), learned={tap.ifindex: mac})

    nic = the_port(the_host(here), "tap0").nic

    assert (nic.id, nic.vm, nic.mac, nic.addresses) == ("tap0", "web", mac, (address,))


def test_a_routed_taps_addresses_are_its_own_neighbours() -> None:
    tap = a_link("tap0", kind="tun", holder="web")
    seen = NeighbourFacts(ifindex=tap.ifindex, mac="52:54:00:00:00:01", address=ip_address("fd::5"))

    nic = the_port(the_host(a_router(tap, a_link(), neighbours=(seen,))), "tap0").nic

    assert (nic.mac, nic.addresses) == (seen.mac, (seen.address,))


def test_a_tap_that_has_not_spoken_has_no_known_address() -> None:
    nic = the_port(the_host(a_vswitch(a_link("tap0", kind="tun"))), "tap0").nic

    assert (nic.vm, nic.mac, nic.addresses) == ("tap0", "", ())


def test_a_tun_has_no_link_layer() -> None:
    tun = a_link("tun0", kind="tun", hardware=NO_HEADER, holder="vpn")

    assert not the_port(the_host(a_router(tun, a_link())), "tun0").has_link_layer


def test_links_between_vfds_name_each_other() -> None:
    here = a_vswitch(a_veth("r-a", to=(2, 5), ifindex=8), inode=1)
    there = a_router(a_veth("net-a", to=(1, 8), ifindex=5), a_link(), inode=2, name="r")

    host = the_host(here, there)

    assert the_port(host, "r-a").peer == (2, 5)
    assert the_port(host, "net-a").peer == (1, 8)


def test_the_hosts_own_vfd_is_called_after_its_only_bridge() -> None:
    assert the_host(a_vswitch()).vfds[0].name == "br0"


def test_the_hosts_own_vfd_is_called_after_the_host_if_it_has_several_bridges() -> None:
    here = a_namespace(*a_bridge(a_veth("v0"), name="br0"), *a_bridge(a_veth("v1"), name="br1"))

    assert the_host(here).vfds[0].name == "cn-3"


def test_a_named_namespace_is_called_by_the_last_part_of_its_name() -> None:
    vfd = the_host(a_router(name="dt.three-hosts.cn-1.vrouter-blue")).vfds[0]

    assert (vfd.name, vfd.netns_name) == ("vrouter-blue", "dt.three-hosts.cn-1.vrouter-blue")


def test_names_grow_until_they_tell_vfds_apart() -> None:
    host = the_host(
        a_router(inode=1, name="dt.a.cn-1.vswitch"),
        a_router(inode=2, name="dt.a.cn-2.vswitch"),
        a_router(inode=3, name="dt.a.cn-2.router"),
    )

    assert [vfd.name for vfd in host.vfds] == ["cn-1.vswitch", "cn-2.vswitch", "router"]


def test_a_container_is_called_by_its_own_name() -> None:
    pod = an_endpoint(2, name="/proc/77/ns/net", owner="web-5d9c")

    assert the_port(the_host(a_vswitch(a_veth("v", to=(2, 2))), pod), "v").nic.vm == "web-5d9c"


def test_a_vfds_addresses_are_all_but_loopbacks() -> None:
    here = a_router(a_link("a", addresses=["10.0.0.1"]), a_link("b", addresses=["fe80::1"]))

    assert set(the_host(here).vfds[0].addresses) == {ip_address("10.0.0.1"), ip_address("fe80::1")}


def test_ports_carry_the_hosts_number() -> None:
    assert the_port(the_host(a_vswitch()), "v0").host_number == 3


def test_a_host_that_forwards_nothing_says_so() -> None:
    assert any("nothing here forwards" in note for note in the_notes(a_namespace(a_link())))


def test_a_tap_that_is_left_out_is_noted() -> None:
    notes = the_notes(a_router(a_link("tap9", kind="tun"), a_link("a"), name="r"))

    assert any("tap9 in r" in note for note in notes)


def test_a_container_that_bypasses_the_vfds_is_noted() -> None:
    pod = a_namespace(a_link(kind="macvlan", lower=2, lower_nsid=0), inode=2, name="pod")

    assert any("bypasses" in note for note in the_notes(a_vswitch(), pod))
