from typing import Any

import pytest

from dyetrace.datapath.linux.ruleset import Chain, Rule
from dyetrace.datapath.linux.suspects import (
    MOST_RULES,
    Passage,
    may_match,
    outer_flow,
    rewriters,
    suspects,
)
from dyetrace.model.packet import FiveTuple
from support.builders import a_flow, an_outer

UDP, ICMP = 17, 1


def a_chain(
    *texts: str,
    family: str = "inet",
    name: str = "c",
    hook: str = "forward",
    policy: str = "accept",
) -> Chain:
    rules = [Rule(handle=number, text=text) for number, text in enumerate(texts, 1)]
    return Chain(
        family=family,
        table="t",
        name=name,
        hook=hook,
        base=f"type filter hook {hook} priority filter; policy {policy};",
        policy=policy if hook else "",
        rules=rules,
    )


def suspected(
    *chains: Chain,
    flow: FiveTuple | None = None,
    passage: Passage = Passage.FORWARDED,
    **fields: Any,
) -> list[tuple[str, int]]:
    found = suspects(chains, flow or a_flow(), passage, **fields)
    return [(rule.chain, rule.handle) for rule in found]


@pytest.mark.parametrize(
    "text",
    [
        "drop",
        "udp dport 53 drop",
        "ip daddr 10.0.2.0/24 drop",
        "udp dport { 53, 54 } drop",
        "udp dport != 80 drop",
        "ct state invalid drop",
        "meta l4proto { tcp, udp } drop",
        "ip saddr . ip daddr { 10.0.0.1 . 10.0.0.2 } drop",
        "reject with icmp type port-unreachable",
        'iifname "eth0" ip saddr 10.0.1.11 udp sport 4000 drop',
    ],
)
def test_a_rule_that_may_match_is_kept(text: str) -> None:
    flow = a_flow("10.0.1.11", "10.0.2.21", protocol=UDP, src_port=4000, dst_port=53)

    assert may_match(text, flow, translates=False)


@pytest.mark.parametrize(
    "text",
    [
        "tcp dport 53 drop",
        "icmp type echo-request drop",
        "meta l4proto tcp drop",
        "ip protocol icmp drop",
        "udp dport 80 drop",
        "udp sport 80 drop",
        "th dport 80 drop",
        "ip daddr 10.9.0.0/16 drop",
        "ip saddr 10.0.2.21 drop",
        "ip6 daddr fd00::/8 drop",
    ],
)
def test_a_rule_that_cannot_match_is_cleared(text: str) -> None:
    flow = a_flow("10.0.1.11", "10.0.2.21", protocol=UDP, src_port=4000, dst_port=53)

    assert not may_match(text, flow, translates=False)


def test_where_addresses_are_translated_only_the_protocol_clears_a_rule() -> None:
    flow = a_flow(protocol=UDP, dst_port=53)

    assert may_match("udp dport 80 drop", flow, translates=True)
    assert may_match("ip daddr 10.9.0.0/16 drop", flow, translates=True)
    assert not may_match("tcp dport 53 drop", flow, translates=True)


def test_a_translating_rule_anywhere_counts() -> None:
    nat = a_chain("ip daddr 1.1.1.1 dnat ip to 10.0.2.21", name="nat", hook="prerouting")

    assert suspected(nat, a_chain("ip daddr 1.1.1.1 drop")) == [("c", 1)]


def test_a_policy_is_a_suspect_with_handle_0() -> None:
    assert suspected(a_chain(policy="drop")) == [("c", 0)]


@pytest.mark.parametrize(
    ("passage", "hook", "is_met"),
    [
        (Passage.FORWARDED, "forward", True),
        (Passage.FORWARDED, "input", False),
        (Passage.FORWARDED, "output", False),
        (Passage.FORWARDED, "ingress", True),
        (Passage.DELIVERED, "input", True),
        (Passage.DELIVERED, "forward", False),
    ],
)
def test_only_chains_on_the_packets_way_are_suspect(
    passage: Passage, hook: str, *, is_met: bool
) -> None:
    assert bool(suspected(a_chain("drop", hook=hook), passage=passage)) is is_met


@pytest.mark.parametrize(
    ("family", "is_met"), [("ip", True), ("ip6", False), ("arp", False), ("netdev", True)]
)
def test_only_families_of_the_packet_are_suspect(family: str, *, is_met: bool) -> None:
    assert bool(suspected(a_chain("drop", family=family))) is is_met


def test_a_bridged_packet_meets_the_bridges_rules() -> None:
    bridge, inet = a_chain("drop", family="bridge", name="b"), a_chain("drop")

    assert suspected(bridge, inet, passage=Passage.BRIDGED) == [("b", 1)]


def test_a_bridged_packet_meets_ip_rules_where_the_bridge_calls_them() -> None:
    assert suspected(a_chain("drop"), passage=Passage.BRIDGED, bridge_calls_ip=True) == [("c", 1)]


def test_a_routed_packet_meets_a_bridges_rules_only_if_it_crosses_one() -> None:
    bridge = a_chain("drop", family="bridge", hook="prerouting")

    assert suspected(bridge) == []
    assert suspected(bridge, crosses_bridge=True) == [("c", 1)]


def test_a_chain_is_met_where_chains_that_jump_to_it_are() -> None:
    base = a_chain("jump middle", name="base")
    middle = a_chain("goto last", name="middle", hook="")
    last = a_chain("drop", name="last", hook="")
    elsewhere = a_chain("drop", name="unused", hook="")

    assert suspected(base, middle, last, elsewhere) == [("last", 1)]


def test_chains_that_jump_in_circles_end() -> None:
    assert suspected(a_chain("jump c", "drop")) == [("c", 2)]


def test_a_chain_that_a_map_may_lead_to_is_suspect() -> None:
    base = a_chain("tcp dport vmap @services", name="base")

    assert suspected(base, a_chain("drop", name="service", hook="")) == [("service", 1)]


def test_the_rules_that_name_the_flow_come_first_and_the_list_is_bounded() -> None:
    many = ["ct state invalid drop"] * (MOST_RULES + 10)

    found = suspected(a_chain(*many, "ip daddr 10.0.2.21 drop"))

    assert len(found) == MOST_RULES
    assert found[0] == ("c", MOST_RULES + 11)


def test_icmp_is_told_from_tcp() -> None:
    flow = a_flow(protocol=ICMP, src_port=0, dst_port=0)

    assert may_match("icmp type echo-request drop", flow, translates=False)
    assert not may_match("tcp flags syn drop", flow, translates=False)


@pytest.mark.parametrize(
    "text",
    ["ip dscp set cs0", "udp dport 53 ip dscp set 0x2e", "@nh,8,8 set 0x0", 'xt target "DSCP"'],
)
def test_a_rule_that_sets_the_dscp_takes_the_color_off(text: str) -> None:
    chains = [a_chain("ip dscp 43 accept", text, "meta mark set 0x1")]

    found = rewriters(chains, a_flow(dst_port=53), Passage.FORWARDED)

    assert [rule.handle for rule in found] == [2]


def test_a_rule_that_sets_the_dscp_of_others_leaves_the_color() -> None:
    chains = [
        a_chain("ip6 dscp set cs0", "udp dport 80 ip dscp set cs0"),
        a_chain("ip dscp set cs0", family="ip6"),
        a_chain("ip dscp set cs0", hook="output"),
    ]

    assert rewriters(chains, a_flow(dst_port=53), Passage.FORWARDED) == []


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("ip daddr @denied drop", 4),
        ("ip6 daddr @denied drop", 6),
        ("meta nfproto ipv4 drop", 4),
        ("meta nfproto ipv6 drop", 6),
        ("meta protocol ip drop", 4),
        ("meta protocol ip6 drop", 6),
    ],
)
def test_a_rule_for_one_ip_version_is_cleared_of_the_others_drops(text: str, version: int) -> None:
    flows = {4: a_flow(), 6: a_flow("fd00::1", "fd00::2")}

    assert may_match(text, flows.pop(version), translates=True)
    assert not may_match(text, flows.popitem()[1], translates=True)


def test_an_encapsulated_packet_meets_the_hosts_own_rules() -> None:
    flow = outer_flow(an_outer())
    chains = [
        a_chain("udp dport 4789 drop", name="in", hook="input"),
        a_chain("udp dport 4789 drop", name="out", hook="output"),
        a_chain("udp dport 4789 drop", name="on", hook="forward"),
        a_chain("udp dport 53 drop", name="dns", hook="input"),
        a_chain("udp sport 4000 drop", name="from", hook="input"),
    ]

    found = suspected(*chains, flow=flow, passage=Passage.TUNNELLED)

    assert found == [("in", 1), ("out", 1), ("from", 1)], "its source port is not known"
