"""The handshake: nobody colors before everybody logs, and whatever happens nothing stays."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_network

import pytest

from dyetrace.datapath.driver import Losses
from dyetrace.errors import AgentUnreachable, PolicyRefused, UnknownEndpoint
from dyetrace.model.task import Limits
from dyetrace.model.verdict import Absence, VerdictKind
from support.builders import DB, a_task
from support.fake_agents import delivered, two_agents, until

TASK = a_task(src_vm="web", dst=ip_network(DB), packet_count=3)


def briefly(task=TASK, ms=1):
    return replace(task, limits=Limits(packet_count=3, trace_time=timedelta(milliseconds=ms)))


def run(coroutine_of, folder, **settings):
    """Run a test's coroutine with two agents."""

    async def main():
        async with two_agents(folder, **settings) as agents:
            return await coroutine_of(agents)

    return asyncio.run(main())


def test_all_hosts_log_before_any_host_colors(tmp_path):
    async def test(agents):
        verdict = await agents.diagnose(TASK)

        assert verdict.kind is VerdictKind.DELIVERED
        (colored,) = agents.web.ticks("color")
        assert agents.web.ticks("log")[0] < colored
        assert agents.db.ticks("log")[0] < colored
        assert agents.db.ticks("color") == []
        assert agents.states == ["ready", "tracing", "collecting", "done"]

    run(test, tmp_path, colors_at_once=3, records_of=delivered)


def test_color_goes_before_the_logging_that_sees_it(tmp_path):
    async def test(agents):
        await agents.diagnose(TASK)

        (stopped,) = agents.web.ticks("stop color")
        assert stopped < agents.web.ticks("log nothing")[0]
        assert stopped < agents.db.ticks("log nothing")[0]
        assert await agents.nothing_is_held()

    run(test, tmp_path, colors_at_once=3, records_of=delivered)


def test_a_source_that_refuses_ends_the_task_and_leaves_nothing(tmp_path):
    async def test(agents):
        with pytest.raises(PolicyRefused, match="no room"):
            await agents.diagnose(TASK)

        assert await agents.nothing_is_held()

    run(test, tmp_path, refuses="color")


def test_a_source_that_cannot_log_is_not_colored(tmp_path):
    async def test(agents):
        with pytest.raises(PolicyRefused, match=r"no source could be colored: .*no room"):
            await agents.diagnose(TASK)

        assert agents.web.ticks("color") == []
        assert await agents.nothing_is_held()

    run(test, tmp_path, refuses="log")


def test_a_request_that_planning_refuses_touches_no_data_plane(tmp_path):
    async def test(agents):
        with pytest.raises(UnknownEndpoint):
            await agents.diagnose(a_task(src_vm="wbe"))

        assert agents.web.ticks("log") == agents.db.ticks("log") == []
        assert agents.states == []

    run(test, tmp_path)


def test_no_agent_at_all_is_unreachable_and_names_them(tmp_path):
    async def test(agents):
        await agents.kill("cn-1")
        await agents.kill("cn-2")
        with pytest.raises(AgentUnreachable, match=r"no agent of host cn-1.*no agent of host cn-2"):
            await agents.diagnose(TASK)

    run(test, tmp_path)


def test_a_source_on_a_host_that_does_not_answer_is_unreachable_not_unknown(tmp_path):
    async def test(agents):
        await agents.kill("cn-1")
        with pytest.raises(AgentUnreachable, match=r"agent does not answer: cn-1"):
            await agents.diagnose(TASK)

    run(test, tmp_path)


def test_a_lost_source_agent_gives_undetermined(tmp_path):
    async def test(agents):
        tracing = asyncio.create_task(agents.diagnose(TASK))
        await until(lambda: agents.web.ticks("color"))
        await agents.kill("cn-1")
        verdict = await tracing

        assert verdict.kind is VerdictKind.UNDETERMINED
        assert verdict.unknowns[0].code is Absence.AGENT_DOWN
        assert await agents.nothing_is_held()

    run(test, tmp_path, colors_at_once=1)


def test_a_lost_agent_on_the_way_is_no_loss(tmp_path):
    def half(policy):
        batch = delivered(policy)
        seen_here = batch.records["host"] == 1
        return replace(batch, records=batch.records[seen_here])

    async def test(agents):
        agents.web.colors_at_once = 2  # not all yet: the task goes on
        tracing = asyncio.create_task(agents.diagnose(TASK))
        await until(lambda: agents.web.ticks("color"))
        await agents.kill("cn-2")
        agents.web.counted = {
            id_: replace(counts, colored=3) for id_, counts in agents.web.counted.items()
        }
        verdict = await tracing

        assert verdict.kind is VerdictKind.UNDETERMINED
        assert verdict.findings == ()
        assert verdict.unknowns[0].code is Absence.AGENT_DOWN

    run(test, tmp_path, records_of=half)


def test_records_that_are_missing_are_no_loss(tmp_path):
    async def test(agents):
        def color_and_lose(policy):
            agents.web.lost = Losses(lost_in_ring=3)
            return delivered(policy).__class__()

        agents.web.records_of = color_and_lose
        verdict = await agents.diagnose(TASK)

        assert verdict.kind is VerdictKind.UNDETERMINED
        assert verdict.unknowns[0].code is Absence.RECORDS_LOST
        assert verdict.cost.records_lost == 3

    run(test, tmp_path, colors_at_once=3)


def test_the_end_of_trace_time_without_packets_is_not_seen(tmp_path):
    async def test(agents):
        verdict = await agents.diagnose(briefly())

        assert verdict.kind is VerdictKind.NOT_SEEN
        assert verdict.unknowns[0].code is Absence.NO_TRAFFIC
        assert await agents.nothing_is_held()

    run(test, tmp_path)


def test_a_request_to_stop_ends_the_coloring_and_keeps_what_was_seen(tmp_path):
    async def test(agents):
        tracing = asyncio.create_task(agents.diagnose(TASK))
        await until(lambda: agents.web.ticks("color"))
        agents.is_cancelled = True
        verdict = await tracing

        assert verdict.total == 2
        assert await agents.nothing_is_held()

    run(test, tmp_path, colors_at_once=2)


def test_an_interrupted_controller_cleans_up_on_all_hosts(tmp_path):
    async def test(agents):
        tracing = asyncio.create_task(agents.diagnose(TASK))
        await until(lambda: agents.web.ticks("color"))
        tracing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await tracing

        assert agents.web.ticks("stop color")
        assert await agents.nothing_is_held()

    run(test, tmp_path)
