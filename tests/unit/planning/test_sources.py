"""Where packets enter: what users may name, and what they are told when it is nobody's."""

from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest

from dyetrace.errors import AmbiguousEndpoint, InvalidRequest, NoSource, UnknownEndpoint
from dyetrace.model.filter import PacketFilter
from dyetrace.model.packet import Protocol
from dyetrace.model.topology import Host, Nic, PortKind, Topology, Vfd, VfdKind
from dyetrace.planning.plan import plan
from dyetrace.planning.sources import resolved_filters, source_ports
from support.builders import DB, TASK, WEB, a_nic, a_port, a_task, two_hosts

MAC = "02:00:00:00:00:0b"


def a_switch(*nics, outside=(), host=1):
    """A host whose one vSwitch has a port for each NIC, and ports of other kinds."""
    ports = [
        a_port(host, 100, number, PortKind.VNIC, nic=nic) for number, nic in enumerate(nics, 1)
    ]
    ports += [a_port(host, 100, 50 + number, kind) for number, kind in enumerate(outside)]
    vfd = Vfd(
        host_number=host, netns=100, name="s", netns_name="s", kind=VfdKind.VSWITCH,
        ports=tuple(ports),
    )  # fmt: skip
    return Topology(hosts=(Host(number=host, name=f"cn-{host}", vfds=(vfd,)),))


def ifindexes(topology, **fields):
    return [port.ifindex for port in source_ports(PacketFilter(**fields), topology)]


TWO = a_switch(
    Nic(id="nic-1", vm="web", tenant="blue", mac=MAC, addresses=(ip_address(WEB),)),
    a_nic("db", DB, "fd00::21"),
)


@pytest.mark.parametrize(
    "fields",
    [
        {"src_vm": "web"},
        {"src_vm": "nic-1"},
        {"src_vm": MAC},
        {"nic": "nic-1"},
        {"nic": MAC},
        {"src": ip_network(WEB)},
        {"src": ip_network("10.0.1.0/24")},
        {"src": ip_network("10.0.1.0/24"), "tenant": "blue"},
    ],
    ids=str,
)
def test_a_sender_is_found_by_whatever_names_it(fields):
    assert ifindexes(TWO, **fields, dst=ip_network(DB)) == [1]


def test_a_prefix_takes_all_senders_in_it():
    assert ifindexes(TWO, src=ip_network("10.0.0.0/16")) == [1, 2]


def test_without_a_sender_any_may_have_sent():
    assert ifindexes(TWO, protocol=Protocol.UDP) == [1, 2]
    assert ifindexes(a_switch(a_nic("web", WEB), outside=[PortKind.EXTERNAL]), dst_port=53) == [
        1, 50,
    ]  # fmt: skip


def test_an_address_from_outside_comes_in_at_external_ports_only():
    topology = a_switch(a_nic("web", WEB), outside=[PortKind.EXTERNAL, PortKind.UPLINK])

    assert ifindexes(topology, src=ip_network("203.0.113.9")) == [50]


def test_a_nic_without_known_addresses_may_have_any():
    topology = a_switch(a_nic("web", WEB), a_nic("tap-vm"))

    assert ifindexes(topology, src=ip_network("10.9.9.9")) == [2]


def test_overlapping_addresses_ask_for_the_tenant():
    topology = a_switch(a_nic("web", WEB, tenant="blue"), a_nic("web2", WEB, tenant="green"))

    with pytest.raises(AmbiguousEndpoint, match=r"tenants blue, green: add --tenant"):
        ifindexes(topology, src=ip_network(WEB))

    assert ifindexes(topology, src=ip_network(WEB), tenant="green") == [2]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"src_vm": "wbe"}, r"no VM or NIC 'wbe' .*nearest: web"),
        ({"src_vm": "web", "dst_vm": "bd"}, r"no VM or NIC 'bd' .*nearest: db"),
        ({"nic": "nic-2"}, r"no VM or NIC 'nic-2' .*nearest: nic-1"),
        ({"src_vm": "web", "tenant": "bleu"}, r"no tenant 'bleu' .*nearest: blue"),
        ({"src": ip_network("10.0.1.12")}, r"no endpoint with address '10.0.1.12' .*10\.0\.1\.11"),
        ({"dst": ip_network("10.0.2.22")}, r"no endpoint with address '10.0.2.22'"),
    ],
)
def test_what_nobody_has_is_refused_with_the_nearest_names(fields, said):
    with pytest.raises(UnknownEndpoint, match=said):
        ifindexes(TWO, **fields)


def test_in_an_empty_cloud_that_is_what_is_said():
    with pytest.raises(UnknownEndpoint, match="no endpoint is known here"):
        ifindexes(Topology(), src_vm="web")


def test_a_known_sender_without_a_port_is_no_source():
    topology = replace(TWO, nics=(a_nic("absent", "10.0.3.1"),))

    with pytest.raises(NoSource, match="src_vm=absent enter the cloud"):
        ifindexes(topology, src_vm="absent")


@pytest.mark.parametrize("fields", [{}, {"tenant": "blue"}])
def test_a_filter_that_says_nothing_is_refused(fields):
    with pytest.raises(InvalidRequest, match="say at least one"):
        ifindexes(TWO, **fields)


def test_a_named_receiver_becomes_its_addresses():
    wanted = PacketFilter(src_vm="web", dst_vm="db", dst_port=53)

    assert [(each.dst, each.dst_port, each.dst_vm) for each in resolved_filters(wanted, TWO)] == [
        (ip_network(DB), 53, None),
        (ip_network("fd00::21"), 53, None),
    ]


def test_a_named_receiver_becomes_its_addresses_of_the_protocols_ip_version():
    wanted = PacketFilter(src_vm="web", dst_vm="db", protocol=Protocol.ICMPV6)

    assert [each.dst for each in resolved_filters(wanted, TWO)] == [ip_network("fd00::21")]


def test_a_named_receiver_without_an_address_asks_for_one():
    with pytest.raises(NoSource, match="use --dst ADDRESS"):
        resolved_filters(PacketFilter(dst_vm="tap"), a_switch(a_nic("tap")))


def test_names_alone_leave_a_filter_for_all_of_the_senders_packets():
    (found,) = resolved_filters(PacketFilter(src_vm="web"), TWO)

    assert found.is_everything


def test_every_edge_port_logs_and_only_the_source_colors():
    topology = two_hosts()

    placed = plan(a_task(src_vm="web", dst=ip_network(DB)), topology)

    assert set(placed.log) == {1, 2}
    logged = placed.log[1].ports | placed.log[2].ports
    assert logged == {port.key for port in topology.ports}
    assert set(placed.color) == {1}
    assert placed.color[1].task_id == TASK
    assert len(placed.color[1].ports) == 1
    assert placed.color[1].ports < placed.log[1].ports
