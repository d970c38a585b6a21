"""What a tenant cannot do and cannot find out, by trying."""

import asyncio

import pytest

from dyetrace.controller.store import Admission, AuditLog, HostLimits, Quota
from support.api import an_api
from support.fake_agents import delivered

BLUE = {"srcVM_ID": "web", "dstVM_ID": "db"}
RED = {"srcVM_ID": "secret", "protocol": "udp"}
PROVIDER_WORDS = ("cn-1", "cn-2", "vrouter", "172.31", "p13", "secret", "10.0.9.2", "process")


def run(test, folder, **settings):
    async def main():
        async with an_api(folder, **settings) as api:
            return await test(api)

    return asyncio.run(main())


def without(told, *own):
    """What was said, less what the tenant itself has said."""
    text = told.text
    for word in own:
        text = text.replace(word, "")
    return text


@pytest.mark.parametrize("as_", [None, "nobody"])
def test_without_a_valid_token_nothing_is_told(tmp_path, as_):
    async def test(api):
        api.tokens["nobody"] = "dye_0000000000000000_x"
        for method, path in [
            ("POST", "/v1/traces"),
            ("GET", "/v1/traces"),
            ("GET", "/v1/traces/" + "0" * 16),
            ("DELETE", "/v1/traces/" + "0" * 16),
            ("GET", "/metrics"),
            ("POST", "/v1/kill"),
        ]:
            told = await api.ask(method, path, as_=as_)
            assert (told.status_code, told.json()["code"]) == (401, "TOKEN_REFUSED")
            assert told.headers["www-authenticate"].startswith("Bearer")
        assert (await api.ask("GET", "/healthz", as_=as_)).status_code == 200

    run(test, tmp_path)


@pytest.mark.parametrize(
    ("as_", "method", "path"),
    [
        ("blue-reader", "POST", "/v1/traces"),
        ("blue-reader", "DELETE", "/v1/traces/" + "0" * 16),
        ("blue", "POST", "/v1/kill"),
        ("blue", "GET", "/metrics"),
        ("operator", "POST", "/v1/kill"),
        ("operator", "DELETE", "/v1/kill"),
        ("agent", "GET", "/v1/traces"),
        ("agent", "POST", "/v1/traces"),
    ],
)
def test_a_role_does_only_what_it_may_and_the_attempt_is_logged(tmp_path, as_, method, path):
    async def test(api):
        body = {"reason": "x"} if path.endswith("kill") else {"filter": BLUE}
        sent = {"json": body} if method == "POST" else {}
        told = await api.ask(method, path, as_=as_, **sent)

        assert (told.status_code, told.json()["code"]) == (403, "NOT_PERMITTED")
        assert AuditLog(api.store.database).read()[-1].outcome == "NOT_PERMITTED"

    run(test, tmp_path)


def test_a_tenant_traces_its_own_and_sees_no_host(tmp_path):
    async def test(api):
        added = await api.add(as_="blue", filter=BLUE)
        assert added.status_code == 202, added.text
        name = added.json()["id"]
        events = await api.ask("GET", f"/v1/traces/{name}/events", as_="blue")
        result = await api.ask("GET", f"/v1/traces/{name}", as_="blue-reader")
        listed = await api.ask("GET", "/v1/traces", as_="blue")
        exported = await api.ask("GET", f"/v1/traces/{name}/export", as_="blue")

        assert result.json()["verdict"] == "DELIVERED"
        for told in (added, events, result, listed, exported):
            text = without(told, name)
            for word in PROVIDER_WORDS:
                assert word not in text, (word, text)

    run(test, tmp_path, colors_at_once=3, records_of=delivered)


@pytest.mark.parametrize(
    "filter_",
    [
        {"srcVM_ID": "secret"},
        {"srcVM_ID": "secret-eth0"},
        {"NIC_ID": "secret-eth0"},
        {"dstVM_ID": "secret", "srcVM_ID": "web"},
        {"tenant": "red", "dst_port": 80},
        {"src_ip": "10.0.9.2"},
        {"dst_ip": "10.0.9.2", "src_ip": "0.0.0.0/0"},
        {"dst_ip": "10.0.9.2"},
    ],
    ids=str,
)
def test_a_tenants_request_never_colors_at_anothers_vnic(tmp_path, filter_):
    async def test(api):
        told = await api.add(as_="blue", filter=filter_)
        if told.status_code == 202:
            await api.coloring()

        ports = {
            key
            for driver in api.agents.drivers.values()
            for policy in driver.coloring.values()
            for key in policy.ports
        }
        secret = (2, 100, 13)
        assert secret not in ports
        if told.status_code != 202:
            for word in ("cn-", "vswitch", "172.31"):
                assert word not in told.text

    run(test, tmp_path)


def test_what_is_anothers_is_told_like_what_is_not_there(tmp_path):
    async def test(api):
        for theirs, nobodys in [
            ({"srcVM_ID": "secret"}, {"srcVM_ID": "sesame"}),
            ({"NIC_ID": "secret-eth0"}, {"NIC_ID": "sesame-eth0"}),
            ({"tenant": "red"}, {"tenant": "tan"}),
        ]:
            (name,) = theirs.values()
            (other,) = nobodys.values()
            one = await api.add(as_="blue", filter=theirs | {"dst_port": 80})
            two = await api.add(as_="blue", filter=nobodys | {"dst_port": 80})
            assert (one.status_code, two.status_code) == (404, 404)
            assert one.json()["code"] == two.json()["code"]
            assert without(one, name) == without(two, other)

    run(test, tmp_path)


def test_anothers_task_is_as_unknown_as_none(tmp_path):
    async def test(api):
        theirs = (await api.add(as_="red", filter=RED)).json()["id"]
        none = "0123456789abcdef"
        for method, tail in [("GET", ""), ("GET", "/events"), ("GET", "/export"), ("DELETE", "")]:
            one = await api.ask(method, f"/v1/traces/{theirs}{tail}", as_="blue")
            two = await api.ask(method, f"/v1/traces/{none}{tail}", as_="blue")
            assert (one.status_code, two.status_code) == (404, 404)
            assert without(one, theirs) == without(two, none)
        assert (await api.ask("GET", "/v1/traces", as_="blue")).json()["items"] == []
        assert not api.store.is_cancel_requested(theirs)
        assert (await api.ask("GET", f"/v1/traces/{theirs}", as_="operator")).status_code == 202

    run(test, tmp_path)


def test_that_somebody_else_traces_the_same_is_not_told(tmp_path):
    async def test(api):
        wanted = {"tenant": "blue", "dst_port": 80, "protocol": "tcp"}
        operators = await api.add(filter=wanted)
        mine = await api.add(as_="blue", filter=wanted)
        again = await api.add(as_="blue", filter=wanted)

        assert operators.status_code == mine.status_code == 202
        assert (again.status_code, again.json()["active"]) == (409, mine.json()["id"])

    run(test, tmp_path)


def test_the_same_key_of_two_tenants_is_two_keys(tmp_path):
    async def test(api):
        key = {"Idempotency-Key": "k"}
        blue = await api.add(as_="blue", filter={"dst_port": 80}, headers=key)
        red = await api.add(as_="red", filter={"dst_port": 80}, headers=key)

        assert blue.status_code == red.status_code == 202
        assert blue.json()["id"] != red.json()["id"]

    run(test, tmp_path)


def test_a_tenant_is_not_told_which_host_is_down(tmp_path):
    async def test(api):
        await api.agents.kill("cn-2")
        some = await api.add(as_="blue", filter=BLUE)
        await api.agents.kill("cn-1")
        none = await api.add(as_="blue", filter=BLUE)

        for told in (some, none):
            assert told.status_code == 503
            assert "cn-" not in told.text

    run(test, tmp_path)


def test_quotas_hold_for_each_tenant_and_not_for_the_provider(tmp_path):
    async def test(api):
        first = await api.add(as_="blue", filter={"dst_port": 80})
        more = await api.add(as_="blue", filter={"dst_port": 81})
        big = await api.add(as_="red", filter={"dst_port": 80}, packet_count=101)
        red = await api.add(as_="red", filter={"dst_port": 80}, packet_count=100)
        dry = await api.add(as_="blue", filter={"dst_port": 82}, dry_run=True)
        for port in (80, 81):
            provider = await api.add(filter={"dst_port": port}, packet_count=101)
            assert provider.status_code == 202

        assert first.status_code == red.status_code == 202
        assert (more.status_code, more.json()["what"]) == (429, "active tasks")
        assert more.headers["retry-after"]
        assert (big.status_code, big.json()["limit"]) == (429, 100)
        assert "retry-after" not in big.headers
        assert (dry.status_code, dry.json()["what"]) == (429, "active tasks")

    run(test, tmp_path, admission=Admission(quota=Quota(active_tasks=1, packets_per_task=100)))


def test_a_host_carries_only_so_much_for_all_together_and_a_tenant_is_not_told_which(tmp_path):
    async def test(api):
        web, db = {"srcVM_ID": "web", "dst_port": 80}, {"srcVM_ID": "db", "dst_port": 80}
        first = await api.add(filter=web, packets_per_second=100)
        fast = await api.add(filter=web | {"dst_port": 81}, packets_per_second=201)
        second = await api.add(as_="blue", filter=web | {"dst_port": 81}, packets_per_second=200)
        third = await api.add(filter=web | {"dst_port": 82}, packets_per_second=1)
        blue = await api.add(as_="blue", filter=web | {"dst_port": 82}, packets_per_second=1)
        elsewhere = await api.add(as_="blue", filter=db, packets_per_second=300)

        assert first.status_code == second.status_code == elsewhere.status_code == 202
        assert [(one.status_code, one.json()["code"]) for one in (fast, third, blue)] == [
            (429, "HOST_LIMIT_REACHED")
        ] * 3
        assert (fast.json()["host"], fast.json()["what"]) == ("cn-1", "colored packets per second")
        assert (third.json()["what"], third.json()["limit"]) == ("active tasks", 2)
        assert third.headers["retry-after"]
        assert "cn-" not in blue.text
        await api.ask("DELETE", f"/v1/traces/{first.json()['id']}")
        await api.ended(first.json()["id"])
        again = await api.add(as_="blue", filter=web | {"dst_port": 82}, packets_per_second=1)
        assert again.status_code == 202

    limits = HostLimits(active_tasks=2, packets_per_second=300)
    run(test, tmp_path, admission=Admission(host=limits))


def test_the_kill_switch_ends_everything_and_holds_until_released(tmp_path):
    async def test(api):
        blue = (await api.add(as_="blue", filter=BLUE)).json()["id"]
        await api.add(filter={"dst_port": 80})
        await api.coloring()

        killed = await api.ask("POST", "/v1/kill", as_="admin", json={"reason": "incident 7"})

        assert killed.json() == {"cancelled": 2}
        assert await api.agents.nothing_is_held()
        assert {task.state.value for task in api.store.list()} == {"cancelled"}
        refused = await api.add(filter={"dst_port": 81})
        assert (refused.status_code, refused.json()["code"]) == (503, "TRACING_STOPPED")
        assert "incident 7" in refused.text
        assert "incident 7" not in (await api.add(as_="blue", filter=BLUE)).text
        assert (await api.ask("GET", "/readyz", as_=None)).status_code == 503
        assert (await api.ask("GET", f"/v1/traces/{blue}", as_="blue")).status_code == 200
        assert (await api.ask("DELETE", "/v1/kill", as_="admin")).status_code == 204
        assert (await api.ask("GET", "/readyz", as_=None)).status_code == 200
        assert (await api.add(filter={"dst_port": 81})).status_code == 202

    run(test, tmp_path, colors_at_once=1)


def test_closing_cancels_with_the_reason_and_leaves_nothing(tmp_path):
    async def test(api):
        name = (await api.add()).json()["id"]
        await api.coloring()

        await api.diagnoses.close()

        ended = api.store.get(name)
        assert (ended.state.value, ended.error) == ("cancelled", "the controller was stopped")
        assert await api.agents.nothing_is_held()
        assert (await api.add()).json()["code"] == "TRACING_STOPPED"

    run(test, tmp_path, colors_at_once=1)
