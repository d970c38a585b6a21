"""Healthy networks: everything arrives, the whole path is seen, nobody is accused."""

import json
import os
import threading

import pytest

from dyetrace.lab.cloud import Cloud
from dyetrace.lab.faults import AclDeny
from dyetrace.lab.traffic import bulk_tcp, exchange, flowing
from support.diagnosis import diagnose, explained, filter_of, trace, trace_while

FAMILIES = [4, 6]
PROTOCOLS = ["udp", "tcp", "icmp"]


def assert_delivered(answer, packets=20):
    assert answer["verdict"] == "DELIVERED", explained(answer)
    assert answer["total"] == packets, explained(answer)
    assert answer["lost"] == 0
    assert answer["findings"] == []
    assert answer["undetermined"] == []


def vfds(answer):
    """The VFDs of the only path, in order, each once a passage."""
    assert len(answer["paths"]) == 1, explained(answer)
    hops = [(hop["host"], hop["vfd"]) for hop in answer["paths"][0]["hops"]]
    return [hop for position, hop in enumerate(hops) if position == 0 or hops[position - 1] != hop]


def points(answer):
    return [hop["point"] for hop in answer["paths"][0]["hops"]]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_same_host(clouds, store, protocol, family):
    answer, truth = diagnose(
        clouds("one-host"), "web", "db", protocol=protocol, family=family, store=store
    )

    assert_delivered(answer)
    assert truth.lost == 0
    assert points(answer) == ["INGRESS", "EGRESS"]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_across_hosts(clouds, store, protocol, family):
    answer, truth = diagnose(
        clouds("three-hosts"), "blue-web", "blue-app", protocol=protocol, family=family, store=store
    )

    assert_delivered(answer)
    assert truth.lost == 0
    assert vfds(answer) == [("cn-1", "vswitch"), ("cn-2", "vswitch")]
    assert points(answer) == ["INGRESS", "EGRESS", "INGRESS", "EGRESS"]
    assert answer["paths"][0]["hops"][1]["outer"]["encapsulation"] == "vxlan"


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_through_vrouters(clouds, store, protocol, family):
    answer, truth = diagnose(
        clouds("three-hosts"), "blue-web", "blue-db", protocol=protocol, family=family, store=store
    )

    assert_delivered(answer)
    assert truth.lost == 0
    assert vfds(answer) == [
        ("cn-1", "vswitch"), ("cn-1", "vrouter-blue"), ("cn-1", "vswitch"), ("cn-3", "vswitch"),
    ]  # fmt: skip


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_snat_to_the_internet(clouds, store, protocol, family):
    cloud = clouds("nat")
    answer, truth = diagnose(
        cloud, "blue-app", "internet", protocol=protocol, family=family, store=store
    )

    assert_delivered(answer)
    assert truth.lost == 0
    assert vfds(answer)[-1] == ("gw-1", "gateway-blue")
    last = answer["paths"][0]["hops"][-1]
    assert last["nat"]["before"]["src"] == cloud.vm("blue-app").address(family)
    assert last["nat"]["after"]["src"] in {"203.0.113.2", "2001:db8:113::2"}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_dnat_from_the_internet(clouds, store, protocol, family):
    cloud = clouds("nat")
    floating = next(ip for ip in cloud.floating if ip.vm.id == "blue-web")
    answer, truth = diagnose(
        cloud, "internet", floating.address(family), protocol=protocol, family=family, store=store
    )

    assert_delivered(answer)
    assert truth.lost == 0
    assert vfds(answer)[0] == ("gw-1", "gateway-blue")
    assert vfds(answer)[-1] == ("cn-1", "vswitch")
    translated = next(hop["nat"] for hop in answer["paths"][0]["hops"] if hop["nat"])
    assert translated["before"]["dst"] == floating.address(family)
    assert translated["after"]["dst"] == cloud.vm("blue-web").address(family)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_receiver_sees_the_original_dscp(clouds, store, family):
    _, truth = diagnose(
        clouds("three-hosts"), "blue-web", "blue-db", family=family, store=store, packets=40
    )

    assert set(truth.dscp_seen) == {0}


@pytest.mark.parametrize("family", FAMILIES)
def test_large_segments_at_full_speed(clouds, store, family):
    cloud = clouds("three-hosts")
    wanted = filter_of(cloud, "blue-web", "blue-app", protocol="tcp", family=family)
    done = []
    load = threading.Thread(
        target=lambda: done.append(
            bulk_tcp(cloud, "blue-web", "blue-app", family=family, size=1 << 36, deadline=6.0)
        )
    )
    load.start()
    try:
        answer = trace(cloud, wanted, store=store, packets=200)
    finally:
        load.join()

    assert_delivered(answer, packets=200)
    assert done[0].received_bytes > 10 << 20


def test_two_tasks_on_overlapping_filters_see_the_same_packets(clouds, store):
    cloud = clouds("three-hosts")
    narrow = filter_of(cloud, "blue-web", "blue-app", protocol="udp", family=4)
    from dataclasses import replace

    wide = replace(narrow, protocol=None)
    answers = []
    with flowing(cloud, "blue-web", "blue-app", rate=200, duration=20):
        tracers = [
            threading.Thread(
                target=lambda wanted=wanted: answers.append(
                    trace(cloud, wanted, store=store, packets=100)
                )
            )
            for wanted in (narrow, wide)
        ]
        for tracer in tracers:
            tracer.start()
        for tracer in tracers:
            tracer.join()

    assert len(answers) == 2
    for answer in answers:
        assert_delivered(answer, packets=100)


def test_both_tenants_at_once_with_the_same_addresses(clouds, store):
    cloud = clouds("three-hosts")
    answers = {}

    def follow(tenant):
        answers[tenant], _ = diagnose(
            cloud, f"{tenant}-web", f"{tenant}-db", store=store, packets=60, distinct=False
        )

    tracers = [threading.Thread(target=follow, args=(tenant,)) for tenant in ("blue", "green")]
    for tracer in tracers:
        tracer.start()
    for tracer in tracers:
        tracer.join()

    for tenant in ("blue", "green"):
        assert_delivered(answers[tenant], packets=60)
        assert vfds(answers[tenant])[1] == ("cn-1", f"vrouter-{tenant}")


@pytest.mark.parametrize("family", FAMILIES)
def test_identical_packets_are_all_accounted_for(clouds, store, family):
    answer, truth = diagnose(
        clouds("three-hosts"), "blue-web", "blue-db", family=family, store=store,
        packets=50, distinct=False,
    )  # fmt: skip

    assert_delivered(answer, packets=50)
    assert truth.lost == 0


def forget_where_everybody_is(cloud):
    """Make every bridge flood: no entry is kept, none is learned."""
    for host in cloud.hosts:
        netns = host.vswitch
        for link in json.loads(cloud.exec(netns, ["ip", "-j", "-d", "link", "show"]).stdout):
            if link.get("linkinfo", {}).get("info_kind") == "bridge":
                bridge = ["ip", "link", "set", link["ifname"], "type", "bridge"]
                cloud.exec(netns, [*bridge, "ageing_time", "0"])
        for entry in json.loads(cloud.exec(netns, ["bridge", "-j", "fdb", "show"]).stdout):
            if "master" in entry:
                place = [entry["mac"], "dev", entry["ifname"], "master"]
                cloud.exec(netns, ["bridge", "fdb", "del", *place], check=False)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("destination", ["blue-app", "blue-db"])
def test_flooded_copies_are_no_losses(flooding_cloud, store, destination, family):
    answer, truth = diagnose(
        flooding_cloud, "blue-web", destination, family=family, store=store, packets=40
    )

    assert_delivered(answer, packets=40)
    assert truth.lost == 0
    assert answer["cost"]["records"] > 40 * len(answer["paths"][0]["hops"]), "copies must be seen"


@pytest.mark.parametrize("family", FAMILIES)
def test_of_flooded_copies_the_one_for_the_receiver_tells_the_loss(flooding_cloud, store, family):
    fault = AclDeny(direction="rx", vm="blue-db")
    truth = fault.truth(flooding_cloud)
    flooding_cloud.inject(fault)
    try:
        answer, seen = diagnose(flooding_cloud, "blue-web", "blue-db", family=family, store=store)
    finally:
        flooding_cloud.heal()

    assert seen.received == 0
    assert answer["verdict"] == "LOST", explained(answer)
    assert len(answer["findings"]) == 1, explained(answer)
    finding = answer["findings"][0]
    assert (finding["code"], finding["host"], finding["vfd"]) == (truth.code, truth.host, truth.vfd)


@pytest.fixture(scope="module")
def flooding_cloud():
    cloud = Cloud.up("three-hosts", name=f"t{os.getpid()}-flood")
    try:
        forget_where_everybody_is(cloud)
        yield cloud
    finally:
        cloud.down()


def test_packets_that_a_queue_holds_for_seconds_are_not_called_lost(clouds, store):
    cloud = clouds("three-hosts")
    netns = cloud.host("cn-1").vswitch
    slow = ["tbf", "rate", "40kbit", "burst", "2000", "limit", "100000"]
    cloud.exec(netns, ["tc", "qdisc", "replace", "dev", "uplink0", "root", *slow])
    try:
        answer, truth = trace_while(
            cloud,
            filter_of(cloud, "blue-web", "blue-app", protocol="udp", family=4),
            store=store,
            packets=80,
            send=lambda: exchange(cloud, "blue-web", "blue-app", count=80, interval=0.002),
        )
    finally:
        cloud.exec(netns, ["tc", "qdisc", "del", "dev", "uplink0", "root"])

    assert truth.received < truth.sent, "the queue must hold some beyond the receiver's patience"
    assert answer["verdict"] == "DELIVERED", explained(answer)
