"""nftables' trace messages, decoded."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from dyetrace.datapath.linux.nft_trace import (
    TRACE_MESSAGE,
    Attribute,
    Kind,
    TraceStep,
    Verdict,
    trace_steps,
)


def attribute(kind, value):
    padding = b"\0" * (-len(value) % 4)
    return struct.pack("=HH", 4 + len(value), kind) + value + padding


def message(*attributes, family=7, kind=TRACE_MESSAGE):
    body = struct.pack("=BBH", family, 0, 0) + b"".join(attributes)
    return struct.pack("=IHHII", 16 + len(body), kind, 0, 0, 0) + body


def a_drop(handle=7):
    verdict = attribute(1, struct.pack("!i", Verdict.DROP))
    return message(
        attribute(Attribute.TABLE, b"tenant\0"),
        attribute(Attribute.CHAIN, b"tenant-in\0"),
        attribute(Attribute.RULE_HANDLE, struct.pack("!Q", handle)),
        attribute(Attribute.TYPE, struct.pack("!I", Kind.RULE)),
        attribute(Attribute.VERDICT, verdict),
        attribute(Attribute.ID, struct.pack("!I", 99)),
        attribute(Attribute.NETWORK_HEADER, b"E" * 20),
    )


def test_a_rules_drop_names_its_place():
    (step,) = trace_steps(a_drop())

    assert step == TraceStep(
        trace_id=99, family="bridge", table="tenant", chain="tenant-in", kind=Kind.RULE,
        handle=7, verdict=Verdict.DROP, network_header=b"E" * 20,
    )  # fmt: skip
    assert step.is_drop


def test_a_policys_drop_has_no_handle():
    policy = message(
        attribute(Attribute.TYPE, struct.pack("!I", Kind.POLICY)),
        attribute(Attribute.ID, struct.pack("!I", 1)),
        attribute(Attribute.POLICY, struct.pack("!I", 0)),
    )

    (step,) = trace_steps(policy)

    assert (step.is_drop, step.handle) == (True, 0)


def test_several_messages_of_one_datagram_are_all_read_and_others_left_out():
    other = message(attribute(Attribute.ID, b"\0\0\0\1"), kind=3)

    assert [step.handle for step in trace_steps(a_drop(1) + other + a_drop(2))] == [1, 2]


@given(st.binary(max_size=300))
def test_arbitrary_bytes_never_raise(data):
    list(trace_steps(data))


@given(st.data())
def test_a_broken_message_never_raises(data):
    broken = bytearray(a_drop())
    broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    list(trace_steps(bytes(broken[: data.draw(st.integers(0, len(broken)))])))
