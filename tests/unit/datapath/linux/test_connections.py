"""Entries of the connection table, decoded."""

import struct
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dyetrace.datapath.linux.connections import read_connection
from dyetrace.model.connection import Connection
from support.builders import a_flow


def attribute(kind, value):
    return struct.pack("=HH", 4 + len(value), kind) + value + b"\0" * (-len(value) % 4)


def a_tuple(kind, flow):
    src, dst = (3, 4) if flow.dst.version == 6 else (1, 2)
    return attribute(
        kind,
        attribute(1, attribute(src, flow.src.packed) + attribute(dst, flow.dst.packed))
        + attribute(
            2,
            attribute(1, bytes([flow.protocol]))
            + attribute(2, struct.pack("!H", flow.src_port))
            + attribute(3, struct.pack("!H", flow.dst_port)),
        ),
    )


FLOW = a_flow()
ANSWER = a_flow("10.0.2.21", "203.0.113.2", src_port=53, dst_port=61000)
ENTRY = (
    a_tuple(1, FLOW)
    + a_tuple(2, ANSWER)
    + attribute(3, struct.pack("!I", 1 << 3 | 1 << 4))
    + attribute(4, attribute(1, attribute(1, b"\3")))
    + attribute(7, struct.pack("!I", 29))
    + attribute(18, struct.pack("!H", 7))
)


def test_an_entry_tells_both_tuples_zone_status_state_and_timeout():
    assert read_connection(ENTRY) == [
        Connection(
            original=FLOW,
            reply=ANSWER,
            zone=7,
            status=("confirmed", "snat"),
            state="established",
            timeout_s=29,
        )
    ]


def test_addresses_of_ipv6_are_read():
    flow = a_flow("fd00::1", "fd00::2")

    (found,) = read_connection(a_tuple(1, flow) + a_tuple(2, flow))

    assert found.original.src == ip_address("fd00::1")


@pytest.mark.parametrize("is_reply", [False, True])
def test_before_and_after_are_the_packets_own(is_reply):
    found = Connection(original=FLOW, reply=ANSWER, is_reply=is_reply)

    assert found.is_translated
    if is_reply:
        assert (found.before, str(found.after)) == (ANSWER, "udp 10.0.2.21:53 -> 10.0.1.11:4000")
    else:
        assert (found.before, str(found.after)) == (
            FLOW, "udp 203.0.113.2:61000 -> 10.0.2.21:53",
        )  # fmt: skip


def test_an_entry_without_both_tuples_is_none():
    assert read_connection(a_tuple(1, FLOW)) == []


@given(st.binary(max_size=300))
def test_arbitrary_bytes_never_raise(data):
    read_connection(data)


@given(st.data())
def test_a_broken_entry_never_raises(data):
    broken = bytearray(ENTRY)
    for _ in range(3):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    read_connection(bytes(broken[: data.draw(st.integers(0, len(broken)))]))
