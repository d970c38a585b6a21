"""Hosts' clocks that are seconds apart change no verdict, no order of hops and no delay."""

import asyncio
import os
from itertools import pairwise

import pytest

from dyetrace.controller.link import AgentLink
from dyetrace.lab.cloud import Cloud
from dyetrace.lab.faults import AclDeny, RouteBlackhole
from support.diagnosis import diagnose, explained

SRC, DST = "blue-web", "blue-db"
WAY = [
    ("cn-1", "vswitch"), ("cn-1", "vrouter-blue"), ("cn-1", "vswitch"), ("cn-3", "vswitch"),
]  # fmt: skip
A_SECOND_NS = 1_000_000_000
OFFSETS = {"ahead": +5.0, "behind": -5.0}


@pytest.fixture(scope="module", params=OFFSETS)
def shifted(request):
    """A cloud of which the receiver's host's clock is wrong, and a third one's the other way."""
    offset = OFFSETS[request.param]
    name = f"t{os.getpid()}-clock-{request.param}"
    cloud = Cloud.up("three-hosts", name=name, clock_offsets_s={"cn-3": offset, "cn-2": -offset})
    try:
        yield cloud
    finally:
        cloud.down()


async def told_offset_s(agent):
    link = AgentLink(name=agent.host, socket=agent.socket, on_records=lambda *_: None)
    await link.open()
    await link.close()
    return link.clock.offset_ns / A_SECOND_NS


def test_the_agents_clocks_really_differ(shifted):
    told = {agent.host: asyncio.run(told_offset_s(agent)) for agent in shifted.agents}

    assert abs(told["cn-1"]) < 0.5
    assert abs(told["cn-3"]) > 4.5
    assert abs(told["cn-3"] + told["cn-2"]) < 0.5


def vfds(path):
    hops = [(hop["host"], hop["vfd"]) for hop in path["hops"]]
    return [hop for number, hop in enumerate(hops) if number == 0 or hops[number - 1] != hop]


@pytest.mark.parametrize("family", [4, 6])
def test_the_way_and_its_delays_are_as_with_right_clocks(shifted, store, family):
    answer, seen = diagnose(shifted, SRC, DST, store=store, family=family)

    assert seen.lost == 0
    assert answer["verdict"] == "DELIVERED", explained(answer)
    (path,) = answer["paths"]
    assert vfds(path) == WAY, explained(answer)
    delays = [hop["delay_ns"] for hop in path["hops"]]
    assert 0 < delays[-1]["uncertainty"] < A_SECOND_NS, "the clocks were related, and how well"
    for earlier, later in pairwise(delays):
        assert later["p50"] + later["uncertainty"] >= earlier["p50"], explained(answer)
    assert delays[-1]["max"] < A_SECOND_NS, "nothing of the offset is left in the delay"


@pytest.mark.parametrize("fault", [AclDeny(direction="rx", vm=DST), RouteBlackhole()], ids=str)
def test_losses_are_found_as_with_right_clocks(shifted, store, fault):
    truth = fault.truth(shifted)
    shifted.inject(fault)
    try:
        answer, seen = diagnose(shifted, SRC, DST, store=store)
    finally:
        shifted.heal()

    assert seen.received == 0
    assert answer["verdict"] == truth.verdict, explained(answer)
    (finding,) = answer["findings"]
    assert (finding["code"], finding["host"], finding["vfd"]) == (
        truth.code, truth.host, truth.vfd,
    ), explained(answer)  # fmt: skip
    assert vfds(answer["paths"][0]) == WAY[: len(vfds(answer["paths"][0]))]
