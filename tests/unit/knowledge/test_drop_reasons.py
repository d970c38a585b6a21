"""Every drop reason has a cause and a meaning: those of this kernel, and of others."""

import json
import subprocess
from pathlib import Path
from shutil import which

import pytest

from dyetrace.knowledge.catalogue import CAUSES, PREFIX, cause_of_drop_reason
from dyetrace.knowledge.drop_reasons import MEANINGS
from dyetrace.knowledge.probe_catalogue import PROBES

VMLINUX = Path("/sys/kernel/btf/vmlinux")
SUBSYSTEMS = {"ovs_drop_reason": "OVS_DROP_", "qdisc_drop_reason": "QDISC_DROP_"}
NO_DROPS = {"MAX", "SUBSYS_MASK"}

OTHER_KERNELS = [
    "PTYPE_ABSENT",
    "TC_ERROR",
    "QDISC_INGRESS",
    "VXLAN_INVALID_SMAC",
    "VXLAN_NO_REMOTE",
    "BLACKHOLE",
    "OVS_DROP_LAST_ACTION",
    "OVS_DROP_ACTION_ERROR",
    "OVS_DROP_EXPLICIT",
    "OVS_DROP_EXPLICIT_WITH_ERROR",
    "OVS_DROP_METER",
    "OVS_DROP_RECURSION_LIMIT",
    "OVS_DROP_DEFERRED_LIMIT",
    "OVS_DROP_FRAG_L2_TOO_LONG",
    "OVS_DROP_FRAG_INVALID_PROTO",
    "OVS_DROP_CONNTRACK",
    "OVS_DROP_IP_TTL",
    "QDISC_DROP_GENERIC",
    "QDISC_DROP_OVERLIMIT",
    "QDISC_DROP_CONGESTED",
    "QDISC_DROP_MAXFLOWS",
    "QDISC_DROP_FLOOD_PROTECTION",
    "QDISC_DROP_BAND_LIMIT",
    "QDISC_DROP_HORIZON_LIMIT",
    "QDISC_DROP_FLOW_LIMIT",
    "QDISC_DROP_L4S_STEP_NON_ECN",
]


def reasons_of_this_kernel() -> list[str]:
    """Read the names of all drop reasons from the kernel's BTF."""
    if not VMLINUX.exists() or which("bpftool") is None:
        pytest.skip("needs bpftool and a kernel with BTF")
    dump = subprocess.run(
        ["bpftool", "--json", "btf", "dump", "file", str(VMLINUX)], capture_output=True, check=True
    )
    names = []
    for one in json.loads(dump.stdout)["types"]:
        values = [value["name"] for value in one.get("values", ()) if one["kind"] == "ENUM"]
        if one["name"] == "skb_drop_reason":
            names += [value.removeprefix(PREFIX) for value in values if value.startswith(PREFIX)]
        elif one["name"] in SUBSYSTEMS:
            names += [value for value in values if value.startswith(SUBSYSTEMS[one["name"]])]
    return [name for name in names if name not in NO_DROPS and not name.endswith("_DROP_MAX")]


def without_cause_or_meaning(names: list[str]) -> list[str]:
    """Give those that nobody has thought about yet."""
    known = {reason for cause in CAUSES for reason in cause.drop_reasons}
    return [name for name in names if name not in known or not MEANINGS.get(name)]


def test_every_drop_reason_of_this_kernel_has_a_cause_and_a_meaning() -> None:
    reasons = reasons_of_this_kernel()

    assert len(reasons) > 50
    assert without_cause_or_meaning(reasons) == []


def test_a_drop_reason_nobody_has_thought_about_is_noticed() -> None:
    assert without_cause_or_meaning(["NO_SOCKET", "SOMETHING_NEW"]) == ["SOMETHING_NEW"]


def test_drop_reasons_of_other_kernels_have_a_cause_and_a_meaning() -> None:
    assert without_cause_or_meaning(OTHER_KERNELS) == []


def test_only_a_drop_without_reason_is_unspecified() -> None:
    unspecified = [name for name in MEANINGS if is_unspecified(name)]

    assert unspecified == ["NOT_SPECIFIED"]


def is_unspecified(name: str) -> bool:
    """Say whether a reason ends in the cause that explains nothing."""
    return cause_of_drop_reason(name).code == "UNSPECIFIED_DROP"


def test_every_meaning_is_of_a_reason_in_the_catalogue() -> None:
    known = {reason for cause in CAUSES for reason in cause.drop_reasons}

    assert set(MEANINGS) <= known


def test_every_drop_reason_of_this_kernel_has_a_probe() -> None:
    probed = {probe.reason for probe in PROBES}

    assert [name for name in reasons_of_this_kernel() if name not in probed] == []
