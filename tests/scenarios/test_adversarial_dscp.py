"""Rules that rewrite the DSCP in the middle: the trail ends there, and nobody is accused."""

from contextlib import contextmanager

import pytest

from dyetrace.lab.traffic import exchange
from support.diagnosis import diagnose, eventually, explained, filter_of, trace_while

FAMILIES = [4, 6]
SRC, DST = "blue-web", "blue-db"
TABLE = "quality"
STRIP = ("ip dscp set cs0", "ip6 dscp set cs0")
AT_ROUTER = ("vrouter-blue", "cn-1")
AT_SWITCH = ("vswitch", "cn-3")

# name: (who, nft's family, the chain's declaration)
PLACES = {
    "vRouter, prerouting": (AT_ROUTER, "inet", "type filter hook prerouting priority mangle;"),
    "vRouter, forward": (AT_ROUTER, "inet", "type filter hook forward priority mangle;"),
    "vRouter, postrouting": (AT_ROUTER, "inet", "type filter hook postrouting priority mangle;"),
    "vRouter, device's ingress": (
        AT_ROUTER, "netdev", 'type filter hook ingress device "net-a" priority 0;',
    ),
    "vRouter, device's egress": (
        AT_ROUTER, "netdev", 'type filter hook egress device "net-b" priority 0;',
    ),
    "destination's vSwitch": (AT_SWITCH, "bridge", "type filter hook forward priority 0;"),
}  # fmt: skip


@contextmanager
def ruled(cloud, place, *, only=""):
    """Rewrite the DSCP at a place; on the destination's vSwitch only towards the VM."""
    (role, host), family, declared = PLACES[place]
    if family == "bridge":
        only = f'oifname "{cloud.vm(DST).port}" {only}'
    netns = cloud.host(host).netns[role]
    rules = "\n".join(f'{only} {strip} comment "best effort"' for strip in STRIP)
    ruleset = f"table {family} {TABLE} {{\nchain classes {{ {declared}\n{rules}\n}}\n}}"
    cloud.exec(netns, ["nft", ruleset])
    try:
        yield
    finally:
        cloud.exec(netns, ["nft", "delete", "table", family, TABLE])


def assert_works(cloud, family):
    eventually(
        lambda: exchange(cloud, SRC, DST, count=5, family=family).lost == 0,
        within_s=15,
        what="healthy traffic",
    )


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("place", PLACES)
def test_a_rewritten_dscp_ends_the_trail_but_is_no_loss(clouds, store, place, family):
    cloud = clouds("three-hosts")
    role, host = PLACES[place][0]
    assert_works(cloud, family)
    with ruled(cloud, place):
        answer, seen = diagnose(cloud, SRC, DST, store=store, family=family)

    assert (seen.lost, seen.dscp_seen.keys()) == (0, {0}), "by the receiver's count all arrive"
    assert answer["verdict"] == "UNDETERMINED", explained(answer)
    assert (answer["lost"], answer["findings"]) == (0, []), explained(answer)
    (unknown,) = answer["undetermined"]
    assert unknown["code"] == "COLOR_LOST", explained(answer)
    assert f"at {role} on host {host}" in unknown["text"]
    assert "best effort" in unknown["text"]
    assert unknown["text"] in answer["summary"]
    assert answer["paths"][0]["hops"][-1]["absence"] == "COLOR_LOST"
    assert_works(cloud, family)


def test_what_keeps_its_color_is_still_counted_as_delivered(clouds, store):
    cloud = clouds("three-hosts")
    assert_works(cloud, 4)
    with ruled(cloud, "vRouter, forward", only="udp length > 500"):
        wanted = filter_of(cloud, SRC, DST, protocol="udp", family=4)
        sent = []

        def send():
            sent.append(exchange(cloud, SRC, DST, count=10, size=64))
            return exchange(cloud, SRC, DST, count=10, size=1000)

        answer, large = trace_while(cloud, wanted, store=store, packets=20, send=send)

    assert (sent[0].lost, large.lost) == (0, 0)
    assert answer["verdict"] == "UNDETERMINED", explained(answer)
    assert (answer["total"], answer["lost"]) == (20, 0)
    assert "20 packets traced, 10 delivered, but of 10 it cannot be said" in answer["summary"]


def test_a_drop_beside_such_a_rule_is_still_a_drop(clouds, store):
    cloud = clouds("three-hosts")
    netns = cloud.host("cn-1").netns["vrouter-blue"]
    assert_works(cloud, 4)
    with ruled(cloud, "vRouter, postrouting"):
        drop = (
            "table inet guard { chain c { type filter hook forward priority 0; "
            'udp dport 5432 counter drop comment "closed"; }; }'
        )
        cloud.exec(netns, ["nft", drop])
        try:
            answer, seen = diagnose(cloud, SRC, DST, store=store)
        finally:
            cloud.exec(netns, ["nft", "delete", "table", "inet", "guard"])

    assert seen.received == 0
    assert answer["verdict"] == "LOST", explained(answer)
    (finding,) = answer["findings"]
    assert (finding["host"], finding["vfd"]) == ("cn-1", "vrouter-blue"), explained(answer)
    assert "closed" in finding["object"], explained(answer)
