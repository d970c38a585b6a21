"""A tenant reaches its own vNICs and names, and nothing else."""

from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest

from dyetrace.errors import NoSource, UnknownEndpoint
from dyetrace.model.topology import Host, PortKind, Topology, Vfd, VfdKind
from dyetrace.planning.plan import plan
from support.builders import a_nic, a_port, a_task

SHARED, BLUE_ONLY = "10.0.0.5", "10.0.0.6"
OUTSIDE, BLUE, BLUE_TOO, GREEN, UNKNOWN = ((1, 100, number) for number in (1, 2, 3, 4, 5))


def the_topology():
    nics = {
        2: a_nic("web", SHARED, tenant="blue"),
        3: a_nic("db", BLUE_ONLY, tenant="blue"),
        4: a_nic("app", SHARED, tenant="green"),
        5: None,
    }
    ports = (
        a_port(1, 100, 1, PortKind.EXTERNAL, addresses=(ip_address("192.0.2.1"),)),
        *(a_port(1, 100, number, PortKind.VNIC, nic=nic) for number, nic in nics.items()),
    )
    vfd = Vfd(host_number=1, netns=100, name="br", netns_name="", kind=VfdKind.GATEWAY, ports=ports)
    return Topology(hosts=(Host(number=1, name="cn-1", vfds=(vfd,)),))


def colored(tenant="blue", **fields):
    task = replace(a_task(**fields), tenant=tenant)
    return set(plan(task, the_topology()).color[1].ports)


def test_the_provider_reaches_everything():
    assert colored("", dst_port=80) == {OUTSIDE, BLUE, BLUE_TOO, GREEN, UNKNOWN}


def test_without_an_end_a_tenants_own_vnics_are_meant():
    assert colored(dst_port=80) == {BLUE, BLUE_TOO}


def test_packets_are_logged_wherever_they_go():
    task = replace(a_task(dst_port=80), tenant="blue")

    assert plan(task, the_topology()).log == plan(a_task(dst_port=80), the_topology()).log


@pytest.mark.parametrize("end", [{"dst_vm": "db"}, {"dst": ip_network(BLUE_ONLY)}])
def test_from_outside_packets_to_an_address_of_its_own_only_are_a_tenants(end):
    assert colored(**end) == {OUTSIDE, BLUE, BLUE_TOO}


@pytest.mark.parametrize(
    "end",
    [
        {"dst_vm": "web"},
        {"dst": ip_network(SHARED)},
        {"dst": ip_network("10.0.0.0/24")},
        {"dst": ip_network("198.51.100.1")},
    ],
)
def test_from_outside_packets_that_may_be_anothers_are_left_alone(end):
    assert colored(**end) == {BLUE, BLUE_TOO}


def test_an_overlapping_sender_is_the_tenants_own():
    assert colored(src=ip_network(SHARED)) == {BLUE}
    assert colored("green", src=ip_network(SHARED)) == {GREEN}


@pytest.mark.parametrize("fields", [{"src_vm": "app"}, {"nic": "app-eth0"}, {"dst_vm": "app"}])
def test_anothers_names_are_unknown_and_not_suggested(fields):
    with pytest.raises(UnknownEndpoint) as refused:
        colored(**fields)

    assert set(refused.value.nearest) <= {"web", "db", "web-eth0", "db-eth0"}


def test_another_tenant_is_unknown_and_so_is_one_that_is_nowhere():
    with pytest.raises(UnknownEndpoint, match="nearest: blue"):
        plan(replace(a_task(tenant="green", dst_port=80), tenant="blue"), the_topology())
    with pytest.raises(NoSource):
        colored("red", dst_port=80)


def test_an_address_of_a_vfd_is_as_unknown_to_a_tenant_as_one_that_nobody_has():
    closed = closed_topology()
    assert plan(a_task(dst=ip_network("10.0.9.1")), closed).color

    told = []
    for address in ("10.0.9.1", "10.0.9.2", "10.0.8.5"):
        with pytest.raises(UnknownEndpoint) as refused:
            plan(replace(a_task(dst=ip_network(address)), tenant="blue"), closed)
        told.append((refused.value.what, sorted(refused.value.nearest)))

    assert told == [("endpoint with address", [SHARED, BLUE_ONLY])] * 3


def closed_topology():
    """No way out; green's vRouter has an address, and so has green's app."""
    (host,) = the_topology().hosts
    (gateway,) = host.vfds
    inside = tuple(
        replace(port, nic=replace(port.nic, addresses=(ip_address("10.0.8.5"),)))
        if port.nic is not None and port.nic.tenant == "green"
        else port
        for port in gateway.ports
        if port.nic is not None
    )
    vrouter = replace(
        gateway, kind=VfdKind.VROUTER, addresses=(ip_address("10.0.9.1"),), ports=inside
    )
    return Topology(hosts=(replace(host, vfds=(vrouter,)),))


@pytest.mark.parametrize(
    ("fields", "nearest"),
    [
        ({"src_vm": "wed"}, "web"),
        ({"nic": "web-eth1"}, "web-eth0"),
        ({"src_vm": "02:00:00:00:00:02"}, "02:00:00:00:00:01"),
        ({"dst": ip_network("10.0.0.7")}, BLUE_ONLY),
    ],
    ids=str,
)
def test_vms_nics_macs_and_addresses_that_are_unknown_are_told_with_the_nearest(fields, nearest):
    closed = closed_topology()
    (host,) = closed.hosts
    (vrouter,) = host.vfds
    first, *others = vrouter.ports
    named = replace(first, nic=replace(first.nic, mac="02:00:00:00:00:01"))
    known = Topology(hosts=(replace(host, vfds=(replace(vrouter, ports=(named, *others)),)),))

    for tenant in ("", "blue"):
        with pytest.raises(UnknownEndpoint) as refused:
            plan(replace(a_task(**fields), tenant=tenant), known)
        assert nearest in refused.value.nearest
        if tenant:
            assert not {"app", "app-eth0", "10.0.8.5"} & set(refused.value.nearest)
