"""`dyetrace lab` does what it says, and says what to do when it cannot."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from dyetrace.lab.cloud import Cloud
from dyetrace.lab.faults import FAULTS
from dyetrace.lab.kinds import KINDS
from support.nobody import AS_NOBODY

LAB = "from dyetrace.cli.lab import app; app()"


def lab(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command as people do."""
    return subprocess.run(
        [sys.executable, "-c", LAB, *arguments], capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    """A cloud that was brought up by the command itself."""
    name = f"test-cli-{os.getpid()}"
    done = lab("up", name, "--kind", "three-hosts", "--no-agents")
    assert done.returncode == 0, done.stderr
    yield Cloud.load(name)
    done = lab("down", name)
    assert done.returncode == 0, done.stderr
    assert name not in Cloud.names()


def test_list_names_every_kind_and_fault() -> None:
    listed = lab("list").stdout

    for name in (*(kind.kind for kind in KINDS), *(fault.name for fault in FAULTS)):
        assert name in listed


def test_status_lists_vms_and_faults(cloud: Cloud) -> None:
    found = json.loads(lab("status", "-o", "json").stdout)["clouds"]

    mine = next(each for each in found if each["cloud"] == cloud.name)
    assert [vm["id"] for vm in mine["vms"]] == [vm.id for vm in cloud.vms]
    assert mine["faults"] == []
    assert cloud.name in lab("status").stdout


def test_exec_runs_in_the_vm_and_exits_as_the_program_does(cloud: Cloud) -> None:
    shown = lab("exec", "--cloud", cloud.name, "blue-db", "ip", "-brief", "address")
    assert "10.0.2.21/24" in shown.stdout

    assert lab("exec", "--cloud", cloud.name, "blue-db", "sh", "-c", "exit 7").returncode == 7


def test_a_fault_is_injected_seen_by_traffic_and_healed(cloud: Cloud) -> None:
    where = ("--cloud", cloud.name)
    assert lab("traffic", "blue-web", "blue-db", *where).returncode == 0

    broken = lab("fault", *where, "acl_deny", "direction=tx", "protocol=udp")
    assert "TX_ACL_DENY" in broken.stdout
    lost = lab("traffic", "blue-web", "blue-db", "-o", "json", *where)
    assert lost.returncode == 10
    assert json.loads(lost.stdout)["lost"] == 20
    assert "acl_deny" in lab("heal", *where).stdout

    assert lab("traffic", "blue-web", "blue-db", "-6", *where).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        (("up", "three-host"), "did you mean three-hosts"),
        (("exec", "--cloud", "{cloud}", "blue-bd", "true"), "did you mean blue-db"),
        (("fault", "--cloud", "{cloud}", "acl_deni"), "did you mean acl_deny"),
        (("fault", "--cloud", "{cloud}", "acl_deny", "wm=1"), "did you mean vm"),
        (("heal", "--cloud", "no-such-cloud"), "no cloud is called"),
        (("up", "{cloud}", "--kind", "one-host", "--no-agents"), "is up already"),
        (("traffic", "nobody", "blue-db", "--cloud", "{cloud}"), "no VM is called"),
    ],
)
def test_an_error_is_one_line_that_says_what_to_do(
    cloud: Cloud, arguments: tuple[str, ...], answer: str
) -> None:
    done = lab(*(each.format(cloud=cloud.name) for each in arguments))

    assert done.returncode == 1
    assert answer in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_without_root_it_says_so() -> None:
    done = subprocess.run(
        [*AS_NOBODY, sys.executable, "-c", LAB, "up", "one-host"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert "run it as root" in done.stderr
