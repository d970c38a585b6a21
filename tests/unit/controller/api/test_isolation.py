"""Two tenants, everything tried: neither finds out what the other has, does, or how much."""

import asyncio
import json
from contextlib import contextmanager

import pytest
from sqlalchemy import event

from dyetrace.controller.api.asked import request_key
from dyetrace.controller.api.cursors import write_cursor
from dyetrace.controller.api.events import all_events
from dyetrace.controller.api.schemas import FilterIn, TraceIn
from dyetrace.controller.api.streams import Streams
from dyetrace.controller.principal import Principal, Role
from dyetrace.controller.store import After, TokenStore
from support.api import PRINCIPALS, an_api

RED = {"srcVM_ID": "secret", "protocol": "udp"}
NOBODYS = "0123456789abcdef"


def run(test, folder, **settings):
    async def main():
        async with an_api(folder, **settings) as api:
            return await test(api)

    return asyncio.run(main())


@contextmanager
def statements(database):
    """Collect what is asked of the database, and how many rows come back."""
    asked = []

    def note(_connection, cursor, statement, parameters, _context, _many):
        rows = cursor.rowcount if cursor.description is None else None
        asked.append((statement, len(parameters), rows))

    event.listen(database._engine, "after_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(database._engine, "after_cursor_execute", note)


async def asked_for(api, method, path, **kwargs):
    with statements(api.store.database) as asked:
        told = await api.ask(method, path, **kwargs)
    return told, asked


@pytest.mark.parametrize(
    ("method", "tail"), [("GET", ""), ("GET", "/events"), ("GET", "/export"), ("DELETE", "")]
)
def test_the_same_is_looked_up_for_anothers_task_as_for_none_and_its_answer_is_not_read(
    tmp_path, monkeypatch, method, tail
):
    async def test(api):
        theirs = (await api.add(as_="red", filter=RED)).json()["id"]
        await api.ask("DELETE", f"/v1/traces/{theirs}", as_="red")
        assert (await api.ended(theirs)).answer
        read = []
        monkeypatch.setattr("dyetrace.controller.store.tasks.stored_task", read.append)

        one, for_theirs = await asked_for(api, method, f"/v1/traces/{theirs}{tail}", as_="blue")
        two, for_none = await asked_for(api, method, f"/v1/traces/{NOBODYS}{tail}", as_="blue")

        assert (one.status_code, two.status_code) == (404, 404)
        assert one.text.replace(theirs, "?") == two.text.replace(NOBODYS, "?")
        assert one.headers == two.headers
        assert for_theirs == for_none
        assert read == []

    run(test, tmp_path)


def test_the_same_is_looked_up_for_whatever_token_is_wrong(tmp_path):
    async def test(api):
        tokens = TokenStore(api.store.database)
        known = api.tokens["red"]
        tokens.revoke(known.split("_")[1])
        wrong = [
            known,
            known[:-1] + ("a" if known[-1] != "a" else "b"),
            f"dye_{'0' * 16}_{known.split('_', 2)[2]}",
        ]
        found = []
        for text in wrong:
            api.tokens["x"] = text
            told, asked = await asked_for(api, "GET", "/v1/traces", as_="x")
            found.append((told.status_code, told.text, asked))

        assert found[0][0] == 401
        assert found[1:] == found[:1] * 2

    run(test, tmp_path)


def test_lists_by_whatever_id_text_or_cursor_hold_what_is_ones_own(tmp_path):
    async def test(api):
        theirs = (await api.add(as_="red", filter=RED)).json()["id"]
        stored = api.store.get(theirs)
        mine = (await api.add(as_="blue", filter={"dst_port": 80})).json()["id"]
        cursor = write_cursor(After(opened_at=stored.opened_at, id=theirs))
        forged = write_cursor(After(opened_at=stored.opened_at.replace(year=9000), id="0"))
        for query, found in [
            (f"id={theirs}", []),
            (f"id={theirs[:4]}", [mine] if mine.startswith(theirs[:4]) else []),
            ("text=secret", []),
            ("srcVM_ID=secret", []),
            (f"cursor={cursor}", []),
            (f"cursor={forged}", [mine]),
            ("limit=1", [mine]),
        ]:
            page = (await api.ask("GET", f"/v1/traces?{query}", as_="blue")).json()
            assert [one["id"] for one in page["items"]] == found, query
            assert page["next"] is None

    run(test, tmp_path)


def test_the_events_of_all_tasks_are_those_of_ones_own(tmp_path):
    async def test(api):
        theirs = (await api.add(as_="red", filter=RED)).json()["id"]
        mine = (await api.add(as_="blue", filter={"dst_port": 80})).json()["id"]
        seen = {}
        for name in ("blue", "red", "operator"):
            stream = all_events(api.diagnoses, PRINCIPALS[name])
            told = b""
            while b"waiting" not in told:
                told += await anext(stream)
            await stream.aclose()
            seen[name] = told.decode()

        assert mine in seen["blue"]
        assert theirs not in seen["blue"]
        assert "secret" not in seen["blue"]
        assert "cn-" not in seen["blue"] + seen["red"]
        assert "id:" not in seen["blue"].replace('"id":', "")  # numbers would tell how much goes on
        assert theirs in seen["red"]
        assert {theirs, mine} <= {
            json.loads(line[6:])["id"]
            for line in seen["operator"].splitlines()
            if line.startswith("data: ")
        }

    run(test, tmp_path)


def test_ones_open_streams_are_bounded_and_do_not_count_for_others(tmp_path):
    async def test(api):
        streams = Streams(most=2)
        api.client._transport.app.state.streams = streams
        mine = (await api.add(as_="blue", filter={"dst_port": 80})).json()["id"]

        async def endless():
            while True:
                yield b""

        opened = [streams.opened(PRINCIPALS["blue"], endless()) for _ in range(2)]
        for stream in opened:
            await anext(stream)
        refused = await api.ask("GET", f"/v1/traces/{mine}/events", as_="blue")
        others = streams.opened(PRINCIPALS["red"], endless())
        assert await anext(others) == b""
        for stream in (*opened, others):
            await stream.aclose()
        await api.ask("DELETE", f"/v1/traces/{mine}", as_="blue")
        again = await api.ask("GET", f"/v1/traces/{mine}/events", as_="blue")

        assert (refused.status_code, refused.json()["code"]) == (429, "QUOTA_EXCEEDED")
        assert again.status_code == 200

    run(test, tmp_path)


def test_anothers_quota_limits_and_use_leave_ones_own_as_it_is(tmp_path):
    async def test(api):
        await api.ask("PUT", "/v1/quotas/red", as_="admin", json={"active_tasks": 0})
        red = await api.add(as_="red", filter={"dst_port": 80})
        blue = await api.add(as_="blue", filter={"dst_port": 80})

        assert (red.status_code, red.json()["limit"]) == (429, 0)
        assert blue.status_code == 202

    run(test, tmp_path)


def test_a_tenant_reads_no_audit_log_and_its_own_lines_name_its_tenant(tmp_path):
    async def test(api):
        await api.add(as_="red", filter=RED)
        for as_ in ("blue", "red"):
            refused = await api.ask("GET", "/v1/audit", as_=as_)
            assert refused.status_code == 403
            assert "secret" not in refused.text
        lines = (await api.ask("GET", "/v1/audit", as_="admin")).json()["items"]
        assert {one["principal"] for one in lines} == {"red/bob", "blue/bob"}

    run(test, tmp_path)


def test_no_two_principals_share_a_request_key_whatever_they_are_called():
    wanted = TraceIn(filter=FilterIn())
    keys = {
        request_key("k", wanted, Principal(name=name, role=Role.TENANT, tenant=tenant)).principal
        for name, tenant in [("a/b", "x"), ("b", "x/a"), ("b", "x"), ("a", "x")]
    }

    assert len(keys) == 4
