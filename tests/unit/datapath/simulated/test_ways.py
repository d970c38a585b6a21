from itertools import pairwise

import pytest

from dyetrace.datapath.simulated.cloud import SimulatedCloud
from dyetrace.datapath.simulated.shape import Shape
from dyetrace.datapath.simulated.traffic import Traffic
from dyetrace.model.record import Point
from dyetrace.model.topology import PortKind, Topology
from support.simulated import SMALL

CLOUD = SimulatedCloud(SMALL)
TOPOLOGY = Topology(hosts=tuple(CLOUD.host(host) for host in range(SMALL.hosts)))
PLANTED = Traffic(CLOUD, 200).planted


def key(stop):
    return (CLOUD.number_of[stop.host], stop.netns, stop.ifindex)


def test_every_stop_is_at_a_port_that_its_host_has():
    assert {key(stop) for each in PLANTED for stop in each.way} <= set(TOPOLOGY.port_by_key)


def test_between_two_stops_a_packet_stays_in_a_vfd_or_passes_a_cable_or_the_underlay():
    for each in PLANTED:
        for before, after in pairwise(each.way):
            if after.point is Point.EGRESS:
                assert (before.point, key(before)[:2]) == (Point.INGRESS, key(after)[:2])
            elif before.outer is not None:
                assert before.outer == after.outer
                assert TOPOLOGY.hosts_by_underlay_address[after.outer.dst] == key(after)[0]
            else:
                assert TOPOLOGY.port_by_key[key(before)].peer == key(after)[1:]


def test_a_way_begins_at_the_senders_vnic_and_ends_at_the_receivers_or_outside():
    for each in PLANTED:
        first, last = (TOPOLOGY.port_by_key[key(each.way[place])] for place in (0, -1))
        assert first.nic.vm == each.flow.source.name
        if each.flow.receiver is None:
            assert last.kind is PortKind.EXTERNAL
        else:
            assert last.nic.vm == each.flow.receiver.name


def test_the_same_shape_gives_the_same_cloud_and_the_same_faults():
    again = SimulatedCloud(SMALL)
    assert again.vms == CLOUD.vms
    assert Traffic(again, 200).planted == PLANTED


def test_another_seed_gives_another_cloud():
    other = Shape(hosts=SMALL.hosts, vms=SMALL.vms, hosts_per_gateway=5, seed=2)
    assert SimulatedCloud(other).vms != CLOUD.vms


def test_tenants_addresses_overlap():
    owners = TOPOLOGY.vnic_ports_by_address
    assert any(len({port.nic.tenant for port in ports}) > 1 for ports in owners.values())


def test_the_count_of_vfds_is_that_of_the_hosts():
    assert CLOUD.vfds == sum(len(host.vfds) for host in TOPOLOGY.hosts)


def test_a_fault_ends_the_way_earlier_or_drops_at_its_end():
    for each in PLANTED:
        if each.fault:
            is_cut = len(each.ended) < len(each.way)
            assert is_cut or each.ended[-1].point is Point.DROP or each.cause == "VTEP_UNKNOWN"


@pytest.mark.parametrize(
    "wrong",
    [{"hosts": 1}, {"hosts": 20, "vms": 5}, {"regions": 9}, {"vms_per_network": 1}],
)
def test_a_shape_that_is_no_cloud_is_refused(wrong):
    with pytest.raises(ValueError, match="take"):
        Shape(**wrong)
