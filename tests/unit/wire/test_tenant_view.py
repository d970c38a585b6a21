"""A tenant's view of an answer: same shape, and nothing of the provider's insides."""

import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dyetrace.cli.render import render, seen_by
from dyetrace.knowledge.catalogue import CAUSES, cause_by_code
from dyetrace.model.verdict import Absence, VerdictKind
from dyetrace.wire.tenant_view import WHY_UNKNOWN, as_tenant

FLOW = {"src": "10.0.1.2", "dst": "10.0.2.2", "protocol": "tcp", "src_port": 4000, "dst_port": 80}
SECRETS = ["cn-12", "cn-31", "netns-q7", "172.31.7.9", "172.31.8.4", "zoe-db-vm", "tapq77", "eth9q"]


def a_hop(seq=1, point="INGRESS", **known) -> dict:
    return {
        "seq": seq,
        "host": "cn-12",
        "netns": "netns-q7",
        "vfd": "vswitch",
        "port": "tapq77",
        "point": point,
        "seen": 20,
        "delay_ns": None,
        "five_tuple": FLOW,
        "outer": {"encapsulation": "vxlan", "src": "172.31.7.9", "dst": "172.31.8.4", "vni": 7},
        "nat": None,
        "absence": None,
    } | known


def a_finding(code="RX_ACL_DENY", **known) -> dict:
    cause = cause_by_code(code)
    return {
        "code": code,
        "title": cause.title,
        "severity": cause.severity.value,
        "layer": cause.layer.value,
        "owner": cause.owner.value,
        "host": "cn-31",
        "netns": "netns-q7",
        "vfd": "vswitch",
        "port": "eth9q",
        "next_host": None,
        "object": 'rule "deny web"',
        "packets": 20,
        "drop_reason": "NETFILTER_DROP",
        "probe": "NFT_RULE",
        "evidence": [{"class": "observed", "text": "freed in nft_do_chain on cn-31"}],
        "remedy": {"text": "Allow it.", "command": "ip netns exec netns-q7 nft", "docs": "d"},
    } | known


def an_answer(kind=VerdictKind.LOST, hops=3, **known) -> dict:
    return {
        "id": "t-1",
        "verdict": kind.value,
        "summary": "20 of 20 packets lost at vswitch on host cn-31, next to zoe-db-vm",
        "total": 20,
        "lost": 20,
        "started_at": "2026-01-01T00:00:00Z",
        "finished_at": "2026-01-01T00:00:09Z",
        "filter": {"src": "10.0.1.2/32"},
        "findings": [a_finding()],
        "paths": [
            {"packets": 20, "fate": "dropped", "hops": [a_hop(n) for n in range(1, hops + 1)]}
        ],
        "undetermined": [],
        "cost": {"hosts": 2, "vfds": 4, "probes": 9, "records": 80, "records_lost": 0},
    } | known


def shape_of(value: object) -> object:
    """Give the names that an answer has, without its values and numbers of rows."""
    if isinstance(value, dict):
        given = {name: part for name, part in value.items() if name not in {"filter", "outer"}}
        return {name: shape_of(part) for name, part in given.items()}
    return [shape_of(value[0])] if isinstance(value, list) and value else type(value).__name__


def strings_in(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for part in value.values():
            yield from strings_in(part)
    elif isinstance(value, list):
        for part in value:
            yield from strings_in(part)
    elif isinstance(value, str):
        yield value


secret = st.sampled_from(SECRETS)
told = st.lists(st.sampled_from([*SECRETS, "rule", "drops", "at"]), max_size=4).map(" ".join)
hops = st.builds(
    a_hop,
    host=secret,
    netns=secret,
    vfd=st.one_of(secret, st.just("vswitch"), secret.map("vfd of {}".format)),
    port=secret,
    outer=st.one_of(
        st.none(),
        st.fixed_dictionaries(
            {"encapsulation": st.just("vxlan"), "src": secret, "dst": secret, "vni": st.just(7)}
        ),
    ),
    nat=st.one_of(st.none(), st.just({"before": FLOW | {"src": "172.31.7.9"}, "after": FLOW})),
    absence=st.sampled_from([None, "NO_AGENT"]),
)
findings = st.builds(
    a_finding,
    code=st.sampled_from([cause.code for cause in CAUSES]),
    host=secret,
    netns=secret,
    vfd=secret,
    port=secret,
    next_host=st.one_of(st.none(), secret),
    object=told,
    evidence=st.lists(st.fixed_dictionaries({"class": st.just("observed"), "text": told})),
    remedy=st.fixed_dictionaries({"text": told, "command": told, "docs": st.just("d")}),
)


@given(
    kind=st.sampled_from(VerdictKind),
    found=st.lists(findings, max_size=3),
    way=st.lists(hops, min_size=1, max_size=6),
    why=st.lists(st.sampled_from(Absence), max_size=2),
    text=told,
)
def test_no_secret_of_the_answer_is_left(kind, found, way, why, text) -> None:
    # every secret is somewhere in the answer where hosts, ports or underlay addresses stand
    witness = [a_hop(host=name) for name in SECRETS]
    answer = an_answer(
        kind,
        summary=text,
        findings=found,
        paths=[{"packets": 20, "fate": "dropped", "hops": [a_hop(), *way, *witness, a_hop()]}],
        undetermined=[{"code": one.value, "text": text} for one in why],
    )

    view = json.dumps(as_tenant(answer))

    assert [name for name in SECRETS if name in view] == []


def test_the_shape_stays_and_both_can_be_rendered() -> None:
    answer = an_answer()

    view = as_tenant(answer)

    assert shape_of(view) == shape_of(answer)
    for output in ("table", "wide", "json"):
        assert not any(name in render(view, output) for name in SECRETS)


def test_other_vms_that_only_sentences_name_are_gone() -> None:
    answer = an_answer(
        undetermined=[{"code": "NO_AGENT", "text": "went to zoe-db-vm"}], findings=[]
    )

    assert "zoe-db-vm" not in json.dumps(as_tenant(answer))


def test_the_provider_s_hops_between_the_edges_are_one_row() -> None:
    view = as_tenant(an_answer(hops=6))

    rows = view["paths"][0]["hops"]
    assert [row["vfd"] for row in rows] == ["vswitch", "provider", "vswitch"]
    assert [row["seq"] for row in rows] == [1, 2, 3]


def test_the_tenant_s_own_cause_keeps_its_rule() -> None:
    view = as_tenant(an_answer())

    finding = view["findings"][0]
    assert finding["object"] == 'rule "deny web"'
    assert finding["evidence"][0]["text"] == cause_by_code("RX_ACL_DENY").tenant_meaning
    assert view["summary"].endswith('destination: rule "deny web" (RX_ACL_DENY)')


def test_the_provider_s_cause_says_who_acts_and_no_more() -> None:
    view = as_tenant(an_answer(findings=[a_finding("FORWARD_POLICY_DROP")]))

    finding = view["findings"][0]
    assert (finding["object"], finding["drop_reason"], finding["probe"]) == ("", "", "")
    assert finding["remedy"]["text"] == "The provider has to act: FORWARD_POLICY_DROP."
    assert not finding["remedy"]["command"]


def test_names_in_another_tenant_s_filter_are_left_out() -> None:
    answer = an_answer(filter={"src_vm": "web", "tenant": "blue", "dst_port": 80})

    assert as_tenant(answer, "green")["filter"] == {"dst_port": 80}
    assert as_tenant(answer, "blue")["filter"] == answer["filter"]


@pytest.mark.parametrize("kind", VerdictKind)
def test_every_verdict_has_a_sentence(kind) -> None:
    answer = an_answer(
        kind,
        findings=[a_finding()] if kind in {VerdictKind.LOST, VerdictKind.PARTIAL} else [],
        undetermined=[{"code": "NO_TRAFFIC", "text": "cn-12"}],
    )

    assert set(strings_in(as_tenant(answer)["summary"]))
    assert set(WHY_UNKNOWN) == set(Absence)


def test_an_operator_sees_everything() -> None:
    answer = an_answer()

    assert seen_by("operator", answer) is answer
    assert seen_by("tenant", answer) != answer


def test_several_losses_are_counted_apart() -> None:
    findings = [a_finding(packets=12), a_finding("VPC_ROUTE_MISSING", packets=8)]

    summary = as_tenant(an_answer(findings=findings))["summary"]

    assert summary.startswith("20 of 20 packets lost, 12 of them at vswitch: ")
    assert summary.endswith(", and 1 more finding")


def test_what_was_delivered_is_said_though_the_rest_is_unknown() -> None:
    paths = [{"packets": 15, "fate": "delivered", "hops": [a_hop()]}]
    unknown = {"code": "COLOR_LOST", "text": "at vswitch on host cn-31"}
    answer = an_answer(
        VerdictKind.UNDETERMINED, findings=[], paths=paths, undetermined=[unknown], lost=0
    )

    summary = as_tenant(answer)["summary"]

    assert summary == (
        "20 packets traced, 15 delivered, but of 5 it cannot be said whether they arrived: "
        "a device sets the packets' DSCP: beyond it they cannot be recognized (COLOR_LOST)"
    )
