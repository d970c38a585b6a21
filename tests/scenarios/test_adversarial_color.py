"""Rules that drop what has the color's DSCP: it was the color, and not the network."""

from contextlib import contextmanager

import pytest

from dyetrace.controller.diagnosis import CLOSER_LOOK_PACKETS
from dyetrace.lab.traffic import exchange
from support.diagnosis import diagnose, eventually, explained

SRC, DST = "blue-web", "blue-db"
COLOR = 43
PLACES = {
    "vrouter-blue": ("cn-1", "inet", "type filter hook forward priority 0;"),
    "vswitch": ("cn-3", "bridge", "type filter hook forward priority 0;"),
}


@contextmanager
def ruled(cloud, role, rules):
    host, family, declared = PLACES[role]
    netns = cloud.host(host).netns[role]
    body = "\n".join(rules)
    cloud.exec(
        netns, ["nft", f"table {family} quality {{ chain classes {{ {declared}\n{body}\n}}\n}}"]
    )
    try:
        yield
    finally:
        cloud.exec(netns, ["nft", "delete", "table", family, "quality"])


def assert_works(cloud, family):
    eventually(
        lambda: exchange(cloud, SRC, DST, count=5, family=family).lost == 0,
        within_s=15,
        what="healthy traffic",
    )


def only_the_colored_are_missing(answer, seen):
    """By the receiver's count; a closer look at the rules may have colored some more."""
    return answer["total"] <= seen.lost <= answer["total"] + CLOSER_LOOK_PACKETS


def ip(family):
    return "ip" if family == 4 else "ip6"


@pytest.mark.parametrize("protocol", ["udp", "icmp"])
@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("role", PLACES)
def test_a_rule_that_drops_the_color_only_is_no_loss_of_the_flow(
    clouds, store, role, family, protocol
):
    cloud = clouds("three-hosts")
    assert_works(cloud, family)
    rule = f'{ip(family)} dscp {COLOR} drop comment "no such class"'
    with ruled(cloud, role, [rule]):
        answer, seen = diagnose(cloud, SRC, DST, store=store, family=family, protocol=protocol)

    assert only_the_colored_are_missing(answer, seen)
    assert answer["verdict"] == "UNDETERMINED", explained(answer)
    assert (answer["lost"], answer["findings"]) == (0, []), explained(answer)
    (unknown,) = answer["undetermined"]
    assert unknown["code"] == "COLOR_DECIDED", explained(answer)
    assert f"at {role} on host {PLACES[role][0]}" in unknown["text"]
    assert "no such class" in unknown["text"]
    assert_works(cloud, family)


def test_a_mark_set_for_the_color_and_dropped_later_is_seen_through(clouds, store):
    cloud = clouds("three-hosts")
    assert_works(cloud, 4)
    with ruled(cloud, "vrouter-blue", [f"ip dscp {COLOR} meta mark set 7", "meta mark 7 drop"]):
        answer, seen = diagnose(cloud, SRC, DST, store=store)

    assert only_the_colored_are_missing(answer, seen)
    assert [each["code"] for each in answer["undetermined"]] == ["COLOR_DECIDED"], explained(answer)


def test_a_rule_that_drops_by_dscp_what_has_no_color_as_well_is_a_loss(clouds, store):
    cloud = clouds("three-hosts")
    assert_works(cloud, 4)
    with ruled(cloud, "vrouter-blue", [f'ip dscp {{ 0, {COLOR} }} drop comment "closed"']):
        answer, seen = diagnose(cloud, SRC, DST, store=store)

    assert seen.received == 0
    assert answer["verdict"] == "LOST", explained(answer)
    (finding,) = answer["findings"]
    assert "closed" in finding["object"]
    assert any("packets without color" in each["text"] for each in finding["evidence"]), explained(
        answer
    )


def test_a_rule_that_only_counts_the_color_accuses_nobody(clouds, store):
    cloud = clouds("three-hosts")
    assert_works(cloud, 4)
    with ruled(cloud, "vrouter-blue", [f"ip dscp {COLOR} counter accept"]):
        answer, seen = diagnose(cloud, SRC, DST, store=store)

    assert (seen.lost, answer["verdict"]) == (0, "DELIVERED"), explained(answer)
