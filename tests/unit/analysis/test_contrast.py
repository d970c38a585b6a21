"""What lost packets have in common is said where the sample can carry it, and only there."""

import pytest

from dyetrace.model.cause import EvidenceClass
from dyetrace.model.record import Point
from dyetrace.model.site import SecurityRule, SiteEvidence
from dyetrace.model.verdict import VerdictKind
from support.builders import SWITCH, TO_OTHER_VM, a_flow, a_record
from support.verdicts import packets, verdict_on

NETFILTER_DROP = 2
LOST = {"keep": 3, "drop": NETFILTER_DROP}


def interleaved(*groups):
    """Records of packets of several kinds, colored in turns."""
    records = []
    kinds = len(groups)
    for position, (count, fields) in enumerate(groups):
        for number in range(count):
            records += packets(1, first=1 + position + number * kinds, **fields)
    return records


def inferred(verdict):
    (finding,) = verdict.findings
    shown = [one for one in finding.evidence if one.kind is EvidenceClass.INFERRED]
    return [one.text for one in shown]


def test_large_packets_that_alone_are_lost_are_told_by_their_size():
    verdict = verdict_on(
        interleaved((10, {**LOST, "payload_length": 1200}), (10, {"payload_length": 64}))
    )

    assert verdict.kind is VerdictKind.PARTIAL
    (told,) = inferred(verdict)
    assert told == (
        "all 10 packets lost here carry at least 1200 bytes of payload, "
        "all 10 delivered ones at most 64"
    )


def test_small_packets_that_alone_are_lost_are_told_by_their_size():
    verdict = verdict_on(
        interleaved((10, {**LOST, "payload_length": 64}), (10, {"payload_length": 1200}))
    )

    assert (
        "at most 64 bytes of payload, all 10 delivered ones at least 1200" in inferred(verdict)[0]
    )


@pytest.mark.parametrize("delivered", [1200, 1201])
def test_sizes_that_overlap_say_nothing(delivered):
    small = {**LOST, "payload_length": 64}
    records = interleaved((10, {**LOST, "payload_length": 1200}), (9, small), (10, {}))
    records += packets(1, first=100, payload_length=delivered)

    assert inferred(verdict_on(records)) == []


@pytest.mark.parametrize(("lost", "delivered"), [(2, 100), (100, 2), (5, 5)])
def test_a_small_sample_says_nothing(lost, delivered):
    verdict = verdict_on(
        interleaved((lost, {**LOST, "payload_length": 1200}), (delivered, {"payload_length": 64}))
    )

    assert inferred(verdict) == []


def test_a_flow_that_alone_is_lost_is_told_by_its_port():
    verdict = verdict_on(
        interleaved(
            (10, {**LOST, "flow": a_flow(dst_port=53)}), (10, {"flow": a_flow(dst_port=80)})
        )
    )

    assert inferred(verdict) == [
        "all 10 packets lost here have destination port 53, none of the 10 delivered ones has"
    ]


def test_later_fragments_that_alone_are_lost_are_called_that():
    portless = a_flow(src_port=0, dst_port=0)
    verdict = verdict_on(interleaved((10, {**LOST, "flow": portless}), (10, {})))

    (told,) = inferred(verdict)
    assert told.startswith("all 10 packets lost here are later fragments of larger packets, ")


def test_a_way_that_only_lost_packets_took_is_named():
    astray = []
    arrived = [record for number in range(10) for record in packets(1, first=1 + 2 * number)]
    for number in range(10):
        made = packets(1, first=2 + 2 * number, keep=3)
        last = {name: made[-1][name] for name in ("seen_ns", "digest")}
        for point, port, later in ((Point.EGRESS, TO_OTHER_VM, 1), (Point.DROP, TO_OTHER_VM, 2)):
            made.append(
                a_record(
                    point,
                    at=(2, SWITCH, port),
                    seen_ns=last["seen_ns"] + later,
                    digest=last["digest"],
                    drop_reason=4 if point is Point.DROP else 0,
                )
            )
        astray += made
    verdict = verdict_on([*arrived, *astray])

    (told,) = inferred(verdict)
    assert told == (
        f"all 10 packets lost here left by p{TO_OTHER_VM} of vswitch on host cn-2, "
        "none of the 10 delivered ones did"
    )


def test_a_loss_that_ended_in_mid_trace_is_told_by_its_time():
    verdict = verdict_on([*packets(8, **LOST), *packets(12, first=9)])

    assert verdict.summary.endswith("; the 12 packets after them arrived")
    assert "what lost them had ended by then" in inferred(verdict)[0]


def test_a_loss_that_began_in_mid_trace_is_told_by_its_time():
    verdict = verdict_on([*packets(12), *packets(8, first=13, **LOST)])

    assert verdict.summary.endswith("; the 12 packets before them arrived")
    assert "what lost them began in between" in inferred(verdict)[0]


def test_two_rules_at_one_vfd_are_two_findings_each_with_its_packets():
    rules = {
        port: SecurityRule(family="inet", table="t", chain="c", handle=port, text=f"dport {port}")
        for port in (53, 80)
    }

    def site(key):
        return SiteEvidence(dropped_by=rules[key[-1].dst_port])

    verdict = verdict_on(
        interleaved(
            (7, {**LOST, "flow": a_flow(dst_port=53)}),
            (4, {**LOST, "flow": a_flow(dst_port=80)}),
            (9, {"flow": a_flow(dst_port=443)}),
        ),
        site=site,
    )

    assert verdict.kind is VerdictKind.PARTIAL
    assert [(one.packets, one.object.split("(")[1]) for one in verdict.findings] == [
        (7, "nft inet t c handle 53)"),
        (4, "nft inet t c handle 80)"),
    ]
    assert verdict.summary.startswith("11 of 20 packets lost, 7 of them at vswitch on host cn-2: ")
    assert verdict.summary.endswith("and 1 more finding")
