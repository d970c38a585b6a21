"""Fragments: each is a packet of its own, through tunnels, translation and connection tracking."""

from contextlib import contextmanager
from dataclasses import replace

import pytest

from dyetrace.lab import commands
from dyetrace.lab.traffic import exchange
from support.diagnosis import eventually, explained, filter_of, trace_while

SRC, DST = "blue-web", "blue-db"
FAMILIES = [4, 6]
SIZE, PIECES, COUNT = 3000, 3, 10
ROUTER_TRACKS = """
table inet tracking {
    chain c { type filter hook forward priority 0; ct state invalid drop; }
}
"""


def fragmented(cloud, store, src, dst, family):
    """Trace datagrams that are too large for one packet."""
    looks = {"family": family, "size": SIZE}
    eventually(
        lambda: exchange(cloud, src, dst, count=5, family=family).lost == 0,
        within_s=15,
        what="healthy traffic",
    )
    return trace_while(
        cloud, filter_of(cloud, src, dst, protocol="udp", family=family), store=store,
        packets=10_000, time_s=2,
        send=lambda: exchange(cloud, src, dst, count=COUNT, **looks),
    )  # fmt: skip


def assert_all_delivered(answer, seen):
    assert seen.delivered == COUNT, "every datagram was put together again"
    assert answer["verdict"] == "DELIVERED", explained(answer)
    assert answer["total"] == PIECES * COUNT, explained(answer)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_fragment_is_followed(clouds, store, family):
    assert_all_delivered(*fragmented(clouds("three-hosts"), store, SRC, DST, family))


@pytest.mark.parametrize("family", FAMILIES)
def test_fragments_are_followed_through_translation(clouds, store, family):
    answer, seen = fragmented(clouds("nat"), store, "blue-app", "internet", family)

    assert_all_delivered(answer, seen)
    assert any(hop["nat"] for hop in answer["paths"][0]["hops"]), explained(answer)


@pytest.mark.parametrize("family", FAMILIES)
def test_fragments_are_followed_through_connection_tracking(clouds, store, family):
    cloud = clouds("three-hosts")
    netns = cloud.host("cn-1").netns["vrouter-blue"]
    commands.nft(netns, ROUTER_TRACKS)
    try:
        answer, seen = fragmented(cloud, store, SRC, DST, family)
    finally:
        commands.nft(netns, "delete table inet tracking\n")

    assert_all_delivered(answer, seen)


def test_a_filter_with_ports_means_first_fragments_only(clouds, store):
    cloud = clouds("three-hosts")
    wanted = replace(filter_of(cloud, SRC, DST, protocol="udp", family=4), dst_port=5432)
    answer, seen = trace_while(
        cloud, wanted, store=store, packets=10_000, time_s=2,
        send=lambda: exchange(cloud, SRC, DST, count=COUNT, size=SIZE),
    )  # fmt: skip

    assert seen.delivered == COUNT
    assert (answer["verdict"], answer["total"]) == ("DELIVERED", COUNT), explained(answer)


@contextmanager
def dropping(cloud, match):
    """Drop fragments at the receiver's vSwitch; gives what nft counts."""
    netns, port = cloud.host("cn-3").vswitch, cloud.vm(DST).port
    commands.nft(
        netns,
        "table bridge pieces {\nchain c { type filter hook forward priority 0;\n"
        f'oifname "{port}" {match} counter drop comment "no fragments"\n}}\n}}\n',
    )
    try:
        yield lambda: cloud.exec(netns, ["nft", "list", "table", "bridge", "pieces"]).stdout
    finally:
        commands.nft(netns, "delete table bridge pieces\n")


@pytest.mark.parametrize(
    ("match", "lost"),
    [
        ("ip frag-off & 0x1fff == 178", 1),
        ("ip frag-off & 0x1fff != 0", 2),
        ("ip frag-off & 0x3fff != 0", 3),
    ],
    ids=["one of three", "all but the first", "all"],
)
def test_lost_fragments_are_counted_one_by_one(clouds, store, match, lost):
    cloud = clouds("three-hosts")
    with dropping(cloud, match) as counted:
        answer, seen = fragmented(cloud, store, SRC, DST, 4)
        listed = counted()

    assert seen.delivered == 0, "no datagram was complete"
    assert f"counter packets {lost * COUNT} " in listed, listed
    assert answer["verdict"] == ("LOST" if lost == PIECES else "PARTIAL"), explained(answer)
    assert (answer["lost"], answer["total"]) == (lost * COUNT, PIECES * COUNT), explained(answer)
    assert sum(each["packets"] for each in answer["findings"]) == lost * COUNT
    for finding in answer["findings"]:
        assert (finding["code"], finding["host"]) == ("RX_ACL_DENY", "cn-3"), explained(answer)
        assert "no fragments" in finding["object"], explained(answer)
    if lost == PIECES - 1:
        shown = [each["text"] for each in answer["findings"][0]["evidence"]]
        assert any("are later fragments of larger packets" in text for text in shown), shown


def test_fragments_that_wait_for_a_lost_one_are_told_from_it(clouds, store):
    cloud = clouds("three-hosts")
    vswitch, port = cloud.host("cn-1").vswitch, cloud.vm(SRC).port
    netns = cloud.host("cn-1").netns["vrouter-blue"]
    second = f'iifname "{port}" ip frag-off & 0x1fff == 178 drop comment "no seconds"'
    head = "chain c { type filter hook forward priority 0;"
    commands.nft(vswitch, f"table bridge pieces {{\n{head}\n{second}\n}}\n}}\n")
    commands.nft(netns, ROUTER_TRACKS)
    try:
        answer, seen = fragmented(cloud, store, SRC, DST, 4)
    finally:
        commands.nft(vswitch, "delete table bridge pieces\n")
        commands.nft(netns, "delete table inet tracking\n")

    assert seen.received == 0
    assert (answer["verdict"], answer["lost"]) == ("LOST", PIECES * COUNT), explained(answer)
    found = {each["code"]: (each["vfd"], each["packets"]) for each in answer["findings"]}
    assert found == {
        "TX_ACL_DENY": ("vswitch", COUNT),
        "REASSEMBLY_FAILED": ("vrouter-blue", 2 * COUNT),
    }, explained(answer)
