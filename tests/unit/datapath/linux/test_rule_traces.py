"""Rules met, in order: from nftables' trace messages to what a packet walked through."""

import struct
from ipaddress import IPv4Address

from dyetrace.datapath.linux.nft_trace import Kind, TraceStep, Verdict
from dyetrace.datapath.linux.rule_traces import (
    MOST_SHOWN,
    PACKETS_KEPT,
    STEPS_KEPT,
    RuleTraces,
    place_of,
    rules_met,
)
from dyetrace.datapath.linux.ruleset import Chain, Rule, parse_ruleset
from dyetrace.model.rule_met import LONGEST_WALK, walk
from dyetrace.model.site import Uncolored
from support.builders import a_flow

OURS = "dyetrace-77"


def a_head(dst="10.0.2.21"):
    """Make the headers of a_flow's packet, as trace messages carry them."""
    addresses = IPv4Address("10.0.1.11").packed + IPv4Address(dst).packed
    return (
        struct.pack("!BBHHHBBH", 0x45, 43 << 2, 40, 1, 0, 64, 17, 0)
        + addresses
        + struct.pack("!HHHH", 4000, 53, 20, 0)
    )


HEAD = a_head()
FLOW = a_flow()


def a_step(chain="tenant-in", *, kind=Kind.RULE, trace_id=1, **fields):
    return TraceStep(
        trace_id=trace_id,
        family=fields.pop("family", "inet"),
        table=fields.pop("table", "tenant"),
        chain=chain,
        kind=kind,
        **fields,
    )


def marked(trace_id=1, family="inet", head=HEAD):
    return a_step(
        "colored", table=OURS, trace_id=trace_id, family=family, handle=3, network_header=head
    )


def a_policy(chain="prerouting", **fields):
    return a_step(chain, kind=Kind.POLICY, verdict=Verdict.ACCEPT, **fields)


def a_drop(**fields):
    return a_step(handle=7, verdict=Verdict.DROP, **fields)


def told(*steps):
    traces = RuleTraces()
    for step in steps:
        traces.take(step)
    return traces


def a_chain(name, *rules, **fields):
    return Chain(family="inet", table="tenant", name=name, rules=list(rules), **fields)


def test_the_steps_of_a_flows_first_packet_are_given_without_our_own_table():
    traces = told(marked(), a_policy(network_header=HEAD), marked(2), a_drop(trace_id=2))

    assert [step.chain for step in traces.first_of(FLOW)] == ["prerouting"]


def test_of_several_packets_the_latest_that_a_rule_dropped_is_given():
    traces = told(
        marked(), a_drop(), marked(2), a_drop(trace_id=2), marked(3), a_policy(trace_id=3)
    )

    assert [step.trace_id for step in traces.dropped_of(FLOW)] == [2]


def test_packets_that_were_given_the_same_id_are_told_apart():
    traces = told(marked(), a_policy(), marked(), a_drop())

    assert [step.chain for step in traces.first_of(FLOW)] == ["prerouting"]
    assert len(traces.dropped_of(FLOW)) == 1


def test_a_packet_that_bridge_and_router_mark_is_one_packet():
    traces = told(
        marked(family="bridge"), a_policy(family="bridge"), marked(family="inet"), a_drop()
    )

    assert [step.family for step in traces.dropped_of(FLOW)] == ["bridge", "inet"]


def test_a_packet_is_found_by_what_it_was_before_its_translation_and_after():
    traces = told(marked(), a_drop(network_header=a_head("10.0.9.9")))

    assert traces.dropped_of(FLOW) == traces.dropped_of(a_flow(dst="10.0.9.9")) != ()
    assert traces.dropped_of(a_flow(dst="10.0.9.8")) == ()


def test_what_became_of_a_flows_packets_is_counted_where_they_met_the_table():
    traces = told(
        marked(), a_policy(table="guard"),
        marked(2), a_policy(table="guard", trace_id=2), a_drop(trace_id=2),
        marked(3), a_policy(table="other", trace_id=3),
        marked(4, head=a_head("10.0.9.9")), a_policy(table="guard", trace_id=4),
    )  # fmt: skip

    counted = traces.uncolored(FLOW, family="inet", table="guard")

    assert counted == Uncolored(passed=1, dropped=1)
    assert traces.uncolored(FLOW, family="bridge", table="guard") == Uncolored()


def test_what_is_too_much_is_forgotten_but_never_the_drop():
    packets = [marked(trace_id=number) for number in range(10 * PACKETS_KEPT)]
    traces = told(*packets, *[a_step(trace_id=packets[-1].trace_id)] * 10_000)
    assert len(traces.first_of(FLOW)) <= STEPS_KEPT

    traces.take(a_drop(trace_id=packets[-1].trace_id))

    assert traces.dropped_of(FLOW)[-1].handle == 7


def test_jumps_and_gotos_make_the_stack_and_coming_back_unmakes_it():
    steps = [
        a_step("base", handle=1, verdict=Verdict.JUMP, target="a", network_header=HEAD),
        a_step("a", handle=2, verdict=Verdict.JUMP, target="b"),
        a_step("b", handle=3, verdict=Verdict.RETURN),
        a_step("a", handle=4, verdict=Verdict.GOTO, target="c"),
        a_step("c", handle=5, verdict=Verdict.CONTINUE),
        a_step("base", handle=6, verdict=Verdict.ACCEPT),
        a_policy("other", network_header=HEAD),
    ]

    met = rules_met(steps, ())

    assert [(each.chain, each.stack) for each in met] == [
        ("base", ()),
        ("a", ("base",)),
        ("b", ("base", "a")),
        ("a", ("base",)),
        ("c", ("base",)),
        ("base", ()),
        ("other", ()),
    ]
    assert [each.decision for each in met] == [
        "jump a", "jump b", "return", "goto c", "continue", "accept", "accept",
    ]  # fmt: skip


def test_a_rule_without_a_handle_is_its_chains_end():
    steps = [
        a_step("base", handle=1, verdict=Verdict.JUMP, target="a", network_header=HEAD),
        a_step("a", handle=0),
        a_step("base", handle=0),
        a_policy("base"),
    ]

    met = rules_met(steps, ())

    assert [(each.chain, str(each)) for each in met] == [
        ("base", "handle 1 jump a"),
        ("a", "return"),
        ("base", "policy accept"),
    ]


def test_the_end_of_our_own_chain_begins_no_packet():
    end = a_step("colored", table=OURS, handle=0)

    assert told(marked(), end, a_drop()).dropped_of(FLOW) != ()


def test_a_rule_that_is_gone_has_the_text_it_had():
    before = [a_chain("tenant-in", Rule(handle=7, text="drop", comment="no"))]

    (met,) = rules_met([a_drop()], before, now=[a_chain("tenant-in")])

    assert (met.text, met.comment) == ("drop", "no")


def test_counters_are_those_of_the_latest_listing():
    before = [a_chain("tenant-in", Rule(handle=7, text="counter packets 1 bytes 60 drop"))]
    now = [a_chain("tenant-in", Rule(handle=7, text="counter packets 5 bytes 300 drop"))]

    (met,) = rules_met([a_drop()], before, now)

    assert (met.packets, met.bytes) == (5, 300)


def test_the_rules_of_a_listing_are_found_by_handle():
    listing = """table inet tenant { # handle 1
        chain tenant-in { # handle 2
            udp dport 53 drop comment "closed" # handle 7
        }
    }"""

    (met,) = rules_met([a_drop()], parse_ruleset(listing))

    assert (met.text, met.comment) == ("udp dport 53 drop", "closed")


def test_what_is_carried_of_long_walks_and_long_rules_is_bounded():
    rule = Rule(handle=7, text="ip saddr { " + "10.0.0.1, " * 1000 + "} drop")
    steps = [*[a_step(handle=1)] * STEPS_KEPT, a_drop()]

    met = rules_met(steps, [a_chain("tenant-in", rule)])

    assert len(met) == MOST_SHOWN
    assert met[-1].is_drop
    assert len(met[-1].text) < 500


def test_only_a_drop_has_a_place():
    assert place_of([a_policy()]) is None
    assert place_of([]) is None
    assert place_of([a_policy(), a_drop()]).handle == 7


def test_a_walk_names_each_chain_where_it_is_entered():
    steps = [
        a_policy("prerouting", table="filter", network_header=HEAD),
        a_step(handle=4, verdict=Verdict.JUMP, target="checks", network_header=HEAD),
        a_step("checks", handle=5, verdict=Verdict.CONTINUE),
        a_step("checks", handle=7, verdict=Verdict.DROP),
    ]

    assert walk(rules_met(steps, ())) == (
        "inet filter prerouting policy accept -> inet tenant tenant-in handle 4 jump checks "
        "-> checks handle 5 continue -> handle 7 drop"
    )


def test_a_long_walk_is_told_by_its_end():
    steps = [a_step(handle=number) for number in range(1, 100)]

    told_as = walk(rules_met(steps, ()))

    assert told_as.count("->") == LONGEST_WALK
    assert told_as.startswith("(52 more) -> ")
    assert told_as.endswith("handle 99 continue")
