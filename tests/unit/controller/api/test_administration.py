"""What administrators set and read: quotas, and a log of all that was refused."""

import asyncio

import pytest

from dyetrace.controller.api.refusals import Refusals
from dyetrace.controller.store import Admission, AuditLog, Quota
from dyetrace.errors import StoreUnavailable
from support.api import an_api
from support.fake_agents import delivered


def run(test, folder, **settings):
    async def main():
        async with an_api(folder, **settings) as api:
            return await test(api)

    return asyncio.run(main())


def refused(api):
    return [
        (entry.principal, entry.role and entry.role.value, entry.outcome)
        for entry in AuditLog(api.store.database).read(action="refuse")
    ]


def test_a_tenants_own_quota_holds_from_the_next_request_on_until_it_is_cleared(tmp_path):
    async def test(api):
        first = await api.add(as_="blue", filter={"dst_port": 80})
        second = await api.add(as_="blue", filter={"dst_port": 81})
        own = {"active_tasks": 2}
        done = await api.ask("PUT", "/v1/quotas/blue", as_="admin", json=own)
        third = await api.add(as_="blue", filter={"dst_port": 82})
        red = await api.add(as_="red", filter={"dst_port": 82})
        again = await api.add(as_="red", filter={"dst_port": 83})
        told = (await api.ask("GET", "/v1/quotas", as_="admin")).json()
        cleared = await api.ask("DELETE", "/v1/quotas/blue", as_="admin")
        nobodys = await api.ask("DELETE", "/v1/quotas/blue", as_="admin")

        assert (first.status_code, second.status_code, done.status_code) == (202, 429, 204)
        assert (third.status_code, red.status_code, again.status_code) == (202, 202, 429)
        assert told["all"]["active_tasks"] == 1
        assert told["tenants"] == {
            "blue": own | dict.fromkeys(list(told["all"])[1:]),
        }
        assert (cleared.status_code, nobodys.status_code) == (204, 404)
        changes = AuditLog(api.store.database).read(action="quota")
        assert [(one.principal, one.target, one.outcome) for one in changes] == [
            ("ada", "blue", "active_tasks 2"),
            ("ada", "blue", "as for all"),
        ]

    run(test, tmp_path, admission=Admission(quota=Quota(active_tasks=1)))


@pytest.mark.parametrize("as_", ["operator", "blue", "blue-reader", "agent"])
@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v1/audit"), ("GET", "/v1/quotas"), ("PUT", "/v1/quotas/blue")],
)
def test_only_administrators_see_and_change_them(tmp_path, as_, method, path):
    async def test(api):
        sent = {"json": {}} if method == "PUT" else {}
        assert (await api.ask(method, path, as_=as_, **sent)).status_code == 403

    run(test, tmp_path)


def test_every_refusal_is_written_down_with_who_and_why(tmp_path):
    async def test(api):
        nowhere = "/v1/traces/" + "0" * 16
        await api.ask("GET", "/v1/traces", as_=None)
        await api.ask("POST", "/v1/kill", as_="blue", json={})
        await api.add(as_="blue", filter={"srcVM_ID": "secret"})
        await api.add(as_="blue", packet_count=0)
        await api.add(as_="blue", packet_count=10**5)
        await api.ask("POST", "/v1/traces", as_="blue", content=b"\xff")
        await api.ask("GET", nowhere, as_="blue-reader")
        await api.ask("GET", "/nowhere", as_="operator")
        await api.ask("DELETE", nowhere, as_="operator")

        assert refused(api) == [
            ("", None, "TOKEN_REFUSED"),
            ("blue/bob", "tenant", "NOT_PERMITTED"),
            ("blue/bob", "tenant", "UNKNOWN_ENDPOINT"),
            ("blue/bob", "tenant", "INVALID_REQUEST"),
            ("blue/bob", "tenant", "QUOTA_EXCEEDED"),
            ("blue/bob", "tenant", "INVALID_REQUEST"),
            ("blue/bea", "tenant-reader", "UNKNOWN_TASK"),
            ("", None, "NOT_FOUND"),  # no path, so nobody was asked who they are
            ("olga", "operator", "UNKNOWN_TASK"),
        ]
        lines = AuditLog(api.store.database).read(action="refuse")
        assert lines[2].target == 'POST /v1/traces {"srcVM_ID":"secret"}'

    run(test, tmp_path)


def test_the_log_can_be_read_page_by_page_and_by_who_and_what(tmp_path):
    async def test(api):
        name = (await api.add(as_="blue")).json()["id"]
        await api.ended(name)
        await api.ask("GET", f"/v1/traces/{name}/export", as_="blue-reader")
        await api.ask("DELETE", f"/v1/traces/{name}", as_="blue")
        await api.ask("GET", "/v1/traces", as_=None)

        first = (await api.ask("GET", "/v1/audit?limit=2", as_="admin")).json()
        rest = (await api.ask("GET", f"/v1/audit?after={first['next']}", as_="admin")).json()
        bea = (await api.ask("GET", "/v1/audit?principal=blue/bea", as_="admin")).json()
        starts = (await api.ask("GET", "/v1/audit?action=start", as_="admin")).json()

        found = [(one["principal"], one["action"]) for one in first["items"] + rest["items"]]
        assert found == [("blue/bob", "start"), ("blue/bea", "export"), ("", "refuse")]
        assert [one["target"] for one in bea["items"] + starts["items"]] == [name, name]
        assert rest["next"] is None

    run(test, tmp_path, colors_at_once=3, records_of=delivered)


def test_a_store_that_cannot_be_had_is_not_asked_again_to_write_that_down(
    tmp_path, monkeypatch, caplog
):
    async def test(api):
        asked = []

        def gone(*_, **__):
            asked.append(1)
            raise StoreUnavailable("cannot keep tasks in postgresql://10.0.0.9: gone")

        monkeypatch.setattr("dyetrace.controller.store.TokenStore.principal_of", gone)
        monkeypatch.setattr("dyetrace.controller.store.AuditLog.write", gone)
        refusal = await api.ask("GET", "/v1/traces")

        assert (refusal.status_code, refusal.json()["code"]) == (503, "STORE_UNAVAILABLE")
        assert len(asked) == 1
        assert "not in the audit log: cannot keep tasks in postgresql://10.0.0.9" in caplog.text

    run(test, tmp_path)


def test_a_flood_of_refusals_is_counted_and_not_written_line_by_line(tmp_path):
    async def test(api):
        clock = [1000.0]
        counted = []
        refusals = Refusals(on_refusal=counted.append, now=lambda: clock[0], lines_a_minute=3)
        api.client._transport.app.state.refusals = refusals
        for _ in range(10):
            await api.ask("GET", "/v1/traces", as_=None)
        await api.ask("POST", "/v1/kill", as_="blue", json={})
        clock[0] += 61
        await api.ask("GET", "/v1/traces", as_=None)

        outcomes = [outcome for _, _, outcome in refused(api)]
        assert outcomes == [
            *["TOKEN_REFUSED"] * 3,
            "NOT_PERMITTED",
            "TOKEN_REFUSED (and 7 more that are not written)",
        ]
        assert len(counted) == 12

    run(test, tmp_path)
