"""The roll of the agents, as operators get it; and what Prometheus is told of it."""

import asyncio
import time

import pytest

from dyetrace import __version__
from dyetrace.agent.examine import Examination
from dyetrace.controller.link import FRESH_NS
from dyetrace.errors import StoreUnavailable
from dyetrace.wire.messages import HostCheck
from support.api import an_api
from support.fake_agents import until
from support.gates import a_gate

CHECKS = (
    HostCheck(name="drop reasons", ok=None, found="none", advice="use a newer kernel"),
    HostCheck(name="libbpf", ok=False, found="missing", advice="install libbpf1"),
)


def run(test, folder, **settings):
    async def main():
        async with an_api(folder, **settings) as api:
            return await test(api)

    return asyncio.run(main())


async def roll(api, **query):
    told = await api.ask("GET", "/v1/agents", params=query)
    assert told.status_code == 200, told.text
    return {one["host"]: one for one in told.json()["items"]}


def test_every_agent_is_told_of_and_one_that_is_down_with_when_it_was_heard(tmp_path):
    async def test(api):
        before = await roll(api)
        await api.agents.kill("cn-2")
        after = await roll(api)

        web = before["cn-1"]
        assert (web["is_up"], web["is_able"], web["version"]) == (True, True, __version__)
        assert web["clock_uncertainty_ns"] > 0
        assert (web["tasks"], web["records_lost"]) == (0, {"ring": 0, "parser": 0, "spool": 0})
        assert web["checks"] == []
        assert after["cn-1"]["is_up"]
        assert (after["cn-2"]["is_up"], after["cn-2"]["is_able"]) == (False, False)
        assert after["cn-2"]["last_heard_at"] == before["cn-2"]["last_heard_at"]
        assert "cn-2" in after["cn-2"]["problems"][0]

    run(test, tmp_path)


def test_a_host_does_not_look_around_each_time_the_roll_is_called(tmp_path):
    async def test(api):
        await roll(api)
        before = len(api.agents.web.ticks("discover"))
        for _ in range(3):
            await roll(api)
        called = len(api.agents.web.ticks("discover"))
        since = time.monotonic_ns()  # so long a discovery is good for whoever wants one
        await until(lambda: time.monotonic_ns() - since > FRESH_NS)
        await roll(api, checks=True)

        assert called == before
        assert len(api.agents.web.ticks("discover")) == before + 1

    run(test, tmp_path)


def test_what_an_agent_holds_is_counted(tmp_path):
    async def test(api):
        await api.add()
        await api.coloring()

        found = await roll(api)

        assert found["cn-1"]["tasks"] == 1
        assert found["cn-1"]["programs"] > found["cn-2"]["programs"] > 0

    run(test, tmp_path)


def test_a_host_that_lacks_something_is_not_able_and_the_worst_is_said_first(tmp_path):
    async def examined():
        return Examination(checks=CHECKS, certificate_ends_s=1.0)

    async def test(api):
        api.agents.servers["cn-2"].examine = examined
        unasked = await roll(api)
        found = await roll(api, checks=True)

        assert unasked["cn-2"]["is_able"]
        assert (found["cn-1"]["is_able"], found["cn-2"]["is_able"]) == (True, False)
        assert found["cn-1"]["problems"] == []
        assert found["cn-2"]["problems"][:2] == [
            "libbpf: missing: install libbpf1",
            "drop reasons: none: use a newer kernel",
        ]
        assert "certificate ends at 1970-01-01T00:00:01" in found["cn-2"]["problems"][2]

    run(test, tmp_path)


@pytest.mark.parametrize("as_", ["blue", "blue-reader", "agent"])
def test_hosts_are_no_business_of_tenants(tmp_path, as_):
    async def test(api):
        refused = await api.ask("GET", "/v1/agents", as_=as_)
        assert refused.status_code == 403
        assert "cn-" not in refused.text

    run(test, tmp_path)


def test_the_metrics_follow_the_roll_and_forget_hosts_that_are_gone(tmp_path):
    async def test(api):
        await roll(api)
        await api.agents.kill("cn-2")
        await roll(api)
        text = (await api.ask("GET", "/metrics")).text
        assert 'dyetrace_agent_up{host="cn-1"} 1.0' in text
        assert 'dyetrace_agent_up{host="cn-2"} 0.0' in text
        assert 'dyetrace_clock_uncertainty_seconds{host="cn-1"}' in text
        assert 'dyetrace_clock_uncertainty_seconds{host="cn-2"}' not in text
        assert "dyetrace_kill_switch_pulled 0.0" in text
        assert 'dyetrace_requests_total{operation="listAgents",status="200"} 2.0' in text

    run(test, tmp_path)


def test_refusals_are_counted_by_code_and_requests_by_operation(tmp_path):
    async def test(api):
        await api.ask("GET", "/v1/traces", as_=None)
        await api.ask("GET", "/10.0.2.21", as_=None)
        text = (await api.ask("GET", "/metrics")).text

        assert 'dyetrace_refusals_total{code="TOKEN_REFUSED"} 1.0' in text
        assert 'dyetrace_requests_total{operation="listVTraces",status="401"} 1.0' in text
        assert 'dyetrace_requests_total{operation="none",status="404"} 1.0' in text
        assert "10.0.2.21" not in text

    run(test, tmp_path)


def test_it_is_not_ready_while_the_store_cannot_be_reached_though_it_is_healthy(
    tmp_path, monkeypatch
):
    async def test(api):
        def refuse(_):
            raise StoreUnavailable("cannot keep tasks in postgresql://10.0.0.9: gone")

        monkeypatch.setattr("dyetrace.controller.store.KillSwitch.pulled", refuse)
        healthy = await api.ask("GET", "/healthz", as_=None)
        ready = await api.ask("GET", "/readyz", as_=None)

        assert healthy.status_code == 200
        assert (ready.status_code, ready.json()["code"]) == (503, "STORE_UNAVAILABLE")
        assert "10.0.0.9" not in ready.text

    run(test, tmp_path)


def test_it_is_ready_only_while_agents_can_come_in(tmp_path):
    async def test(api):
        async with a_gate(tmp_path / "at") as at:
            api.client._transport.app.state.is_open = lambda: at.gate.is_open
            before = await api.ask("GET", "/readyz", as_=None)
            at.gate._standing[0].cancel()
            await until(at.gate._standing[0].done)
            after = await api.ask("GET", "/readyz", as_=None)

        assert (before.status_code, after.status_code) == (200, 503)

    run(test, tmp_path)
