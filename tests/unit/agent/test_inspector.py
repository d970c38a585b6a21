"""Inspections beside the shipping of records: never in its way, drops first, bounded, then gone."""

import asyncio
import threading
from ipaddress import ip_address

from dyetrace.agent import inspector as agent_inspector
from dyetrace.agent.inspector import Inspector
from dyetrace.controller.part import Part
from dyetrace.datapath.driver import Batch
from dyetrace.model.policy import LogPolicy, Receiver
from dyetrace.model.record import Point
from dyetrace.model.site import SiteEvidence
from dyetrace.wire.messages import Done, Flush, Log, Remove, Settle
from support.builders import (
    DB,
    ROUTER,
    ROUTER_A,
    SWITCH,
    TO_OTHER_VM,
    TO_VM,
    WEB,
    a_flow,
    a_host,
    a_record,
    rows,
)
from support.fake_agents import two_agents, until
from support.fake_driver import FakeDriver
from unit.agent.test_server import connected

SECOND_NS = 1_000_000_000
PORTS = frozenset({(1, SWITCH, TO_VM)})


def came_in(*flows):
    records = [
        a_record(Point.INGRESS, at=(1, SWITCH, TO_VM), seen_ns=number, digest=number, flow=flow)
        for number, flow in enumerate(flows or (a_flow(),), start=1)
    ]
    return Batch(records=rows(*records))


def a_drop():
    record = a_record(Point.DROP, at=(1, SWITCH, TO_VM), seen_ns=9, digest=99, drop_reason=1)
    return Batch(records=rows(record), drop_names={1: "NETFILTER_DROP"})


class Watched:
    """A driver's eye: tells what it looked at, and waits for leave where it is told to."""

    def __init__(self, *, waits=False):
        self.leave = threading.Event()
        self.spots = []
        if not waits:
            self.leave.set()

    def __call__(self, spot):
        self.leave.wait(10)
        self.spots.append(spot)
        return SiteEvidence(notes=("seen",))


def inspect(test, *, looks=None, receivers=()):
    """Run a test with an inspector that has begun."""

    async def main():
        driver = FakeDriver(a_host(1, "web", WEB))
        driver.looks = looks or Watched()
        told = []
        inspector = Inspector(driver, on_taken=lambda: told.append(1))
        inspector.begin(receivers)
        try:
            await test(inspector, driver.looks)
        finally:
            driver.looks.leave.set()
            inspector.end()
        await until(lambda: not threads())

    asyncio.run(main())


def threads():
    return [each for each in threading.enumerate() if each.name == "dyetrace-inspector"]


def test_an_inspection_says_for_which_packet_it_was_taken_and_when():
    async def test(inspector, _):
        inspector.notice(came_in())
        await inspector.settled(within_s=5)

        (found,) = inspector.taken()
        assert (found.netns, found.ifindex, found.point) == (SWITCH, TO_VM, Point.INGRESS)
        assert (found.five_tuple, found.seen_ns) == (a_flow(), 1)
        assert found.taken_ns > found.seen_ns
        assert found.took_ns > 0
        assert found.site.notes == ("seen",)
        assert inspector.taken() == ()

    inspect(test)


def test_noticing_never_waits_for_an_inspection():
    async def test(inspector, looks):
        inspector.notice(came_in(*[a_flow(src_port=port) for port in range(20)]))

        assert looks.spots == []  # it is still looking, and we are here
        await inspector.settled(within_s=0)
        assert inspector.taken() == ()

    inspect(test, looks=Watched(waits=True))


def test_a_drop_is_inspected_before_flows_that_wait():
    async def test(inspector, looks):
        inspector.notice(came_in(*[a_flow(src_port=port) for port in range(5)]))
        inspector.notice(a_drop())
        looks.leave.set()
        await inspector.settled(within_s=5)

        assert Point.DROP in [spot.point for spot in looks.spots[:2]]
        assert len(looks.spots) == 6

    inspect(test, looks=Watched(waits=True))


def test_what_waits_is_bounded_and_the_rest_is_counted(monkeypatch):
    monkeypatch.setattr(agent_inspector, "MOST_WAITING", 3)

    async def test(inspector, looks):
        inspector.notice(came_in(*[a_flow(src_port=port) for port in range(10)]))
        looks.leave.set()
        await inspector.settled(within_s=5)

        assert (len(inspector.taken()), inspector.left_out) == (3, 7)

    inspect(test, looks=Watched(waits=True))


def test_a_second_task_has_its_flows_inspected_anew():
    async def test(inspector, _):
        for _ in range(2):
            inspector.begin(())
            inspector.notice(came_in())
            await inspector.settled(within_s=5)

        assert len(inspector.taken()) == 2
        assert len(threads()) == 1

    inspect(test)


def test_the_receivers_port_is_told_unless_tenants_share_its_address():
    def here(port, mac=""):
        return Receiver(address=ip_address(DB), port=(1, SWITCH, port), mac=mac)

    async def one(inspector, looks):
        inspector.notice(came_in())
        await inspector.settled(within_s=5)
        assert (looks.spots[0].out_ifindex, looks.spots[0].receiver_mac) == (TO_OTHER_VM, "02:01")

    async def two(inspector, looks):
        inspector.notice(came_in())
        await inspector.settled(within_s=5)
        assert looks.spots[0].out_ifindex == 0

    elsewhere = Receiver(address=ip_address(DB), port=(1, ROUTER, ROUTER_A))
    inspect(one, receivers=(here(TO_OTHER_VM, "02:01"), elsewhere))
    inspect(two, receivers=(here(TO_OTHER_VM), here(77)))


def test_a_look_that_fails_is_left_out_and_the_next_is_taken():
    class Odd(Watched):
        def __call__(self, spot):
            if spot.five_tuple.src_port == 1:
                raise RuntimeError("odd")
            return super().__call__(spot)

    async def test(inspector, _):
        inspector.notice(came_in(a_flow(src_port=1), a_flow(src_port=2)))
        await inspector.settled(within_s=5)

        assert [each.five_tuple.src_port for each in inspector.taken()] == [2]
        assert inspector.left_out == 1

    inspect(test, looks=Odd())


def test_without_tasks_there_is_no_thread_and_nothing_is_inspected():
    async def test(inspector, looks):
        inspector.notice(came_in(a_flow(src_port=1), a_flow(src_port=2)))
        inspector.end()
        looks.leave.set()
        await until(lambda: not threads())

        inspector.notice(came_in())
        assert inspector.taken() == ()

    inspect(test, looks=Watched(waits=True))


def test_an_agent_tells_inspections_beside_records_and_settles_when_asked(tmp_path):
    async def main():
        async with two_agents(tmp_path) as agents:
            batches = []
            agents.web.read = lambda: batches.pop() if batches else Batch()
            policy = LogPolicy(ports=PORTS)
            link = await connected(agents)
            part = link.parts[1] = Part(task_id=1, link=link, news=asyncio.Event())
            await link.ask(Log(request=0, task_id=1, policy=policy, lease_ns=60 * SECOND_NS), Done)
            batches.append(came_in())
            await link.ask(Flush(request=0), Done)
            await link.ask(Settle(request=0, within_ns=5 * SECOND_NS), Done)

            assert [each.site.notes for each in part.inspections] == [("looked at",)]
            await link.ask(Remove(request=0, task_id=1), Done)
            await until(lambda: not threads())
            await link.close()

    asyncio.run(main())


def test_rules_are_traced_from_log_until_coloring_stops(tmp_path):
    async def main():
        async with two_agents(tmp_path) as agents:
            link = await connected(agents)
            log = Log(request=0, task_id=1, policy=LogPolicy(ports=PORTS), lease_ns=60 * SECOND_NS)
            await link.ask(log, Done)
            assert agents.web.traced == {SWITCH}
            assert agents.web.ticks("trace rules") < agents.web.ticks("log")

            await link.ask(Remove(request=0, task_id=1), Done)
            assert agents.web.traced == frozenset()
            await link.close()

    asyncio.run(main())
