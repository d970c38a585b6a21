"""The atlas answers as a topology of all its hosts does, whatever hosts came and went."""

import random
from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest

from dyetrace.datapath.simulated.cloud import SimulatedCloud, tenant_of
from dyetrace.datapath.simulated.shape import Shape
from dyetrace.datapath.simulated.traffic import Traffic
from dyetrace.errors import UnknownEndpoint
from dyetrace.model.topology import Topology
from dyetrace.planning.atlas import Atlas
from dyetrace.planning.plan import plan
from support.builders import a_nic
from support.simulated import task_for

LOOKUPS = (
    *("nics_by_name", "nics_by_address", "vnic_ports_by_name", "vnic_ports_by_address"),
    *("vnic_ports_by_tenant", "carriers"),
)
FACTS = ("has_unknown_addresses", "leads_outside", "host_by_number", "hosts_by_underlay_address")


def hosts_of(shape):
    cloud = SimulatedCloud(shape)
    return [cloud.host(number) for number in range(shape.hosts)]


HOSTS = hosts_of(Shape(hosts=12, vms=150, hosts_per_gateway=4))
OTHERS = hosts_of(Shape(hosts=12, vms=150, hosts_per_gateway=4, seed=2))  # by the same names


def filled(hosts, nics=()):
    atlas = Atlas(nics)
    for host in hosts:
        atlas.put(host)
    return atlas


def told(of):
    """All answers, with what has no order in a set."""
    answers = {
        name: {key: frozenset(values) for key, values in getattr(of, name).items()}
        for name in LOOKUPS
    }
    answers |= {name: getattr(of, name) for name in FACTS}
    answers |= {name: set(getattr(of, name)) for name in ("tenants", "own_addresses", "vnic_ports")}
    for tenant in (None, "t0", "t1", "nobody"):
        answers["external", tenant] = set(of.external_ports_for(tenant))
    return answers


@pytest.mark.parametrize("nics", [(), (a_nic("vm-7", "10.9.9.9"), a_nic("away"))])
def test_it_answers_as_a_topology_of_the_same_hosts(nics):
    assert told(filled(HOSTS, nics)) == told(Topology(hosts=tuple(HOSTS), nics=nics))


def test_hosts_that_change_and_go_leave_nothing_behind():
    draw, atlas, there = random.Random(7), filled(HOSTS), {host.number: host for host in HOSTS}
    for _ in range(60):
        host = draw.choice(HOSTS + OTHERS)
        if draw.random() < 0.3:
            atlas.remove(host.number)
            there.pop(host.number, None)
        else:
            atlas.put(host)
            there[host.number] = host

    assert told(atlas) == told(Topology(hosts=tuple(there.values())))
    assert atlas.vfds == sum(len(host.vfds) for host in there.values())


def test_a_topology_is_cut_out_of_it_and_says_if_there_is_more():
    atlas, some = filled(HOSTS), [host.number for host in HOSTS[:3]]

    assert set(atlas.topology(some).hosts) == set(HOSTS[:3])
    assert not atlas.topology(some).is_whole
    assert atlas.topology(host.number for host in HOSTS).is_whole


TRAFFIC = Traffic(SimulatedCloud(Shape(hosts=12, vms=150, hosts_per_gateway=4)), 30)


@pytest.mark.parametrize("by_tenant", [False, True])
def test_a_plan_is_the_same_by_atlas_and_by_topology(by_tenant):
    atlas, topology = filled(HOSTS), Topology(hosts=tuple(HOSTS))
    for planted in TRAFFIC.planted:
        tenant = tenant_of(planted.flow.source.network) if by_tenant else ""
        task = replace(task_for(planted), tenant=tenant)
        assert plan(task, atlas) == plan(task, topology)


def test_other_tenants_hosts_change_nothing_in_a_plan():
    planted = TRAFFIC.planted[0]
    tenant = tenant_of(planted.flow.source.network)
    concerned = {host.number for host in Topology(hosts=tuple(HOSTS)).around(tenant).hosts}
    few = filled(host for host in HOSTS if host.number in concerned)

    assert 0 < len(concerned) < len(HOSTS)
    assert plan(task_for(planted), few) == plan(task_for(planted), filled(HOSTS))


def test_no_host_is_asked_for_that_a_task_has_nothing_to_do_with():
    planted = TRAFFIC.planted[0]
    atlas = filled(HOSTS)
    reached = set(plan(task_for(planted), atlas).log)
    atlas.host_by_number = Watched(atlas.host_by_number)

    plan(task_for(planted), atlas)

    assert atlas.host_by_number.asked == reached


class Watched(dict):
    """Tells which keys were asked for."""

    def __init__(self, content):
        super().__init__(content)
        self.asked = set()

    def __getitem__(self, key):
        self.asked.add(key)
        return super().__getitem__(key)

    def values(self):
        raise AssertionError("all hosts were looked at")

    items = __iter__ = values


def test_a_name_that_nobody_has_is_unknown_and_the_nearest_is_told():
    task = task_for(TRAFFIC.planted[0])
    wrong = replace(task, wanted=replace(task.wanted, src_vm="vm-1O", dst=ip_network("10.0.0.10")))
    with pytest.raises(UnknownEndpoint) as refused:
        plan(wrong, filled(HOSTS))
    assert "vm-1" in refused.value.nearest


def test_an_underlay_address_that_moved_is_where_it_is_now():
    first, second = HOSTS[:2]
    address = ip_address("172.16.0.1")
    atlas = filled([first])
    assert atlas.hosts_by_underlay_address[address] == first.number
    moved = replace(first, number=second.number, name=second.name)
    atlas.put(moved)
    atlas.remove(first.number)

    assert atlas.hosts_by_underlay_address[address] == second.number
