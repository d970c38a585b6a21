"""The whole: a cloud, `dyetrace up`, HTTP clients, a fault; and the controller's violent ends."""

import json
import signal
import ssl
import stat
import subprocess

import httpx
import pytest

from dyetrace.lab.faults import AclDeny
from dyetrace.lab.traffic import flowing
from support.diagnosis import eventually
from support.identity import AUDIENCE, Provider
from support.service import Service, answered, attached, events_of

ASKED = {"filter": {"srcVM_ID": "blue-web", "dstVM_ID": "blue-db"}, "trace_time": 10}
LONG = ASKED | {"packet_count": 100_000, "trace_time": 300, "packets_per_second": 50}


def flow(cloud):
    return flowing(cloud, "blue-web", "blue-db", protocol="udp", family=4, rate=200, duration=60)


def test_the_first_start_makes_a_token_that_only_its_owner_reads(service):
    assert f"operator's token: {service.token_file}" in service.said
    assert stat.S_IMODE(service.token_file.stat().st_mode) == 0o600
    before = service.token_file.read_text()
    with service.client() as client:
        assert client.get("/v1/traces").status_code == 200

    service.end(signal.SIGTERM)
    service.start()

    assert service.token_file.read_text() == before
    assert httpx.get(f"{service.url}/v1/traces").status_code == 401


def test_a_healthy_flow_a_fault_and_its_cause(cloud, service):
    with service.client() as client, flow(cloud) as sent:
        added = client.post("/v1/traces", json=ASKED)
        assert added.status_code == 202, added.text
        healthy = answered(client, added.json()["id"])
        assert healthy["verdict"] == "DELIVERED", healthy["summary"]

        cloud.inject(AclDeny(direction="rx", vm="blue-db"))
        try:
            name = client.post("/v1/traces", json=ASKED).json()["id"]
            told = client.get(f"/v1/traces/{name}/events", timeout=30).text
            broken = answered(client, name)
        finally:
            cloud.heal()
        assert sent.stop().lost > 0

    assert broken["verdict"] == "LOST"
    assert broken["findings"][0]["code"] == "RX_ACL_DENY"
    steps = [data["to"] for kind, data in events_of(told) if kind == "transition"]
    assert steps == ["new", "ready", "tracing", "collecting", "done"]
    assert "RX_ACL_DENY" in service.cli("result", name, "-o", "json").stdout


def test_a_tenant_sees_its_loss_but_no_host_and_no_other_tenant(cloud, service):
    blue = service.token("bob", "--tenant", "blue")
    red = service.token("rita", "--tenant", "green")
    with service.client(blue) as bob, service.client(red) as rita, flow(cloud):
        cloud.inject(AclDeny(direction="rx", vm="blue-db"))
        try:
            added = bob.post("/v1/traces", json=ASKED)
            assert added.status_code == 202, added.text
            answer = answered(bob, added.json()["id"])
        finally:
            cloud.heal()
        theirs = rita.get(f"/v1/traces/{added.json()['id']}")
        refused = rita.post("/v1/traces", json=ASKED)

    assert answer["verdict"] == "LOST"
    assert not any(host.name in str(answer) for host in cloud.hosts)
    assert (theirs.status_code, refused.status_code) == (404, 404)
    assert "nearest: blue" not in refused.text
    assert "blue-app" not in refused.text


def test_a_revoked_token_is_refused_at_once(service):
    token = service.token("bob", "--tenant", "blue", "--role", "tenant-reader")
    with service.client(token) as client:
        assert client.get("/v1/traces").status_code == 200
        service.cli("token", "revoke", token.split("_")[1])
        assert client.get("/v1/traces").status_code == 401


def started(cloud, service):
    """Start a long task, and wait until it colors."""
    with service.client() as client:
        name = client.post("/v1/traces", json=LONG).json()["id"]
        eventually(
            lambda: client.get(f"/v1/traces/{name}").json()["state"] == "tracing",
            what="the task to color",
        )
    eventually(lambda: attached(cloud) > 0, what="programs to be attached")
    return name


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_cancels_all_cleans_up_on_all_hosts_and_ends(cloud, service, number):
    with flow(cloud):
        name = started(cloud, service)

        assert service.end(number) == 0

        assert "nothing of any is left" in service.log()
        assert "Traceback" not in service.log()
        eventually(lambda: attached(cloud) == 0, what="the programs to be gone")
    service.start()
    with service.client() as client:
        ended = client.get(f"/v1/traces/{name}").json()
    assert (ended["state"], ended["error"]) == ("cancelled", "the controller was stopped")


def test_the_switch_is_pulled_by_the_database_too_and_stands_in_the_audit_log(cloud, service):
    with flow(cloud):
        name = started(cloud, service)

        killed = service.cli("kill", "--reason", "incident 7")

        assert "1 tasks cancelled" in killed.stdout, killed.stderr
        eventually(lambda: attached(cloud) == 0, what="the programs to be gone")
    with service.client() as client:
        refused = client.post("/v1/traces", json=ASKED)
        assert client.get(f"/v1/traces?id={name}").json()["items"][0]["state"] == "cancelled"
    here = service.cli("add", "--cloud", cloud.name, "--src", "blue-web")
    released = service.cli("kill", "--release")
    again = service.cli("add", "--cloud", cloud.name, "--src", "blue-web", "--time", "1s")
    audit = [
        (line["action"], line["target"])
        for line in json.loads(service.cli("audit", "-o", "json").stdout)
    ]

    assert (refused.status_code, refused.json()["code"]) == (503, "TRACING_STOPPED")
    assert (here.returncode, released.returncode, again.returncode) == (1, 0, 0), again.stderr
    assert "incident 7" in here.stderr
    assert audit[:2] == [("start", name), ("kill", "incident 7")]
    assert audit[-2:] == [("release", "kill switch"), ("start", again.stdout.strip())]


def test_tokens_of_an_identity_provider_open_the_door(cloud, tmp_path):
    provider = Provider()
    provider.make_key("one")
    oidc = ("--oidc-issuer", provider.issuer, "--oidc-audience", AUDIENCE)
    service = Service(cloud, tmp_path, *oidc, "--log-format", "json")
    try:
        service.start()
        with service.client(provider.token()) as bob:
            assert bob.post("/v1/traces", json=ASKED | {"dry_run": True}).status_code == 200
            assert bob.get("/metrics").status_code == 403
        with service.client(provider.token(aud="another")) as stranger:
            assert stranger.get("/v1/traces").status_code == 401
        with service.client() as operator:
            assert operator.get("/v1/traces").status_code == 200
        said = [json.loads(line) for line in service.log().splitlines()]
        (refusal,) = [line for line in said if "was refused" in line["text"]]
        assert "Audience" in refusal["text"]
    finally:
        service.close()
        provider.close()


def test_a_killed_controllers_tasks_go_on_when_it_is_started_anew(cloud, service):
    with flow(cloud), service.client() as client:
        added = client.post("/v1/traces", json=LONG | {"packet_count": 300})
        name = added.json()["id"]
        eventually(lambda: attached(cloud) > 0, what="programs to be attached")

        service.end(signal.SIGKILL)
        assert attached(cloud) > 0
        service.start()
        with service.client() as again:
            answer = answered(again, name)
    assert answer["verdict"] == "DELIVERED", answer["summary"]
    assert (answer["total"], answer["cost"]["records_lost"]) == (300, 0)
    eventually(lambda: attached(cloud) == 0, what="the programs to be gone")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--listen", "0.0.0.0:0"), "--tls-cert"),
        (("--listen", "nonsense"), "ADDRESS:PORT"),
        (("--tls-cert", "/dev/null"), "--tls-key"),
        (("--tls-cert", "/dev/null", "--tls-key", "/dev/null"), "/dev/null"),
        (("--database", "mysql://x"), "neither sqlite nor postgresql"),
        (("--oidc-issuer", "https://login.example"), "--oidc-audience"),
        (("--oidc-issuer", "http://login.example", "--oidc-audience", "x"), "https"),
        (("--log-format", "xml"), "text, json"),
    ],
)
def test_what_would_not_be_safe_or_make_no_sense_does_not_start(cloud, service, arguments, said):
    done = service.cli("up", "--cloud", cloud.name, *arguments)

    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_with_a_certificate_it_speaks_https(cloud, tmp_path):
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "1", "-subj", "/CN=localhost", "-addext",
         "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True,
    )  # fmt: skip
    service = Service(cloud, tmp_path, "--tls-cert", str(certificate), "--tls-key", str(key))
    try:
        service.start()
        assert service.url.startswith("https://")
        trusting = ssl.create_default_context(cafile=str(certificate))
        assert httpx.get(f"{service.url}/healthz", verify=trusting).json() == {"status": "ok"}
    finally:
        service.close()
