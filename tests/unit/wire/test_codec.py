"""Messages survive the wire; anything else is refused, never raised as something else."""

import contextlib
from datetime import timedelta
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dyetrace.model.filter import PacketFilter
from dyetrace.model.packet import Protocol
from dyetrace.model.policy import ColorCounts, ColorPolicy, LogPolicy
from dyetrace.model.site import Neighbour, NeighbourState, RouteKind, RouteLookup, SiteEvidence
from dyetrace.model.task import Limits
from dyetrace.wire.codec import BadMessage, decode, encode
from dyetrace.wire.messages import (
    Acknowledge,
    Color,
    Discovered,
    Health,
    HeldTask,
    Hello,
    Inspect,
    Inspected,
    Log,
    Records,
    Renew,
    Renewed,
    Welcome,
)
from support.builders import a_flow, a_host

MESSAGES = [
    Hello(request=1),
    Welcome(
        request=1,
        protocol=3,
        version="1",
        process="ab",
        host="cn-1",
        number=1,
        colors=((0, 43),),
        held={2**63 - 1: HeldTask(lost=1, inspections_left_out=2)},
    ),
    Discovered(request=1, host=a_host(1, "web", "10.0.0.1"), notes=("a note",)),
    Renew(request=1, tasks=(1, 2), lease_ns=1),
    Renewed(request=1, gone=(2,)),
    Acknowledge(request=0, number=2**40),
    Log(request=2, task_id=2**63 - 1, policy=LogPolicy(ports=frozenset({(1, 2, 3)})), lease_ns=1),
    Color(
        request=3,
        policy=ColorPolicy(
            task_id=5,
            ports=frozenset({(1, 2, 3), (1, 2, 4)}),
            filters=(
                PacketFilter(src=ip_network("10.0.0.0/8"), protocol=Protocol.TCP, dst_port=0),
                PacketFilter(dst=ip_network("fd00::1")),
            ),
            limits=Limits(packet_count=3, trace_time=timedelta(milliseconds=1500)),
        ),
        lease_ns=1,
    ),
    Inspect(
        request=4,
        netns=1,
        ifindex=0,
        in_ifindex=3,
        out_ifindex=0,
        five_tuple=a_flow("fd00::1", "fd00::2"),
    ),
    Inspected(
        request=4,
        site=SiteEvidence(
            route=RouteLookup(kind=RouteKind.UNICAST, prefix=ip_network("10.0.0.0/8")),
            neighbour=Neighbour(address=ip_address("10.0.0.1"), state=NeighbourState.FAILED),
        ),
    ),
    Records(blob=b"\0\1", drop_names={65536: "X"}, symbols={2**64 - 1: "f"}),
    Health(colored={1: ColorCounts(colored=2)}, recorded=3),
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_a_message_arrives_as_it_was_sent(message):
    assert decode(encode(message)) == message


@given(st.binary())
def test_other_bytes_are_refused(data):
    with pytest.raises(BadMessage):
        decode(data)


@given(st.sampled_from(MESSAGES), st.data())
def test_a_message_with_a_flipped_byte_is_read_or_refused(message, data):
    broken = bytearray(encode(message))
    broken[data.draw(st.integers(0, len(broken) - 1))] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(BadMessage):
        decode(bytes(broken))
