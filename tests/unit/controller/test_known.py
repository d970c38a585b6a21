"""What a controller knows of a cloud, as hosts and inventory change."""

from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

from dyetrace.controller.known import Known
from dyetrace.inventory.clouds import AgentAddress, Cloud
from dyetrace.inventory.entries import HostEntry, NicEntry, VfdEntry
from dyetrace.inventory.inventory import Inventory
from dyetrace.model.topology import Nic
from support.builders import DB, WEB, a_host

WEBS, DBS = a_host(1, "web", WEB), a_host(2, "db", DB)


def a_cloud(*names, inventory=None):
    agents = tuple(AgentAddress(host=name, socket=Path(name)) for name in names)
    return Cloud(name="test", agents=agents, inventory=inventory or Inventory())


def knowing(cloud, *hosts):
    known = Known()
    known.serve(cloud)
    for host in hosts:
        known.saw(host)
    return known


def test_a_host_that_is_of_the_cloud_no_more_is_forgotten():
    known = knowing(a_cloud("cn-1", "cn-2"), WEBS, DBS)
    known.serve(a_cloud("cn-2"))

    assert set(known.atlas.host_by_number) == {2}
    assert "web" not in known.atlas.nics_by_name


def test_another_inventory_renames_what_is_known():
    known = knowing(a_cloud("cn-1", "cn-2"), WEBS, DBS)
    nic = Nic(id="shop-eth0", vm="shop", tenant="blue", addresses=(ip_address(WEB),))
    vfd = VfdEntry(name="edge", namespace="cn-1.vswitch")
    inventory = Inventory(
        tenants=("blue",),
        nics=(NicEntry(nic=nic),),
        hosts=(HostEntry(name="cn-1", vfds=(vfd,)), HostEntry(name="cn-9")),
    )
    known.serve(a_cloud("cn-1", "cn-2", inventory=inventory))

    assert known.atlas.host_by_number[1].vfds[0].name == "edge"
    assert {"shop", "db"} <= set(known.atlas.nics_by_name)
    assert [str(each) for each in known.conflicts] == [
        "inventory: host cn-9: has no agent that answers: it is not observed"
    ]


def test_a_host_with_anothers_number_is_left_out_and_named():
    twin = replace(DBS, number=1)
    known = knowing(a_cloud("cn-1", "cn-2"), WEBS, twin)

    assert known.atlas.host_by_number == {1: WEBS}
    assert known.left_out == ("hosts cn-1 and cn-2 share the number 1: rename one",)
    known.saw(DBS)
    assert known.left_out == ()


def test_a_host_that_looks_otherwise_is_known_so():
    known = knowing(a_cloud("cn-1"), WEBS)
    known.saw(a_host(1, "mail", WEB))

    assert "mail" in known.atlas.nics_by_name
    assert "web" not in known.atlas.nics_by_name
