"""Endpoints are found by whatever users call them, and tenants never meet."""

from collections import defaultdict
from ipaddress import IPv4Address, ip_address

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from dyetrace.errors import AmbiguousEndpoint, UnknownEndpoint
from dyetrace.inventory.entries import NetworkEntry, NicEntry
from dyetrace.inventory.file import load_inventory
from dyetrace.inventory.inventory import Inventory
from dyetrace.model.topology import Nic

TENANTS = ("blue", "green", "red")
# Few of each, so that they meet often.
ADDRESSES = st.sampled_from([IPv4Address("10.0.0.1") + n for n in range(4)])
MACS = st.sampled_from([f"02:00:00:00:00:0{n}" for n in range(4)])


@st.composite
def inventories(draw):
    """Clouds whose tenants use the same addresses and MACs."""
    networks = [
        NetworkEntry(name=f"net-{number}", tenant=draw(st.sampled_from(TENANTS)), vni=number)
        for number in range(draw(st.integers(1, 4)))
    ]
    used = set()
    entries = []
    for number in range(draw(st.integers(0, 8))):
        network = draw(st.sampled_from(networks))
        addresses = draw(st.sets(ADDRESSES, max_size=2))
        mac = draw(MACS)
        facts = {(network.name, fact) for fact in (*addresses, mac)}
        if facts & used:
            continue
        used |= facts
        nic = Nic(
            id=f"nic-{number}",
            # A second NIC joins a VM of the same tenant now and then.
            vm=f"{network.tenant}-vm-{number // 2}",
            tenant=network.tenant,
            mac=mac,
            addresses=tuple(sorted(addresses)),
        )
        entries.append(NicEntry(nic=nic, network=network.name))
    return Inventory(tenants=TENANTS, networks=tuple(networks), nics=tuple(entries))


def names_of(nic):
    return [nic.id, nic.vm, nic.mac.upper(), *map(str, nic.addresses)]


@given(inventories())
def test_each_nic_is_found_by_all_its_names_or_said_to_be_ambiguous(inventory):
    for entry in inventory.nics:
        for name in names_of(entry.nic):
            vms = {
                other.nic.vm
                for other in inventory.nics
                if other.nic.tenant == entry.nic.tenant and name in names_of(other.nic)
            }
            if len(vms) == 1:
                assert entry in inventory.find(name, tenant=entry.nic.tenant)
            else:
                with pytest.raises(AmbiguousEndpoint):
                    inventory.find(name, tenant=entry.nic.tenant)


@given(inventories(), st.one_of(ADDRESSES.map(str), MACS))
def test_without_a_tenant_what_several_have_is_ambiguous(inventory, name):
    vms, tenants = set(), set()
    for entry in inventory.nics:
        if name in names_of(entry.nic) or name.upper() in names_of(entry.nic):
            vms.add(entry.nic.vm)
            tenants.add(entry.nic.tenant)

    if len(vms) > 1:
        with pytest.raises(AmbiguousEndpoint) as refused:
            inventory.find(name)
        assert refused.value.tenants == tuple(sorted(tenants))
    elif vms:
        assert {entry.nic.vm for entry in inventory.find(name)} == vms
    else:
        with pytest.raises(UnknownEndpoint):
            inventory.find(name)


@given(inventories(), st.sampled_from(TENANTS), st.text(min_size=1, max_size=20))
def test_a_tenant_neither_finds_nor_hears_of_what_is_anothers(inventory, tenant, text):
    others = [entry.nic for entry in inventory.nics if entry.nic.tenant != tenant]
    own = {
        name
        for entry in inventory.nics
        if entry.nic.tenant == tenant
        for name in (*names_of(entry.nic), entry.nic.mac)
    }
    for name in (text, *(name for nic in others for name in names_of(nic))):
        found, near, tenants = looked_up(inventory, name, tenant)
        assert near <= own
        assert tenants | {entry.nic.tenant for entry in found} <= {tenant}


def looked_up(inventory, name, tenant):
    """All that one may learn of a name: NICs, nearest names, tenants."""
    try:
        return inventory.find(name, tenant=tenant), set(), set()
    except UnknownEndpoint as error:
        return (), set(error.nearest), set()
    except AmbiguousEndpoint as error:
        return (), set(), set(error.tenants)


@given(inventories())
def test_within_a_network_an_address_means_one_nic(inventory):
    by_network = defaultdict(dict)
    for entry in inventory.nics:
        for address in entry.nic.addresses:
            by_network[entry.network][address] = entry

    for network in inventory.networks:
        for address in map(ip_address, range(int(IPv4Address("10.0.0.1")), 0x0A000006)):
            expected = by_network[network.name].get(address)
            if expected:
                assert inventory.at(address, network=network.name) == expected
            else:
                with pytest.raises(UnknownEndpoint):
                    inventory.at(address, network=network.name)


@given(inventories())
def test_a_file_says_what_it_was_written_from(tmp_path_factory, inventory):
    content = {
        "version": 1,
        "tenants": [{"name": name} for name in inventory.tenants],
        "networks": [
            {"name": network.name, "tenant": network.tenant, "vni": network.vni}
            for network in inventory.networks
        ],
        "vms": [
            {
                "id": vm,
                "nics": [
                    {
                        "id": entry.nic.id,
                        "mac": entry.nic.mac,
                        "addresses": list(map(str, entry.nic.addresses)),
                        "network": entry.network,
                    }
                    for entry in inventory.nics
                    if entry.nic.vm == vm
                ],
            }
            for vm in dict.fromkeys(entry.nic.vm for entry in inventory.nics)
        ],
    }
    path = tmp_path_factory.mktemp("written") / "cloud.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")

    assert load_inventory(path) == inventory


def test_a_misspelled_name_is_refused_with_the_nearest():
    nics = tuple(
        NicEntry(nic=Nic(id=f"{vm}-eth0", vm=vm, tenant=tenant))
        for vm, tenant in (("web-frontend", "blue"), ("db", "blue"), ("web-fronteng", "green"))
    )
    inventory = Inventory(tenants=("blue", "green"), nics=nics)

    with pytest.raises(UnknownEndpoint, match="no VM or NIC 'web-frontent'") as refused:
        inventory.find("web-frontent", tenant="blue")

    assert refused.value.nearest[0] == "web-frontend"
    assert "web-fronteng" not in str(refused.value)


def test_an_unknown_tenant_or_network_is_refused_with_the_nearest():
    inventory = Inventory(tenants=("blue",), networks=(NetworkEntry(name="web", tenant="blue"),))

    with pytest.raises(UnknownEndpoint, match=r"no tenant 'bleu'.*nearest: blue"):
        inventory.find("x", tenant="bleu")
    with pytest.raises(UnknownEndpoint, match=r"no network 'wep'.*nearest: web"):
        inventory.at(ip_address("10.0.0.1"), network="wep")


def test_an_address_of_two_vms_of_one_tenant_asks_for_the_vm():
    address = (ip_address("10.0.0.1"),)
    nics = tuple(
        NicEntry(nic=Nic(id=f"{vm}-eth0", vm=vm, tenant="blue", addresses=address), network=vm)
        for vm in ("web", "db")
    )

    with pytest.raises(AmbiguousEndpoint, match=r"10\.0\.0\.1 means any of db, web: name the VM"):
        Inventory(tenants=("blue",), nics=nics).find("10.0.0.1", tenant="blue")
