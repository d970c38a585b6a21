"""The file names what agents found; where they contradict each other, both are told."""

import random
from dataclasses import replace
from ipaddress import ip_address

import pytest

from dyetrace.inventory.entries import HostEntry, NicEntry, VfdEntry
from dyetrace.inventory.inventory import Inventory
from dyetrace.inventory.merge import Merging, merge
from dyetrace.model.topology import Host, Nic, PortKind, Vfd, VfdKind
from support.builders import a_port

WEB, DB = "02:00:00:00:00:01", "02:00:00:00:00:02"


def seen(mac="", *addresses, ifindex=11, name="tap1", host=1):
    nic = Nic(id=f"seen-{name}", vm="", mac=mac, addresses=tuple(map(ip_address, addresses)))
    return a_port(host, 100, ifindex, PortKind.VNIC, name=name, nic=nic)


def a_found_host(*ports, number=1, underlay="172.31.1.1"):
    vfd = Vfd(
        host_number=number, netns=100, name="netns-100", netns_name="ns", kind=VfdKind.VSWITCH,
        ports=ports, addresses=(ip_address(underlay),),
    )  # fmt: skip
    return Host(number=number, name=f"cn-{number}", vfds=(vfd,))


def entry(vm, mac="", *addresses, tenant="blue", network="net", **place):
    nic = Nic(
        id=f"{vm}-eth0", vm=vm, tenant=tenant, mac=mac, addresses=tuple(map(ip_address, addresses))
    )
    return NicEntry(nic=nic, network=network, **place)


def merged(*hosts, nics=(), entries=()):
    return merge(Inventory(tenants=("blue", "green"), nics=nics, hosts=entries), hosts)


def vms(result):
    return [port.nic.vm for host in result.hosts for vfd in host.vfds for port in vfd.ports]


def notes(result):
    return [str(conflict) for conflict in result.conflicts]


def test_a_port_is_named_by_its_mac():
    result = merged(a_found_host(seen(WEB, "10.0.0.1")), nics=(entry("web", WEB, "10.0.0.1"),))

    assert (vms(result), notes(result), result.unseen) == (["web"], [], ())


def test_a_port_is_named_by_its_address_where_no_mac_is_known():
    result = merged(a_found_host(seen("", "10.0.0.1")), nics=(entry("web", "", "10.0.0.1"),))

    port = result.hosts[0].vfds[0].ports[0]
    assert (port.nic.vm, port.nic.id, port.nic.tenant) == ("web", "web-eth0", "blue")
    assert notes(result) == []


def test_a_port_is_named_by_its_place_whatever_it_looked_like():
    link = a_port(1, 100, 12, PortKind.LINK, name="veth0", peer=(200, 3))
    appliance = entry("vpn", host="cn-1", namespace="ns", port="veth0")

    result = merged(a_found_host(link), nics=(appliance,))

    port = result.hosts[0].vfds[0].ports[0]
    assert (port.kind, port.peer, port.nic.vm) == (PortKind.VNIC, None, "vpn")


def test_what_the_file_leaves_empty_stays_as_discovered_and_what_it_lacks_too():
    other = seen(DB, "10.0.0.2", ifindex=12, name="tap2")

    result = merged(a_found_host(seen(WEB, "10.0.0.1"), other), nics=(entry("web", WEB),))

    first, second = result.hosts[0].vfds[0].ports
    assert first.nic.addresses == (ip_address("10.0.0.1"),)
    assert second == other
    assert notes(result) == []


def test_link_local_addresses_are_nobodys_surprise():
    result = merged(
        a_found_host(seen(WEB, "10.0.0.1", "fe80::1")), nics=(entry("web", WEB, "10.0.0.1"),)
    )

    assert notes(result) == []


@pytest.mark.parametrize("tells", ["mac", "host"])
def test_overlapping_addresses_are_told_apart(tells):
    blue = entry("web", WEB, "10.0.0.1", host="cn-1")
    green = entry("shop", DB, "10.0.0.1", tenant="green", network="other", host="cn-2")
    macs = (WEB, DB) if tells == "mac" else ("", "")
    ports = [seen(mac, "10.0.0.1", host=number) for number, mac in enumerate(macs, 1)]

    result = merged(a_found_host(ports[0]), a_found_host(ports[1], number=2), nics=(blue, green))

    assert (vms(result), notes(result)) == (["web", "shop"], [])


def test_a_port_that_may_be_several_nics_is_none_of_them_and_that_is_said():
    nics = (
        entry("web", "", "10.0.0.1"),
        entry("shop", "", "10.0.0.1", tenant="green", network="other"),
    )

    result = merged(a_found_host(seen("", "10.0.0.1")), nics=nics)

    assert vms(result) == [""]
    assert "tap1 on cn-1: may be any of shop-eth0, web-eth0: give the NICs" in notes(result)[0]
    assert result.unseen == nics


def test_a_nic_seen_twice_is_given_to_neither_port_and_that_is_said():
    result = merged(
        a_found_host(seen(WEB)),
        a_found_host(seen(WEB, host=2), number=2),
        nics=(entry("web", WEB),),
    )

    assert vms(result) == ["", ""]
    (note,) = notes(result)
    assert note.startswith("inventory: NIC web-eth0: seen at tap1 on cn-1, tap1 on cn-2: none of")


@pytest.mark.parametrize(
    ("port", "known", "says"),
    [
        (seen(WEB), entry("web", WEB, host="cn-2"), "should be on cn-2, is seen on cn-1"),
        (seen(DB, "10.0.0.1"), entry("web", WEB, "10.0.0.1"), f"should have MAC {WEB}, tap1 shows"),
        (seen(WEB, "10.0.0.9"), entry("web", WEB, "10.0.0.1"), "should have 10.0.0.1, cn-1 saw"),
    ],
)
def test_where_they_contradict_each_other_both_are_told(port, known, says):
    result = merged(a_found_host(port), nics=(known,))

    assert vms(result) == ["web"]
    (note,) = notes(result)
    assert says in note


def test_a_nic_that_uses_anothers_address_is_told():
    nics = (entry("web", WEB, "10.0.0.1"), entry("db", DB, "10.0.0.2"))

    result = merged(a_found_host(seen(WEB, "10.0.0.2")), nics=nics)

    assert vms(result) == ["web"]
    assert "uses 10.0.0.2, which is db-eth0's" in notes(result)[1]
    assert result.unseen == nics[1:]


def test_a_nic_with_a_port_in_the_file_is_at_no_other():
    placed = entry("web", WEB, host="cn-1", namespace="ns", port="tap9")

    result = merged(a_found_host(seen(WEB)), nics=(placed,))

    assert (vms(result), result.unseen) == ([""], (placed,))


def test_vfds_take_the_files_names_and_what_differs_is_told():
    expected = HostEntry(
        name="cn-1",
        underlay=(ip_address("172.31.9.9"),),
        vfds=(
            VfdEntry(name="br-cn-1", namespace="ns", kind=VfdKind.VROUTER),
            VfdEntry(name="gone", namespace="elsewhere"),
        ),
    )

    result = merged(a_found_host(seen()), entries=(expected, HostEntry(name="cn-7")))

    assert result.hosts[0].vfds[0].name == "br-cn-1"
    assert notes(result) == [
        "inventory: VFD br-cn-1 on cn-1: should be a vrouter, is a vswitch",
        "inventory: VFD gone on cn-1: there is none in namespace elsewhere",
        "inventory: host cn-1: should have 172.31.9.9, has 172.31.1.1",
        "inventory: host cn-7: has no agent that answers: it is not observed",
    ]


def test_an_empty_inventory_changes_nothing():
    host = a_found_host(seen(WEB, "10.0.0.1"))

    result = merged(host)

    assert result.hosts == (host,)
    assert replace(result, hosts=()) == replace(merged(), hosts=())


def test_hosts_taken_in_one_by_one_are_named_as_all_at_once():
    nics = (entry("web", WEB), entry("db", "", "10.0.0.2"), entry("vpn", host="cn-3", port="tap1"))
    looks = [
        a_found_host(seen(mac, *addresses, host=number), number=number)
        for number in (1, 2, 3)
        for mac, addresses in ((WEB, ()), ("", ("10.0.0.2",)), (DB, ("10.0.0.9",)))
    ]
    inventory = Inventory(tenants=("blue",), nics=nics, hosts=(HostEntry(name="cn-2"),))
    draw, merging, there, named = random.Random(3), Merging(inventory), {}, {}
    for _ in range(200):
        host = draw.choice(looks)
        if draw.random() < 0.3:
            again = {name: merging.named(name) for name in merging.remove(host.name)}
            there.pop(host.name, None)
            named.pop(host.name, None)
        else:
            there[host.name] = host
            again = {each.name: each for each in merging.put(host)}
        named |= again
        whole = merge(inventory, there.values())

        assert named == {each.name: each for each in whole.hosts}
        assert set(merging.conflicts) == set(whole.conflicts)
        assert merging.unseen == whole.unseen


def test_the_file_says_whose_packets_a_vfd_forwards():
    vfd = VfdEntry(name="gateway", namespace="ns", tenants=("blue",))
    (host,) = merged(a_found_host(), entries=(HostEntry(name="cn-1", vfds=(vfd,)),)).hosts
    assert host.vfds[0].tenants == ("blue",)
