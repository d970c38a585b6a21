"""The functions that probes name exist in this kernel."""

from pathlib import Path

import pytest

from dyetrace.knowledge.probe_catalogue import BUILT_IN, PLACED

KALLSYMS = Path("/proc/kallsyms")
# What a distribution may build as a module, or leave out: then none of its functions is there.
OPTIONAL = {"tun_", "tap_", "macvlan_", "veth_", "vxlan_", "br_", "bond_", "ifb_", "nfqnl_", "nft_"}


def functions_of_this_kernel() -> set[str]:
    """Read the names of all functions, without the suffixes that compilers add."""
    lines = KALLSYMS.read_text().splitlines()
    return {line.split()[2].split(".")[0] for line in lines if line.split()[1] in "tT"}


def test_functions_of_built_in_subsystems_exist() -> None:
    if not KALLSYMS.exists():
        pytest.skip("needs /proc/kallsyms")
    known = functions_of_this_kernel()
    named = {probe.place for probe in PLACED if probe.subsystem in BUILT_IN and probe.place}
    absent = {
        prefix for prefix in OPTIONAL if not any(function.startswith(prefix) for function in known)
    }

    missing = [name for name in named - known if not name.startswith(tuple(absent))]

    assert sorted(missing) == []
