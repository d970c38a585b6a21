"""The catalogue is complete, and without contradictions."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import dyetrace.knowledge.causes
from dyetrace.knowledge.catalogue import (
    CAUSES,
    ENTRIES,
    cause_by_code,
    cause_of_drop_reason,
    entry_of,
)
from dyetrace.knowledge.loss import Place
from dyetrace.knowledge.pages import prose_of
from dyetrace.model.cause import Cause
from support.losses import a_loss, a_vanishing

FOLDER = Path(next(iter(dyetrace.knowledge.causes.__path__)))

FIXED_CODES = [
    "TX_ACL_DENY",
    "RX_ACL_DENY",
    "FORWARD_POLICY_DROP",
    "VPC_ROUTE_MISSING",
    "ROUTE_BLACKHOLE",
    "ROUTE_UNREACHABLE",
    "ROUTE_PROHIBIT",
    "RP_FILTER",
    "NEIGHBOUR_UNRESOLVED",
    "LINK_DOWN",
    "QUEUE_FULL",
    "TTL_EXPIRED",
    "VNI_UNKNOWN",
    "UNDERLAY_LOSS",
    "VFD_SILENT_DROP",
    "LINK_LOSS",
    "MISDELIVERED",
    "FORWARDING_OFF",
    "PACKET_TOO_BIG",
    "TAP_RING_FULL",
    "NO_SOCKET",
    "SOCKET_FILTER",
    "CHECKSUM_ERROR",
    "MEMORY_SHORT",
    "XDP_DROP",
    "TC_DROP",
    "BPF_CGROUP_DROP",
    "UNSPECIFIED_DROP",
]


def test_catalogue_lists_exactly_the_files() -> None:
    files = {path.stem for path in FOLDER.glob("*.py")} - {"__init__"}

    assert sorted(cause.code.lower() for cause in CAUSES) == sorted(files)


def test_no_code_is_used_twice() -> None:
    assert [code for code, n in Counter(cause.code for cause in CAUSES).items() if n > 1] == []


def test_no_drop_reason_belongs_to_two_causes() -> None:
    reasons = Counter(reason for cause in CAUSES for reason in cause.drop_reasons)

    assert [reason for reason, n in reasons.items() if n > 1] == []


@pytest.mark.parametrize("code", FIXED_CODES)
def test_codes_that_others_rely_on_stay(code: str) -> None:
    assert cause_by_code(code).code == code


def test_an_unknown_code_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        cause_by_code("NO_SUCH_CAUSE")


@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: cause.code)
def test_a_cause_is_fully_described(cause: Cause) -> None:
    assert cause.code == cause.code.upper()
    assert cause.title[1].islower(), "sentences go on with it in lower case"
    assert not cause.title.endswith(".")
    for text in (cause.tenant_meaning, cause.operator_meaning, cause.remedy.text):
        assert text.endswith("."), text
    prose = prose_of(cause)
    assert "How it is proven:" in prose
    assert "What to check:" in prose


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.cause.code)
def test_every_cause_can_be_found(entry: object) -> None:
    never = "_never"
    assert entry.cause.drop_reasons or entry.explains.__name__ != never  # type: ignore[attr-defined]


@given(st.text(max_size=40))
def test_any_name_of_a_drop_reason_has_a_cause(name: str) -> None:
    assert cause_of_drop_reason(name) in CAUSES
    assert entry_of(a_loss(drop_reason=name)).cause in CAUSES


@pytest.mark.parametrize(
    ("newer", "code"),
    [
        ("SOMETHING_NEW", "UNSPECIFIED_DROP"),
        ("", "UNSPECIFIED_DROP"),
        ("OVS_DROP_SOMETHING_NEW", "OVS_ACTION_ERROR"),
        ("QDISC_DROP_SOMETHING_NEW", "QUEUE_FULL"),
        ("RX_DROP_U_MIC_FAIL", "WIRELESS_DROP"),
        ("TCP_SOMETHING_NEW", "TCP_SEGMENT_REFUSED"),
        ("NEIGH_SOMETHING_NEW", "NEIGHBOUR_UNRESOLVED"),
        ("VXLAN_SOMETHING_NEW", "ENCAPSULATION_INVALID"),
        ("SKB_DROP_REASON_NO_SOCKET", "NO_SOCKET"),
    ],
)
def test_a_reason_newer_than_the_catalogue_goes_by_its_family(newer: str, code: str) -> None:
    assert cause_of_drop_reason(newer).code == code


@pytest.mark.parametrize("place", [place for place in Place if place is not Place.AT_VFD])
def test_every_vanishing_has_a_cause_of_its_own(place: Place) -> None:
    assert entry_of(a_vanishing(place)).cause.code != "UNSPECIFIED_DROP"
