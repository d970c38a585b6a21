"""Discovery of the lab's clouds, one host at a time as their agents do."""

import os
from collections.abc import Iterator
from ipaddress import ip_address

import pytest

from dyetrace.datapath.linux.discovery import Discovered, discover
from dyetrace.datapath.linux.namespaces import Scope
from dyetrace.lab.cloud import Cloud
from dyetrace.model.topology import Host, Port, PortKind, Vfd, VfdKind


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with Cloud.build("nat", name=f"find-{os.getpid()}", agents=False) as built:
        yield built


def look(cloud: Cloud, host: str) -> Discovered:
    scope = Scope(names=(f"dt.{cloud.name}.{host}.*",))
    return discover(scope, host_number=1, host_name=host)


def kinds(vfd: Vfd) -> dict[str, PortKind]:
    return {port.name: port.kind for port in vfd.ports}


def test_a_compute_host_has_a_vswitch_and_a_vrouter_per_tenant(cloud: Cloud) -> None:
    with look(cloud, "cn-1") as found:
        vfds = {vfd.name: vfd for vfd in found.host.vfds}

    assert {name: vfd.kind for name, vfd in vfds.items()} == {
        "vswitch": VfdKind.VSWITCH,
        "vrouter-blue": VfdKind.VROUTER,
        "vrouter-green": VfdKind.VROUTER,
    }
    assert kinds(vfds["vrouter-blue"]) == {"net-a": PortKind.LINK, "net-b": PortKind.LINK}
    assert kinds(vfds["vswitch"]) == {
        "uplink0": PortKind.UPLINK,
        **dict.fromkeys(("r-blue-a", "r-blue-b", "r-green-a", "r-green-b"), PortKind.LINK),
        **{f"v-{vm.id}": PortKind.VNIC for vm in cloud.description.vms if vm.nic.host == "cn-1"},
    }


def test_every_vm_of_the_host_is_behind_its_port_with_its_addresses(cloud: Cloud) -> None:
    with look(cloud, "cn-1") as found:
        ports = ports_by_name_of_vswitch(found.host)

    for vm in cloud.description.vms:
        if vm.nic.host == "cn-1":
            nic = ports[vm.nic.port].nic
            assert nic.mac == vm.nic.mac
            assert set(map(ip_address, vm.nic.addresses)) == set(nic.addresses)


def test_the_uplink_has_the_vtep(cloud: Cloud) -> None:
    with look(cloud, "cn-2") as found:
        uplink = ports_by_name_of_vswitch(found.host)["uplink0"]

    assert uplink.addresses == (ip_address(cloud.description.underlay_address("cn-2")),)


def test_links_between_vfds_are_symmetric(cloud: Cloud) -> None:
    with look(cloud, "cn-1") as found:
        links = [
            port for vfd in found.host.vfds for port in vfd.ports if port.kind is PortKind.LINK
        ]

    ends = {(port.netns, port.ifindex): port.peer for port in links}
    assert all(ends[ends[end]] == end for end in ends)


def test_a_gateway_host_leads_outside_by_its_external_ports_only(cloud: Cloud) -> None:
    with look(cloud, "gw-1") as found:
        vfds = {vfd.name: vfd for vfd in found.host.vfds}

    assert vfds["gateway-blue"].kind is VfdKind.GATEWAY
    assert kinds(vfds["gateway-blue"]) == {
        "net-a": PortKind.LINK,
        "net-b": PortKind.LINK,
        "ext0": PortKind.EXTERNAL,
    }
    assert ports_by_name_of_vswitch(found.host)["uplink0"].kind is PortKind.UPLINK


def test_with_all_hosts_in_one_scope_names_tell_them_apart(cloud: Cloud) -> None:
    with discover(Scope(names=(f"dt.{cloud.name}.*",)), host_number=1, host_name="all") as found:
        names = [vfd.name for vfd in found.host.vfds]

    assert len(names) == len(set(names))
    assert {"cn-1.vswitch", "cn-2.vswitch", "gateway-blue", "fabric"} <= set(names)


def ports_by_name_of_vswitch(host: Host) -> dict[str, Port]:
    (vswitch,) = (vfd for vfd in host.vfds if vfd.name == "vswitch")
    return {port.name: port for port in vswitch.ports}
