"""Circles, errors on their way back, and replies that take another way than the requests."""

import re
from contextlib import contextmanager
from threading import Thread

import pytest

from dyetrace.lab.faults import RouteUnreachable
from dyetrace.lab.traffic import exchange
from dyetrace.model.filter import PacketFilter
from support.diagnosis import diagnose, eventually, explained, filter_of, trace_while

SRC, DST = "blue-web", "blue-db"
FAMILIES = [4, 6]


def assert_works(cloud, src=SRC, dst=DST, **looks):
    eventually(
        lambda: exchange(cloud, src, dst, count=5, **looks).lost == 0,
        within_s=15,
        what="healthy traffic",
    )


def router(cloud, host):
    return cloud.host(host).netns["vrouter-blue"]


def address_on_net_b(cloud, host, family):
    """The address of a host's vRouter on the receiver's network."""
    shown = cloud.exec(router(cloud, host), ["ip", f"-{family}", "addr", "show", "dev", "net-b"])
    return re.search(r"inet6? ((?!fe80)[0-9a-f.:]+)/", shown.stdout)[1]


@contextmanager
def circle(cloud, family):
    """Have the vRouters of cn-1 and cn-2 send the receiver's packets to each other."""
    to_db = cloud.vm(DST).address(family)
    routes = [
        (router(cloud, here), [to_db, "via", address_on_net_b(cloud, there, family)])
        for here, there in (("cn-1", "cn-2"), ("cn-2", "cn-1"))
    ]
    for netns, route in routes:
        cloud.exec(netns, ["ip", "route", "add", *route, "dev", "net-b"])
    try:
        yield
    finally:
        for netns, route in routes:
            cloud.exec(netns, ["ip", "route", "del", *route, "dev", "net-b"])


@pytest.mark.parametrize("family", FAMILIES)
def test_a_circle_is_named_with_the_vfds_in_it(clouds, store, family):
    cloud = clouds("three-hosts")
    assert_works(cloud, family=family)
    with circle(cloud, family):
        answer, seen = diagnose(cloud, SRC, DST, store=store, family=family, packets=5, rate=20)

    assert seen.received == 0
    assert answer["verdict"] == "LOST", explained(answer)
    (finding,) = answer["findings"]
    assert finding["code"] == "ROUTING_LOOP", explained(answer)
    members = set(finding["object"].split(" -> "))
    assert members == {"vrouter-blue on host cn-1", "vrouter-blue on host cn-2"}
    assert finding["object"] in answer["summary"]
    assert_works(cloud, family=family)


def errors_sent(cloud, netns):
    """How many "unreachable" a namespace has sent, by its own count."""
    lines = cloud.exec(netns, ["cat", "/proc/net/snmp"]).stdout.splitlines()
    names, values = (line.split() for line in lines if line.startswith("Icmp:"))
    return int(dict(zip(names, values, strict=True))["OutDestUnreachs"])


def test_errors_that_come_back_are_not_taken_for_the_flow(clouds, store):
    cloud, fault = clouds("three-hosts"), RouteUnreachable()
    assert_works(cloud)
    there = filter_of(cloud, SRC, DST, protocol="udp", family=4)
    everything = PacketFilter(src_vm=SRC, dst=there.dst)
    cloud.inject(fault)
    before = errors_sent(cloud, router(cloud, "cn-1"))
    try:
        answer, seen = trace_while(
            cloud, everything, store=store, packets=100, time_s=2,
            send=lambda: exchange(cloud, SRC, DST, count=20),
        )  # fmt: skip
        sent_back = errors_sent(cloud, router(cloud, "cn-1")) - before
    finally:
        cloud.heal()

    assert (seen.sent, seen.received) == (20, 0)
    assert sent_back > 0, "the vRouter must have told the sender"
    assert (answer["verdict"], answer["lost"], answer["total"]) == ("LOST", 20, 20)
    assert len(answer["paths"]) == 1, explained(answer)
    assert [hop["five_tuple"]["protocol"] for hop in answer["paths"][0]["hops"]] == ["udp"] * len(
        answer["paths"][0]["hops"]
    )


def test_both_directions_at_once_keep_to_themselves(clouds, store):
    cloud = clouds("three-hosts")
    assert_works(cloud)
    assert_works(cloud, DST, SRC)
    answers = {}

    def follow(name, wanted, send):
        answers[name] = trace_while(cloud, wanted, store=store, packets=100, time_s=3, send=send)

    tracers = [
        Thread(
            target=follow,
            args=(
                f"{src} to {dst}",
                filter_of(cloud, src, dst, protocol="udp", family=4),
                lambda src=src, dst=dst, port=port: exchange(
                    cloud, src, dst, count=40, port=port, distinct=False
                ),
            ),
        )
        for src, dst, port in ((SRC, DST, 5001), (DST, SRC, 5002))
    ]
    for tracer in tracers:
        tracer.start()
    for tracer in tracers:
        tracer.join()

    assert len(answers) == 2
    for answer, seen in answers.values():
        assert (seen.sent, seen.lost) == (40, 0)
        assert (answer["verdict"], answer["total"]) == ("DELIVERED", 40), explained(answer)


STATEFUL = """
table inet stateful {
    chain c {
        type filter hook forward priority 0; policy accept;
        meta l4proto tcp ct state invalid counter drop comment "unknown connection"
    }
}
"""


def test_a_reply_that_a_stateful_firewall_has_no_request_of_is_explained(clouds, store):
    """Requests go by cn-1's vRouter, replies by cn-3's: that one sees half a connection."""
    cloud = clouds("three-hosts")
    assert_works(cloud, protocol="tcp")
    firewall = router(cloud, "cn-3")
    loose = ["sysctl", "-qw", "net.netfilter.nf_conntrack_tcp_loose="]
    cloud.exec(firewall, ["nft", STATEFUL])
    cloud.exec(firewall, [*loose[:-1], f"{loose[-1]}0"])
    try:
        replies = filter_of(cloud, DST, SRC, protocol="tcp", family=4)
        answer, seen = trace_while(
            cloud, replies, store=store, packets=3, time_s=5,
            send=lambda: exchange(cloud, SRC, DST, protocol="tcp", count=5, deadline=6),
        )  # fmt: skip
    finally:
        cloud.exec(firewall, ["nft", "delete", "table", "inet", "stateful"])
        cloud.exec(firewall, [*loose[:-1], f"{loose[-1]}1"])

    assert seen.delivered == 0, "no connection comes about"
    assert answer["verdict"] == "LOST", explained(answer)
    (finding,) = answer["findings"]
    assert finding["code"] == "CONNTRACK_INVALID", explained(answer)
    assert (finding["host"], finding["vfd"]) == ("cn-3", "vrouter-blue"), explained(answer)
    assert "unknown connection" in finding["object"], explained(answer)
    assert_works(cloud, protocol="tcp")
