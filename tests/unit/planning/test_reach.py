"""Where a task is logged: everywhere its packets can come to, and nowhere else."""

from ipaddress import ip_network

import pytest

from dyetrace.model.filter import PacketFilter
from dyetrace.model.topology import Host, PortKind, Topology, Vfd, VfdKind
from dyetrace.planning.reach import hosts_in_reach
from dyetrace.planning.sources import source_ports
from support.builders import a_nic, a_port

SHARED = "10.0.0.5"


def a_host_with(number, *ports):
    made = tuple(
        a_port(number, 100, ifindex, kind, nic=nic)
        for ifindex, (kind, nic) in enumerate([(PortKind.UPLINK, None), *ports], start=1)
    )
    vfd = Vfd(
        host_number=number,
        netns=100,
        name="vswitch",
        netns_name="",
        kind=VfdKind.VSWITCH,
        ports=made,
    )
    return Host(number=number, name=f"cn-{number}", vfds=(vfd,))


def vnic(vm, address, tenant):
    return (PortKind.VNIC, a_nic(vm, address, tenant=tenant))


BLUE, BLUE_TOO, GREEN, BOTH, GATEWAY, TRANSIT = range(1, 7)
CLOUD = Topology(
    hosts=(
        a_host_with(BLUE, vnic("web", SHARED, "blue")),
        a_host_with(BLUE_TOO, vnic("db", "10.0.0.6", "blue")),
        a_host_with(GREEN, vnic("app", SHARED, "green")),
        a_host_with(BOTH, vnic("blue-3", "10.0.0.7", "blue"), vnic("green-3", "10.0.0.8", "green")),
        a_host_with(GATEWAY, vnic("red", "10.0.0.9", "red"), (PortKind.EXTERNAL, None)),
        a_host_with(TRANSIT),
    )
)


def reach(topology=CLOUD, **fields):
    wanted = PacketFilter(**fields)
    return hosts_in_reach(wanted, source_ports(wanted, topology), topology)


def test_a_tenants_packets_reach_its_hosts_and_those_that_carry_others_packets():
    wanted = {"src_vm": "web", "dst": ip_network("10.0.0.6")}
    assert reach(**wanted) == {BLUE, BLUE_TOO, BOTH, GATEWAY, TRANSIT}


def test_an_address_that_several_tenants_have_means_the_senders_own():
    assert GREEN not in reach(src_vm="db", dst=ip_network(SHARED))


def test_a_receiver_of_another_tenant_is_reached_too():
    assert GREEN in reach(src_vm="web", dst_vm="app")
    assert GREEN in reach(src_vm="web", dst=ip_network("10.0.0.8"))


def test_packets_from_outside_reach_their_receivers_hosts():
    from_outside = {"src": ip_network("198.51.100.0/24"), "dst_vm": "app"}
    assert reach(**from_outside) == {GREEN, BOTH, GATEWAY, TRANSIT}


@pytest.mark.parametrize(
    "wanted", [{"dst_port": 80}, {"src": ip_network("198.51.100.0/24")}], ids=["any", "outside"]
)
def test_where_nobody_knows_whose_packets_are_wanted_every_host_is_reached(wanted):
    assert reach(**wanted) == {host.number for host in CLOUD.hosts}


def test_a_vnic_of_nobody_reaches_every_host():
    nobodys = (PortKind.VNIC, a_nic("stray", "10.0.0.40", tenant=""))
    cloud = Topology(hosts=(*CLOUD.hosts, a_host_with(9, nobodys)))
    assert len(reach(cloud, src_vm="stray", dst=ip_network("10.0.0.6"))) == 7


LED_TO = {7: ("blue",), 8: ("green",), 9: ()}
"""Whose packets the gateways forward, by their host; empty: anybody's."""


def a_gateway(number, tenants):
    vfd = Vfd(
        host_number=number,
        netns=200,
        name="gateway",
        netns_name="gw",
        kind=VfdKind.GATEWAY,
        ports=(a_port(number, 200, 1, PortKind.EXTERNAL),),
        tenants=tenants,
    )
    return Host(number=number, name=f"gw-{number}", vfds=(*a_host_with(number).vfds, vfd))


def test_gateways_that_are_known_to_be_other_tenants_are_left_out():
    gateways = tuple(a_gateway(number, tenants) for number, tenants in LED_TO.items())
    cloud = Topology(hosts=(a_host_with(BLUE, vnic("web", SHARED, "blue")), *gateways))

    assert reach(cloud, src_vm="web", dst=ip_network("198.51.100.9")) == {BLUE, 7, 9}


def test_from_outside_packets_are_colored_at_their_receivers_gateways():
    gateways = tuple(a_gateway(number, tenants) for number, tenants in LED_TO.items())
    cloud = Topology(hosts=(a_host_with(BLUE, vnic("web", SHARED, "blue")), *gateways))
    wanted = PacketFilter(src=ip_network("198.51.100.9"), dst_vm="web")

    assert {port.host_number for port in source_ports(wanted, cloud)} == {7, 9}


def a_large_tenants_cloud(hosts):
    vms = (a_host_with(n, vnic(f"vm-{n}", f"10.0.1.{n}", "blue")) for n in range(1, hosts + 1))
    return Topology(hosts=(*vms, a_host_with(200)))


def test_of_a_tenant_on_many_hosts_only_those_at_both_ends_are_reached():
    wanted = {"src_vm": "vm-1", "dst": ip_network("10.0.1.2")}
    assert reach(a_large_tenants_cloud(17), **wanted) == {1, 2, 200}
    assert reach(a_large_tenants_cloud(16), **wanted) == {*range(1, 17), 200}


def test_without_a_receiver_all_hosts_of_a_tenant_are_reached_however_many():
    assert len(reach(a_large_tenants_cloud(17), src_vm="vm-1", dst_port=53)) == 18
