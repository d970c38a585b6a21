"""Certificates renewed, expired and revoked while tasks trace, by real agents over TLS."""

import os
from contextlib import ExitStack

from dyetrace.lab.cloud import Cloud
from support.diagnosis import eventually
from support.harmed import Harmed, between, traffic, undisturbed_facts
from support.joined_far import FarAgents
from support.service import Service

HOURS = "0.005"  # 18 seconds; renewed after 12
RENEWED = 2  # cn-1's and cn-2's
EXPIRED = "certificate verify failed: certificate has expired"
ENDS = {
    "expired": ("blue-web", "blue-db"),  # cn-1 to cn-3
    "renewed": ("blue-web", "blue-cache"),  # on cn-1
    "revoked": ("green-web", "green-app"),  # cn-1 to cn-2
}
SETTINGS = ("--gate", "0.0.0.0:0", "--certificate-hours", HOURS)


def serials(service):
    told = service.cli("gate", "list")
    assert told.returncode == 0, told.stderr
    return {line.split("\t")[1] for line in told.stdout.splitlines()}


def why(answer):
    """Why an answer is undetermined; it must be, and accuse nobody."""
    assert (answer["verdict"], answer["findings"]) == ("UNDETERMINED", []), answer
    assert {each["code"] for each in answer["undetermined"]} == {"AGENT_DOWN"}, answer
    return " ".join(each["text"] for each in answer["undetermined"])


def test_certificates_are_renewed_expire_and_are_revoked_in_mid_trace(tmp_path):
    """Of cn-1 and cn-2 they are renewed; cn-3 is kept from that; cn-2's is then revoked."""
    with ExitStack() as stack:
        cloud = Cloud.up("three-hosts", name=f"t{os.getpid()}-short", agents=False)
        stack.callback(cloud.down)
        service = Service(cloud, tmp_path, *SETTINGS)
        stack.callback(service.close)
        service.start()
        far = stack.enter_context(FarAgents(cloud, service))
        far.join(*cloud.description.hosts)
        far.networks["cn-3"].refuse_new_connections()
        harmed = Harmed(cloud, service, agents=far.agents)
        before = serials(service)
        flows = [stack.enter_context(traffic(cloud, *ends)) for ends in ENDS.values()]
        many = {"packet_count": 100_000, "trace_time": 20}
        sizes = {"expired": many, "renewed": {"packet_count": 450}, "revoked": many}
        names = {
            fate: harmed.begun(filter=between(*ENDS[fate]), **size) for fate, size in sizes.items()
        }
        eventually(lambda: len(serials(service) - before) == RENEWED, what="two to be renewed")
        assert {harmed.told(name)["state"] for name in names.values()} == {"tracing"}
        assert service.cli("gate", "revoke", "cn-2").returncode == 0
        answers = {fate: harmed.ended(name) for fate, name in names.items()}
        harmed.nothing_is_left()
        losses = [flow.stop().lost for flow in flows]
        far.networks["cn-3"].speak_again()
        eventually(lambda: EXPIRED in service.log(), what="cn-3 to be refused with the reason")
        far.start_anew("cn-3")
        again = undisturbed_facts(harmed)

    assert answers["renewed"]["verdict"] == "DELIVERED", answers["renewed"]
    assert (answers["renewed"]["total"], answers["renewed"]["cost"]["records_lost"]) == (450, 0)
    assert "cn-3 was out of reach for too long" in why(answers["expired"])
    assert "its certificate has expired" in why(answers["expired"])
    assert "cn-2 was out of reach for too long" in why(answers["revoked"])
    assert "its certificate was revoked" in why(answers["revoked"])
    assert far.log("cn-1").count("connected as host cn-1") == 1
    assert again["undetermined"] == []
    assert losses == [0, 0, 0]
