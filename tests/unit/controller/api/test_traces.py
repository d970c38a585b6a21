"""What the API takes and gives, over agents in memory."""

import asyncio
import json

import pytest

from dyetrace.controller.store import AuditLog
from dyetrace.model.policy import ColorCounts
from support.api import FILTER, an_api
from support.fake_agents import delivered, until


def run(test, folder, **settings):
    async def main():
        async with an_api(folder, **settings) as api:
            return await test(api)

    return asyncio.run(main())


def actions(api):
    return [
        (entry.principal, entry.action, entry.outcome)
        for entry in AuditLog(api.store.database).read()
    ]


def test_a_trace_is_accepted_with_its_price_and_then_answered(tmp_path):
    async def test(api):
        added = await api.add()

        assert added.status_code == 202, added.text
        content = added.json()
        assert added.headers["location"] == f"/v1/traces/{content['id']}"
        assert content["price"]["hosts"] == 2
        assert content["price"]["vfds"] == 4
        await api.ended(content["id"])
        result = await api.ask("GET", added.headers["location"])
        assert result.status_code == 200
        assert result.json() == api.store.get(content["id"]).answer
        assert result.json()["verdict"] == "DELIVERED"
        assert ("olga", "start", "started") in actions(api)

    run(test, tmp_path, colors_at_once=3, records_of=delivered)


def test_while_there_is_no_answer_the_task_is_given_with_202(tmp_path):
    async def test(api):
        added = (await api.add()).json()

        waiting = await api.ask("GET", f"/v1/traces/{added['id']}")

        assert waiting.status_code == 202
        assert waiting.headers["retry-after"] == "1"
        assert waiting.json()["id"] == added["id"]

    run(test, tmp_path)


def test_a_dry_run_tells_the_price_and_touches_no_data_plane(tmp_path):
    async def test(api):
        told = await api.add(dry_run=True, direction="both")

        assert told.status_code == 200
        assert [price["hosts"] for price in told.json()["prices"]] == [2, 2]
        assert api.agents.web.ticks("log") == []
        assert api.store.list() == []

    run(test, tmp_path)


def test_both_directions_are_two_tasks_that_name_each_other(tmp_path):
    async def test(api):
        both = {"srcVM_ID": "web", "dstVM_ID": "db", "protocol": "tcp", "dst_port": 80}
        there = (await api.add(filter=both, direction="both")).json()

        back = there["other"]
        assert there["linked"] == back["id"]
        assert back["linked"] == there["id"]
        assert (there["direction"], back["direction"]) == ("there", "back")
        assert back["filter"] == "protocol=tcp src_port=80 src_vm=db dst_vm=web"

    run(test, tmp_path)


def test_where_the_way_back_is_refused_neither_is_started(tmp_path):
    async def test(api):
        both = {"srcVM_ID": "web", "dstVM_ID": "db"}
        first = (await api.add(filter=both, direction="back")).json()

        refused = await api.add(filter=both, direction="both")

        assert refused.status_code == 409
        assert refused.json()["active"] == first["id"]
        assert {task.state.value for task in api.store.list() if task.id != first["id"]} == {
            "cancelled"
        }
        assert api.diagnoses.active == 1

    run(test, tmp_path)


def test_the_same_filter_again_is_refused_with_the_active_task(tmp_path):
    async def test(api):
        first = (await api.add()).json()

        second = await api.add()

        assert second.status_code == 409
        assert second.headers["content-type"] == "application/problem+json"
        assert second.json()["code"] == "TASK_ALREADY_ACTIVE"
        assert second.json()["active"] == first["id"]
        assert actions(api)[-1] == ("olga", "refuse", "TASK_ALREADY_ACTIVE")

    run(test, tmp_path)


def test_the_same_request_with_the_same_key_starts_nothing_twice(tmp_path):
    async def test(api):
        key = {"Idempotency-Key": "k-1"}
        first = await api.add(headers=key, direction="both")
        await api.agents.kill("cn-2")

        again = await api.add(headers=key, direction="both")
        other = await api.add(headers=key, packet_count=4)

        assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])
        assert again.json()["other"]["id"] == first.json()["other"]["id"]
        assert again.json()["price"] == first.json()["price"]
        assert (other.status_code, other.json()["code"]) == (422, "REQUEST_KEY_REUSED")
        assert len(api.store.list()) == 2

    run(test, tmp_path)


def test_an_unknown_vm_is_404_with_the_nearest_names(tmp_path):
    async def test(api):
        refused = await api.add(filter={"srcVM_ID": "wbe"})

        assert refused.status_code == 404
        assert refused.json()["code"] == "UNKNOWN_ENDPOINT"
        assert "web" in refused.json()["nearest"]
        assert api.store.list() == []

    run(test, tmp_path)


def test_wildcards_are_the_same_as_nothing(tmp_path):
    async def test(api):
        stars = FILTER | {"protocol": "*", "src_port": "*", "dst_port": None, "NIC_ID": "*"}
        added = (await api.add(filter=stars)).json()

        assert added["filter"] == "dst=10.0.2.21/32 src_vm=web"

    run(test, tmp_path)


@pytest.mark.parametrize(
    "fields",
    [
        {"packet_count": 0},
        {"trace_time": 0},
        {"trace_time": 1e9},
        {"filter": {}},
        {"filter": {"src_ip": "10.0.0.1", "dst_ip": "fd00::1"}},
        {"filter": {"src_ip": "nonsense"}},
        {"filter": {"protocol": "icmp", "dst_port": 80}},
        {"filter": {"src_mac": "x"}},
        {"direction": "sideways"},
    ],
    ids=str,
)
def test_what_makes_no_sense_is_a_problem_with_a_code(tmp_path, fields):
    async def test(api):
        refused = await api.add(**fields)

        assert refused.status_code == 422, refused.text
        assert refused.json()["code"] == "INVALID_REQUEST"
        assert refused.json()["detail"]

    run(test, tmp_path)


def test_no_agent_is_503_with_a_time_to_try_again(tmp_path):
    async def test(api):
        for host in ("cn-1", "cn-2"):
            await api.agents.kill(host)

        refused = await api.add()

        assert (refused.status_code, refused.json()["code"]) == (503, "AGENT_UNREACHABLE")
        assert refused.headers["retry-after"]

    run(test, tmp_path)


def test_a_stopped_task_keeps_what_it_saw_and_leaves_nothing(tmp_path):
    async def test(api):
        added = (await api.add()).json()
        await api.coloring()

        stopping = await api.ask("DELETE", f"/v1/traces/{added['id']}")
        ended = await api.ended(added["id"])

        assert stopping.status_code == 202
        assert ended.state == "cancelled"
        assert ended.answer["total"] == 2
        assert await api.agents.nothing_is_held()
        assert (await api.ask("DELETE", f"/v1/traces/{added['id']}")).status_code == 200
        assert ("olga", "stop", "asked") in actions(api)

    run(test, tmp_path, colors_at_once=2)


def test_the_list_gives_pages_and_filters(tmp_path):
    async def test(api):
        ids = []
        for port in (80, 81, 82):
            filter_ = FILTER | {"protocol": "tcp", "dst_port": port}
            ids.append((await api.add(filter=filter_)).json()["id"])
        ids.reverse()

        first = (await api.ask("GET", "/v1/traces?limit=2")).json()
        second = (await api.ask("GET", f"/v1/traces?limit=2&cursor={first['next']}")).json()

        assert [one["id"] for one in first["items"] + second["items"]] == ids
        assert second["next"] is None
        for query, found in [
            ("dst_port=81", ids[1:2]),
            ("dst_ip=10.0.2.21", ids),
            ("srcVM_ID=db", []),
            ("state=done", []),
        ]:
            page = (await api.ask("GET", f"/v1/traces?{query}")).json()
            assert [one["id"] for one in page["items"]] == found, query
        assert (await api.ask("GET", "/v1/traces?cursor=x")).status_code == 422

    run(test, tmp_path)


def test_events_tell_all_steps_in_order_and_end(tmp_path):
    async def test(api):
        added = (await api.add()).json()
        asking = asyncio.create_task(api.ask("GET", f"/v1/traces/{added['id']}/events"))
        live = api.diagnoses.live(added["id"])
        await until(lambda: live.progress.colored == 2 and live._changed._waiters)
        task_id = int(added["id"], 16)
        api.agents.web.counted[task_id] = ColorCounts(colored=3)
        told = (await asking).text

        blocks = [block.splitlines() for block in told.split("\n\n") if block[:1] in {"i", "e"}]
        steps = [
            json.loads(block[2].removeprefix("data: "))["to"]
            for block in blocks
            if "event: transition" in block
        ]
        assert steps == ["new", "ready", "tracing", "collecting", "done"]
        assert any("event: progress" in block for block in blocks)
        assert blocks[-1] == ["event: end", 'data: {"state":"done"}']
        rest = await api.ask(
            "GET", f"/v1/traces/{added['id']}/events", headers={"Last-Event-ID": "4"}
        )
        assert rest.text.startswith("id: 5\n")

    run(test, tmp_path, colors_at_once=2, records_of=delivered)


def test_an_export_is_the_answer_as_a_file(tmp_path):
    async def test(api):
        added = (await api.add()).json()
        waiting = (await api.add(filter={"srcVM_ID": "db"})).json()  # no packet comes from there
        early = await api.ask("GET", f"/v1/traces/{waiting['id']}/export")
        await api.ended(added["id"])
        file = await api.ask("GET", f"/v1/traces/{added['id']}/export?format=json")

        assert (early.status_code, early.json()["code"]) == (409, "NO_ANSWER")
        assert file.json() == api.store.get(added["id"]).answer
        assert added["id"] in file.headers["content-disposition"]
        assert ("olga", "export", "json") in actions(api)

    run(test, tmp_path, colors_at_once=3, records_of=delivered)


def test_metrics_count_verdicts(tmp_path):
    async def test(api):
        await api.ended((await api.add()).json()["id"])

        text = (await api.ask("GET", "/metrics")).text

        assert 'dyetrace_traces_total{verdict="DELIVERED"} 1.0' in text
        assert 'dyetrace_agent_up{host="cn-1"} 1.0' in text
        assert "dyetrace_trace_duration_seconds_count 1.0" in text
        assert "10.0.2.21" not in text

    run(test, tmp_path, colors_at_once=3, records_of=delivered)


def test_a_path_or_method_that_is_not_there_is_a_problem(tmp_path):
    async def test(api):
        for method, path, status, code in [
            ("GET", "/nothing", 404, "NOT_FOUND"),
            ("PUT", "/v1/traces", 405, "METHOD_NOT_ALLOWED"),
            ("GET", "/v1/traces/" + "0" * 16, 404, "UNKNOWN_TASK"),
        ]:
            told = await api.ask(method, path)
            assert (told.status_code, told.json()["code"]) == (status, code)

    run(test, tmp_path)
