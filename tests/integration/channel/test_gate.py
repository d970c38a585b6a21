"""Agents that come through the gate: what tasks find by them, and who is kept out."""

import asyncio
import logging
import shutil
import ssl
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

import pytest

from dyetrace.agent import enrol
from dyetrace.agent.identity import trusting
from dyetrace.controller import enrolment
from dyetrace.controller import gate as controller_gate
from dyetrace.controller import link as controller_link
from dyetrace.controller.authority import (
    AUTHORITY_LIFETIME,
    new_identity,
    open_authority,
)
from dyetrace.controller.link import AgentLink
from dyetrace.errors import AgentUnreachable, CertificateRefused
from dyetrace.model.policy import LogPolicy
from dyetrace.model.verdict import Absence, VerdictKind
from dyetrace.wire.admission import (
    CONTROLLER,
    JoinToken,
    NotAdmitted,
    OpenChannel,
    RenewCertificate,
    line_of,
    said_in,
)
from dyetrace.wire.messages import Done, Log, Ping, Pong
from support.builders import DB, SWITCH, TO_VM, a_task
from support.fake_agents import delivered, two_agents, until
from support.gates import a_gate, now

TASK = a_task(src_vm="web", dst=ip_network(DB), packet_count=3)
LOG = Log(
    request=0,
    task_id=1,
    policy=LogPolicy(ports=frozenset({(1, SWITCH, TO_VM)})),
    lease_ns=60_000_000_000,
)


def run(test, folder, **gate):
    async def main():
        agents = two_agents(folder, colors_at_once=3, records_of=delivered)
        async with agents as agents, a_gate(folder, **gate) as at, asyncio.timeout(60):
            await test(agents, at)

    asyncio.run(main())


async def linked(at, host="cn-1"):
    address = next(each for each in at.gate.cloud("test").agents if each.host == host)
    link = AgentLink(
        name=host, socket=address.socket, on_records=lambda *_: None, is_certified=True
    )
    try:
        await link.open()
    except AgentUnreachable:
        await link.close()
        raise
    return link


async def said_to(at, context, said):
    """Connect as a stranger would, say something, and give all that comes back."""
    try:
        reader, writer = await asyncio.open_connection(
            *("127.0.0.1", at.gate.port),
            ssl=context,
            server_hostname=CONTROLLER if context else None,
        )
        writer.write(said)
        answer = await asyncio.wait_for(reader.read(), 10)
    except OSError:
        return b""
    writer.transport.abort()
    return answer


async def all_are_served(at):
    """Whoever was refused, those who are in are served."""
    for host in at.gate.agents:
        link = await linked(at, host)
        assert await link.ask(Ping(request=0), Pong)
        await link.close()


def test_a_task_by_the_gate_finds_what_it_finds_by_unix_sockets(tmp_path):
    async def test(agents, at):
        near = await agents.diagnose(TASK)
        await at.come(agents)
        far = await agents.diagnose(TASK)

        assert far.kind is near.kind is VerdictKind.DELIVERED
        assert (far.total, far.lost, far.summary) == (near.total, near.lost, near.summary)
        assert await agents.nothing_is_held()

    run(test, tmp_path)


def test_several_tasks_share_an_agents_connection_and_do_not_disturb_each_other(tmp_path):
    async def test(agents, at):
        await at.come(agents)
        links = [await linked(at) for _ in range(5)]
        for number, link in enumerate(links, start=1):
            await link.ask(Log(request=0, task_id=number, policy=LOG.policy, lease_ns=10**11), Done)
        for link in links[:4]:
            await link.close()
        assert (await links[4].ask(Ping(request=0), Pong)).clock_ns
        assert agents.web.logged == LOG.policy.ports
        await links[4].close()
        assert await agents.nothing_is_held()

    run(test, tmp_path)


def test_an_agent_that_loses_its_connection_lets_go_and_comes_again(tmp_path):
    async def test(agents, at):
        await at.come(agents)
        link = await linked(at)
        await link.ask(LOG, Done)
        at.gate._inside["cn-1"].running.cancel()

        await until(lambda: not link.is_up)
        assert await agents.nothing_is_held()
        await until(lambda: at.gate.agents == ("cn-1", "cn-2"))
        await until(lambda: at.gate._socket_of("cn-1").exists())
        await all_are_served(at)
        await link.close()

    run(test, tmp_path)


def test_a_gate_that_comes_back_finds_its_agents_again(tmp_path):
    async def test(agents, at):
        await at.come(agents)
        await at.gate.close()
        assert at.gate.agents == ()
        await at.gate.open()
        await until(lambda: len(at.gate.agents) == 2, within_s=30)
        await all_are_served(at)

    run(test, tmp_path)


def test_an_agent_that_is_killed_is_an_agent_that_is_gone(tmp_path):
    async def test(agents, at):
        await at.come(agents)
        link = await linked(at)
        await agents.kill("cn-1")
        await until(lambda: not link.is_up)
        with pytest.raises(AgentUnreachable):
            await linked(at)
        await link.close()

    run(test, tmp_path)


def test_a_host_that_calls_itself_otherwise_than_its_certificate_is_refused(tmp_path):
    async def test(agents, at):
        await at.join("cn-9")
        at.dial("cn-9", agents.cloud.agents[0].socket)  # it says that it is cn-1
        await until(lambda: at.gate.agents == ("cn-9",))
        await until(lambda: at.gate._socket_of("cn-9").exists())
        agents.cloud = at.gate.cloud("test")
        with pytest.raises(AgentUnreachable, match="cn-9 calls itself 'cn-1'"):
            await agents.diagnose(TASK)

    run(test, tmp_path)


@pytest.mark.parametrize("by", ["host", "serial", "another process"])
def test_a_revoked_agent_is_out_and_stays_out(tmp_path, by, caplog):
    async def test(agents, at):
        await at.come(agents)
        link = await linked(at)
        if by == "another process":
            at.gate.enrolment.register.revoke("cn-1")
        else:
            at.gate.revoke("cn-1" if by == "host" else at.gate._inside["cn-1"].entry.serial)
        await until(lambda: not link.is_up)
        await until(lambda: "is revoked or unknown" in caplog.text)

        assert at.gate.agents == ("cn-2",)
        with pytest.raises(CertificateRefused, match="revoked"):
            await asyncio.to_thread(enrol.renew, at.member("cn-1"))
        await all_are_served(at)
        await link.close()

    with caplog.at_level(logging.INFO):
        run(test, tmp_path)


def test_a_certificate_is_renewed_in_time_without_a_break(tmp_path, monkeypatch):
    monkeypatch.setattr(enrolment, "RENEW_AT", 0.0)  # as if two thirds of its life were over

    async def test(agents, at):
        await at.come(agents)
        link = await linked(at)
        inside = at.gate._inside["cn-1"]
        first, identity = inside.entry, at.member("cn-1").identity.read_bytes()
        await until(lambda: at.gate._inside["cn-1"].entry != first, within_s=30)
        monkeypatch.undo()
        at.gate.now = lambda: datetime.fromtimestamp(first.expires, UTC)
        at.gate._send_away_unproven()

        assert (await link.ask(Ping(request=0), Pong)).clock_ns
        assert at.gate._inside["cn-1"] is inside
        await until(lambda: at.member("cn-1").identity.read_bytes() != identity)
        await link.close()

    run(test, tmp_path)


def test_an_agent_whose_certificate_ends_is_out(tmp_path, caplog):
    async def test(agents, at):
        await at.join("cn-1")
        at.dial("cn-1", agents.cloud.agents[0].socket)
        await until(lambda: at.gate.agents == ("cn-1",))
        at.gate.now = lambda: now() + timedelta(hours=25)
        await until(lambda: at.gate.agents == ())
        assert "host cn-1 is sent away: its certificate has expired" in caplog.text
        assert at.gate.why_out("cn-1") == "its certificate has expired"
        at.gate.now = now
        await until(lambda: at.gate.agents == ("cn-1",))
        assert not at.gate.why_out("cn-1")

    run(test, tmp_path)


def test_a_clock_that_jumps_past_all_certificates_costs_a_task_its_hosts_and_the_next_nothing(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(controller_link, "BACK_WITHIN_S", 0.5)

    async def test(agents, at):
        await at.come(agents)
        agents.web.colors_at_once = 1  # so that it goes on

        def of_the_source(policy):
            batch = delivered(policy)
            return replace(batch, records=batch.records[batch.records["host"] == 1])

        agents.web.records_of = of_the_source
        tracing = asyncio.create_task(agents.diagnose(TASK))
        await until(lambda: agents.web.coloring)
        at.gate.now = lambda: now() + timedelta(hours=25)
        verdict = await tracing
        assert verdict.kind is VerdictKind.UNDETERMINED
        assert {unknown.code for unknown in verdict.unknowns} == {Absence.AGENT_DOWN}
        assert "was out of reach for too long during the task" in verdict.unknowns[0].text

        at.gate.now = now
        await until(lambda: len(at.gate.agents) == 2, within_s=30)
        agents.web.colors_at_once, agents.web.records_of = 3, delivered
        again = await agents.diagnose(replace(TASK, id=99))
        assert again.kind is VerdictKind.DELIVERED

    run(test, tmp_path)


def test_a_gate_that_the_token_is_not_of_is_told_nothing(tmp_path):
    async def test(_agents, at):
        token = at.gate.enrolment.make_token(now=now())
        other = JoinToken(secret=token.secret, fingerprint="0" * 64)
        with pytest.raises(CertificateRefused, match="nothing was told to it"):
            await at.join("cn-1", token=other)
        await at.join("cn-1", token=token)  # its secret was never heard

    run(test, tmp_path)


def test_a_token_used_twice_lets_one_host_in(tmp_path):
    async def test(_agents, at):
        token = at.gate.enrolment.make_token(now=now())
        outcomes = await asyncio.gather(
            *(at.join(f"cn-{number}", token=token) for number in range(4)), return_exceptions=True
        )
        refused = [each for each in outcomes if isinstance(each, CertificateRefused)]
        assert len(refused) == 3
        assert len(at.gate.cloud("test").agents) == 1

    run(test, tmp_path)


@pytest.mark.parametrize(
    ("minutes_behind", "is_let_in"), [(4, True), (10, False)], ids=["a little", "much"]
)
def test_a_host_whose_clock_is_behind_is_let_in_or_told_why(tmp_path, minutes_behind, is_let_in):
    """The controller's clock is ahead, which is the same to the host."""
    open_authority(tmp_path / "gate", now=now() - timedelta(days=1))

    async def test(_agents, at):
        if is_let_in:
            await at.join("cn-1")
            return
        with pytest.raises(CertificateRefused, match=r"not yet valid.*clocks"):
            await at.join("cn-1")

    run(test, tmp_path, now=lambda: now() + timedelta(minutes=minutes_behind))


def a_stranger(tmp_path, at, kind):
    """A context as a stranger of some kind would use it."""
    authority = at.gate.enrolment.authority
    context = trusting(authority.pem.decode())
    if kind == "without a certificate":
        return context
    if kind == "with the controller's own certificate":
        signer, moment = authority, now()
    else:
        signer, moment = open_authority(tmp_path / "other", now=datetime.now(UTC)), now()
    if kind == "with an expired certificate":
        signer, moment = authority, now() - AUTHORITY_LIFETIME / 2
    file = tmp_path / "stranger.pem"
    file.write_bytes(new_identity(signer, names=["cn-1"], now=moment))
    context.load_cert_chain(file)
    return context


@pytest.mark.parametrize("wish", [OpenChannel(), RenewCertificate(request_pem="")])
@pytest.mark.parametrize(
    "kind",
    [
        "without a certificate",
        "of another authority",
        "with the controller's own certificate",
        "with an expired certificate",
    ],
)
def test_a_stranger_is_refused_and_logged_and_harms_nobody(tmp_path, kind, wish, caplog):
    async def test(agents, at):
        await at.come(agents)
        answer = await said_to(at, a_stranger(tmp_path, at, kind), line_of(wish))

        await until(lambda: "127.0.0.1 was refused" in caplog.text)
        if answer:
            assert isinstance(said_in(answer), NotAdmitted)
        assert at.gate.agents == ("cn-1", "cn-2")
        await all_are_served(at)

    run(test, tmp_path)


@pytest.mark.parametrize("secured", [False, True], ids=["plain", "TLS"])
@pytest.mark.parametrize(
    "said", [b"GET / HTTP/1.1\r\n\r\n", b"\0" * 70_000, b"[]\n", b'["Join", {"secret": 1}]\n']
)
def test_garbage_is_refused_and_logged_and_harms_nobody(tmp_path, secured, said, caplog):
    async def test(agents, at):
        await at.come(agents)
        context = a_stranger(tmp_path, at, "without a certificate") if secured else None
        await said_to(at, context, said)
        await until(lambda: "127.0.0.1 was refused" in caplog.text)
        assert "bug" not in caplog.text
        await all_are_served(at)

    run(test, tmp_path)


def test_who_says_nothing_is_sent_away_and_a_crowd_is_not_let_near(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(controller_gate, "SPEAK_WITHIN_S", 0.5)
    monkeypatch.setattr(controller_gate, "MOST_FROM_ONE_ADDRESS", 4)

    async def test(agents, at):
        await at.come(agents)
        silent = [await asyncio.open_connection("127.0.0.1", at.gate.port) for _ in range(8)]
        await until(lambda: "too many strangers" in caplog.text)
        await all_are_served(at)
        for reader, writer in silent:
            assert await asyncio.wait_for(reader.read(), 10) == b""
            writer.close()
        await at.join("cn-3")

    run(test, tmp_path)


def test_an_older_tls_is_refused(tmp_path, caplog):
    async def test(_agents, at):
        context = a_stranger(tmp_path, at, "without a certificate")
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        assert await said_to(at, context, line_of(OpenChannel())) == b""
        await until(lambda: "127.0.0.1 was refused" in caplog.text)

    run(test, tmp_path)


def test_a_copied_identity_ends_the_older_connection_and_is_logged(tmp_path, caplog):
    async def test(agents, at):
        await at.come(agents)
        first = at.gate._inside["cn-1"]
        shutil.copytree(at.member("cn-1").state, at.member("copy").state)
        at.dial("copy", agents.cloud.agents[0].socket)
        await until(lambda: at.gate._inside.get("cn-1") not in (None, first))
        assert "cn-1 connects anew" in caplog.text

    run(test, tmp_path)


def test_of_many_connections_of_one_host_at_once_one_stays(tmp_path):
    async def test(_agents, at):
        await at.join("cn-1")
        context = at.member("cn-1").context()
        ends = await asyncio.gather(
            *(
                asyncio.open_connection(
                    "127.0.0.1", at.gate.port, ssl=context, server_hostname=CONTROLLER
                )
                for _ in range(6)
            )
        )
        for _, writer in ends:
            writer.write(line_of(OpenChannel()))
        reading = [asyncio.create_task(reader.read()) for reader, _ in ends]
        await until(lambda: len([each for each in reading if each.done()]) == 5)
        at.gate.revoke("cn-1")  # reaches the one that stayed
        await asyncio.wait_for(asyncio.gather(*reading, return_exceptions=True), 10)
        for _, writer in ends:
            writer.transport.abort()

    run(test, tmp_path)
