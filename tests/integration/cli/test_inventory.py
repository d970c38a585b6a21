"""`--inventory FILE`: the provider's names in filters and verdicts, contradictions told."""

import json

import pytest

CLOUD = """version: 1
tenants: [{{name: blue}}]
networks: [{{name: lan, tenant: blue, prefixes: [10.7.0.0/24]}}]
hosts: [{{name: {host}, vfds: [{{name: edge-switch}}]}}]
vms:
  - id: frontend
    nics: [{{id: frontend-0, mac: "{web}", addresses: [10.7.0.1], network: lan}}]
  - id: database
    nics: [{{id: database-0, addresses: [{db}], network: lan}}]
"""


@pytest.fixture
def written(bridged, tmp_path):
    """Write an inventory of the host; the MAC is read from the VM's own device."""

    def write(db="10.7.0.2", **others):
        in_web = ("ip", "netns", "exec", "web")
        known = {
            "web": bridged.do(*in_web, "cat", "/sys/class/net/eth0/address").strip(),
            "host": bridged.answer("doctor")["host"],
        }
        path = tmp_path / "cloud.yaml"
        path.write_text(CLOUD.format(db=db, **(known | others)), encoding="utf-8")
        return str(path)

    return write


def trace(host, *arguments, status=0):
    done = host.dyetrace("trace", "--cloud", "host", "-o", "json", *arguments)
    assert done.returncode == status, done.stderr + done.stdout
    return done


def test_filters_and_verdicts_use_the_files_names(bridged, written):
    done = trace(bridged, "--src", "frontend", "--dst", "database", "--inventory", written())

    answer = json.loads(done.stdout)
    assert answer["verdict"] == "DELIVERED"
    assert "to database" in answer["summary"]
    assert {hop["vfd"] for hop in answer["paths"][0]["hops"]} == {"edge-switch"}
    assert "inventory:" not in done.stderr


def test_a_contradiction_is_told_and_the_traffic_is_traced_all_the_same(bridged, written):
    path = written(web="02:00:00:00:00:99")

    done = trace(bridged, "--src", "frontend", "--dst", "10.7.0.2", "--inventory", path)

    assert json.loads(done.stdout)["verdict"] == "DELIVERED"
    assert "note: inventory: NIC frontend-0: should have MAC 02:00:00:00:00:99" in done.stderr


def test_names_that_are_not_in_the_file_are_refused_with_the_nearest(bridged, written):
    done = trace(bridged, "--src", "fronted", "--inventory", written(), status=2)

    assert "nearest: frontend" in done.stderr


def test_a_wrong_file_is_refused_with_the_line_before_anything_starts(bridged, written):
    agents = bridged.agents()

    done = trace(bridged, "--src", "frontend", "--inventory", written(db="10.9.9.9"), status=1)

    assert "cloud.yaml: line 9: vms[1].nics[0].addresses[0]: 10.9.9.9 is not in lan" in done.stderr
    assert bridged.agents() == agents
