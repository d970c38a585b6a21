"""Packets that still wait somewhere when the trace ends are neither delivered nor lost."""

from contextlib import contextmanager

from dyetrace.lab.traffic import exchange
from support.diagnosis import diagnose, eventually, explained, filter_of, trace_while

# 80 packets of 156 bytes each, as the underlay carries them, take 12 s.
EVERYTHING = ["protocol", "all", "u32", "match", "u32", "0", "0"]
SLOW = ["tbf", "rate", "8kbit", "burst", "2000", "limit", "100000"]


@contextmanager
def slowed(cloud, netns, device):
    """Let one device send hardly anything, and lose nothing."""
    cloud.exec(netns, ["tc", "qdisc", "replace", "dev", device, "root", *SLOW])
    try:
        yield
    finally:
        cloud.exec(netns, ["tc", "qdisc", "del", "dev", device, "root"])


def test_what_waits_in_the_uplinks_queue_is_not_lost_in_the_underlay(clouds, store):
    cloud = clouds("three-hosts")
    netns = cloud.host("cn-1").vswitch
    wanted = filter_of(cloud, "blue-web", "blue-app", protocol="udp", family=4)
    eventually(
        lambda: exchange(cloud, "blue-web", "blue-app", count=5).lost == 0, what="healthy traffic"
    )
    with slowed(cloud, netns, "uplink0"):
        answer, seen = trace_while(
            cloud, wanted, store=store, packets=80,
            send=lambda: exchange(cloud, "blue-web", "blue-app", count=80, interval=0.002),
        )  # fmt: skip
        waiting = cloud.exec(netns, ["tc", "-s", "qdisc", "show", "dev", "uplink0"]).stdout

    assert seen.received < seen.sent == 80
    assert "dropped 0" in waiting, "the queue itself must lose nothing"
    assert answer["verdict"] == "UNDETERMINED", explained(answer)
    assert answer["findings"] == [], explained(answer)
    assert [unknown["code"] for unknown in answer["undetermined"]] == ["IN_FLIGHT"]
    assert "uplink0" in answer["summary"], answer["summary"]
    assert "tbf" in answer["summary"], answer["summary"]


@contextmanager
def diverted(cloud, netns, device, through):
    """Have tc take what comes in by a device through an ifb device, as ingress shapers do."""
    cloud.exec(netns, ["ip", "link", "add", "name", through, "type", "ifb"])
    try:
        cloud.exec(netns, ["ip", "link", "set", "dev", through, "up"])
        cloud.exec(netns, ["tc", "qdisc", "add", "dev", device, "clsact"])
        redirect = ["action", "mirred", "egress", "redirect", "dev", through]
        cloud.exec(netns, ["tc", "filter", "add", "dev", device, "ingress", *EVERYTHING, *redirect])
        yield
    finally:
        cloud.exec(netns, ["tc", "qdisc", "del", "dev", device, "clsact"], check=False)
        cloud.exec(netns, ["ip", "link", "del", "dev", through])


def test_an_ingress_shaper_with_room_delivers(clouds, store):
    cloud = clouds("three-hosts")
    with diverted(cloud, cloud.host("cn-1").netns["vrouter-blue"], "net-a", "ifb9"):
        answer, seen = diagnose(cloud, "blue-web", "blue-db", store=store)

    assert seen.lost == 0
    assert answer["verdict"] == "DELIVERED", explained(answer)


def test_what_a_program_has_taken_aside_is_not_called_lost(clouds, store):
    cloud = clouds("three-hosts")
    netns = cloud.host("cn-1").netns["vrouter-blue"]
    wanted = filter_of(cloud, "blue-web", "blue-db", protocol="udp", family=4)
    eventually(
        lambda: exchange(cloud, "blue-web", "blue-db", count=5).lost == 0, what="healthy traffic"
    )
    with diverted(cloud, netns, "net-a", "ifb9"), slowed(cloud, netns, "ifb9"):
        answer, seen = trace_while(
            cloud, wanted, store=store, packets=80,
            send=lambda: exchange(cloud, "blue-web", "blue-db", count=80, interval=0.002),
        )  # fmt: skip
        waiting = cloud.exec(netns, ["tc", "-s", "qdisc", "show", "dev", "ifb9"]).stdout

    assert seen.received < seen.sent == 80
    assert "dropped 0" in waiting, "the shaper must lose nothing"
    assert answer["verdict"] == "UNDETERMINED", explained(answer)
    assert answer["findings"] == [], explained(answer)
    assert [unknown["code"] for unknown in answer["undetermined"]] == ["PROBE_UNSUPPORTED"]
    assert "at vrouter-blue on host cn-1" in answer["summary"], answer["summary"]
    assert "on net-a" in answer["summary"], answer["summary"]
