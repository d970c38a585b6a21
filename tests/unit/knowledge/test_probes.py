"""Probes: codes are unique, causes exist, and the most specific one is picked."""

import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dyetrace.knowledge.catalogue import CAUSES, entry_by_facts
from dyetrace.knowledge.explain import explain_loss
from dyetrace.knowledge.loss import Place
from dyetrace.knowledge.probe_catalogue import PLACED, PROBES, probe_by_code, probe_of
from dyetrace.model.site import Queue, SecurityRule
from support.losses import a_loss, a_vanishing

CODE = re.compile(r"[A-Z][A-Z0-9_]+[A-Z0-9]")


def test_no_code_is_used_twice() -> None:
    assert [code for code, n in Counter(probe.code for probe in PROBES).items() if n > 1] == []


def test_no_place_and_reason_is_written_down_twice() -> None:
    keys = Counter((probe.place, probe.reason, probe.kind) for probe in PROBES)

    assert [key for key, n in keys.items() if n > 1] == []


def test_there_are_more_than_four_hundred_places() -> None:
    assert len([probe for probe in PLACED if probe.place]) > 400


def test_every_probe_is_fully_described() -> None:
    causes = {cause.code for cause in CAUSES}
    for probe in PROBES:
        assert CODE.fullmatch(probe.code), probe
        assert probe.cause in causes, probe
        assert probe.description
        assert not probe.description.endswith("."), probe


@pytest.mark.parametrize(
    ("reason", "symbol", "kind", "code"),
    [
        ("IP_INHDR", "ip_forward+0x1/0x2", "", "IP_FORWARD_TTL"),
        ("IP_INHDR", "ip_rcv_core+0x1/0x2", "", "IP_RCV_HEADER"),
        ("IP_INHDR", "ip_rcv_finish_core.constprop.0+0x1/0x2", "", "IP_ROUTE_OPTIONS"),
        ("IP_INHDR", "somewhere_new", "", "IP_INHDR_ANYWHERE"),
        ("NETFILTER_DROP", "nft_do_chain", "bridge", "NFT_RULE_BRIDGE"),
        ("NETFILTER_DROP", "nft_do_chain", "newfamily", "NFT_RULE"),
        ("NETFILTER_DROP", "nf_hook_slow", "inet", "NF_HOOK"),
        ("QDISC_DROP", "__dev_queue_xmit", "tbf", "QDISC_KIND_TBF"),
        ("QDISC_DROP", "__dev_queue_xmit", "", "QDISC_REFUSED"),
        ("", "ip6_fragment", "", "IP6_OUTPUT_CUT"),
        ("", "", "", "NOT_SPECIFIED_ANYWHERE"),
        ("NEWER_THAN_WE_ARE", "somewhere_new", "", "NOT_SPECIFIED_ANYWHERE"),
        ("VHOST_TX_DROPPED", "", "", "DPDK_VHOST_TX_DROPPED"),
        ("OVN_ACL_DENY_STAGE", "ls_in_acl_eval", "", "OVN_LS_IN_ACL_EVAL"),
    ],
)
def test_the_most_specific_probe_is_picked(reason: str, symbol: str, kind: str, code: str) -> None:
    assert probe_of(reason, symbol, kind) is probe_by_code(code)


@given(st.text(max_size=30), st.text(max_size=30), st.text(max_size=10))
def test_any_drop_has_a_probe(reason: str, symbol: str, kind: str) -> None:
    assert probe_of(reason, symbol, kind) in PROBES


@pytest.mark.parametrize("probe", PLACED, ids=lambda probe: probe.code)
def test_a_drop_at_a_probe_is_explained_by_its_cause_unless_facts_say_more(probe) -> None:
    site = {"queue": Queue(kind=probe.kind)} if probe.subsystem == "queues" and probe.kind else {}
    if probe.subsystem == "netfilter" and probe.kind:
        site = {"dropped_by": SecurityRule(family=probe.kind, table="t", chain="c")}
    loss = a_loss(drop_reason=probe.reason, symbol=probe.place, **site)

    explained = explain_loss(loss)

    assert explained.probe is probe
    assert probe.description in explained.evidence[0].text
    if entry_by_facts(loss) is None:
        assert explained.cause.code == probe.cause


def test_what_vanished_has_no_probe() -> None:
    assert explain_loss(a_vanishing(Place.INSIDE_VFD)).probe is None
