"""What this host allows: the checks of `dyetrace doctor`."""

import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pyroute2.netlink.exceptions import NetlinkError

from dyetrace.datapath.linux import probes
from dyetrace.datapath.linux.btf import KIND_TYPEDEF, VMLINUX, Btf, drop_arguments
from dyetrace.datapath.linux.errors import DatapathError
from dyetrace.datapath.linux.libbpf import SONAME, library
from dyetrace.datapath.linux.objects import OBJECTS
from dyetrace.datapath.linux.privileges import held, missing, who

OLDEST_KERNEL = (5, 12)
TRACEPOINT = "btf_trace_kfree_skb"
ARGUMENTS_WITH_REASON = 3
PROGRAMS = ("color.bpf.o", "log_hop.bpf.o", "log_drop.bpf.o")
SBIN = "/usr/sbin:/sbin:/usr/bin:/bin:/usr/local/sbin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that tracing needs of this host.

    ok is False where dyetrace cannot trace without it, None where it can, but
    shows less or costs more.
    """

    name: str
    ok: bool | None
    found: str
    advice: str = ""  # what to do; empty where nothing is to be done


def check_capabilities() -> tuple[Check, ...]:
    """Check everything that tracing needs; never raises, changes nothing."""
    return tuple(_carried_out(check) for check in CHECKS)


def check_privileges() -> Check:
    """Look for the capabilities that loading programs and entering namespaces takes."""
    lacking = missing(held())
    if not lacking:
        return Check(name="privileges", ok=True, found=who())
    effects = "; ".join(f"without {each.name} {each.without}" for each in lacking)
    return Check(
        name="privileges",
        ok=False if any(each.is_needed for each in lacking) else None,
        found=f"without {', '.join(each.name for each in lacking)}",
        advice=f"run as root, or give the agent these capabilities: {effects}",
    )


def check_kernel() -> Check:
    """Compare with Linux 5.12: older ones lack what programs need, unless it was brought back."""
    release = os.uname().release
    numbers = re.match(r"(\d+)\.(\d+)", release)
    is_new = bool(numbers) and tuple(map(int, numbers.groups() if numbers else ())) >= OLDEST_KERNEL
    return Check(
        name="kernel",
        ok=True if is_new else None,
        found=release,
        advice="" if is_new else f"Linux {'.'.join(map(str, OLDEST_KERNEL))} or later is tested",
    )


def check_btf() -> Check:
    """Look for the kernel's description of its own types, which programs fit themselves to."""
    exists = VMLINUX.exists()
    return Check(
        name="kernel types (BTF)",
        ok=exists,
        found=str(VMLINUX) if exists else f"{VMLINUX} is missing",
        advice="" if exists else "use a kernel built with CONFIG_DEBUG_INFO_BTF=y",
    )


def check_libbpf() -> Check:
    """Load the library that loads the programs."""
    name = "libbpf"
    try:
        library()
    except DatapathError as error:
        return Check(name=name, ok=False, found="missing", advice=str(error))
    return Check(name=name, ok=True, found=SONAME)


def check_programs() -> Check:
    """Look for the programs, which come compiled with the package."""
    missing = [each for each in PROGRAMS if not (OBJECTS / each).exists()]
    return Check(
        name="programs",
        ok=not missing,
        found=f"{', '.join(missing)} missing in {OBJECTS}" if missing else str(OBJECTS),
        advice="build them with `make -C bpf`, or install the package again" if missing else "",
    )


def check_ring_buffer() -> Check:
    """Make what carries records to user space."""
    return _tried("ring buffer", probes.try_ring_buffer, advice="use Linux 5.8 or later")


def check_tc_program() -> Check:
    """Load a program of the kind that colors and logs."""
    return _tried(
        "tc programs", probes.try_tc_program, advice="use a kernel with CONFIG_NET_CLS_BPF"
    )


def check_tracing() -> Check:
    """Load a program for the tracepoint that sees drops."""
    with Btf.of_kernel() as kernel:
        tracepoint = kernel.find(TRACEPOINT, KIND_TYPEDEF)
    return _tried(
        "tracing of drops",
        lambda: probes.try_tracing(tracepoint),
        advice="allow BPF tracing: no kernel lockdown, CONFIG_BPF_EVENTS=y",
    )


def check_drop_reasons() -> Check:
    """See whether the kernel says why it drops a packet, as it does since Linux 5.17."""
    says = drop_arguments() >= ARGUMENTS_WITH_REASON
    return Check(
        name="drop reasons",
        ok=True if says else None,
        found="kfree_skb gives them" if says else "kfree_skb gives none",
        advice="" if says else "use Linux 5.17 or later: until then drops have a place, no reason",
    )


def check_tcx() -> Check:
    """Attach by tcx: such programs vanish with their owner, and cost less."""
    check = _tried("tcx", probes.try_tcx, advice="")
    if check.ok is not False:
        return check
    return Check(
        name=check.name,
        ok=None,
        found=check.found,
        advice="use Linux 6.6 or later: until then tc filters are used, and cleaned up at start",
    )


def check_clsact() -> Check:
    """Add what programs hang on where there is no tcx."""
    check = _tried("clsact", probes.try_clsact, advice="use a kernel with CONFIG_NET_SCH_INGRESS")
    if check.ok is not False or not check_tcx().ok:
        return check
    return Check(name=check.name, ok=None, found=f"{check.found}, but tcx is there")


def check_jit() -> Check:
    """See whether programs are compiled: interpreted ones cost more."""
    value = _sysctl("net/core/bpf_jit_enable")
    is_off = value == "0"
    return Check(
        name="BPF compiler",
        ok=None if is_off else True,
        found="off" if is_off else "on",
        advice="switch it on: sysctl -w net.core.bpf_jit_enable=1" if is_off else "",
    )


def check_statistics() -> Check:
    """See whether run-time statistics slow programs down."""
    is_on = _sysctl("kernel/bpf_stats_enabled") not in {"", "0"}
    return Check(
        name="BPF statistics",
        ok=None if is_on else True,
        found="on" if is_on else "off",
        advice="they slow every packet: sysctl -w kernel.bpf_stats_enabled=0" if is_on else "",
    )


def check_symbols() -> Check:
    """Read the kernel's symbols: they name the place of a drop."""
    with Path("/proc/kallsyms").open(encoding="ascii", errors="replace") as symbols:
        is_readable = int(symbols.readline().split()[0], 16) != 0
    return Check(
        name="kernel symbols",
        ok=True if is_readable else None,
        found="readable" if is_readable else "hidden",
        advice="" if is_readable else "show them to root: sysctl -w kernel.kptr_restrict=1",
    )


def check_nft() -> Check:
    """Look for nft, which names the rules that drop."""
    path = shutil.which("nft", path=SBIN)
    return Check(
        name="nft",
        ok=True if path else None,
        found=path or "not installed",
        advice="" if path else "install nftables: without it the rules that drop are not named",
    )


def check_unprivileged() -> Check:
    """See who may use BPF: not our need, but worth knowing."""
    is_open = _sysctl("kernel/unprivileged_bpf_disabled") == "0"
    return Check(
        name="BPF for everybody",
        ok=None if is_open else True,
        found="allowed" if is_open else "not allowed",
        advice="dyetrace does not need it: sysctl -w kernel.unprivileged_bpf_disabled=1"
        if is_open
        else "",
    )


CHECKS = (
    check_privileges,
    check_kernel,
    check_btf,
    check_libbpf,
    check_programs,
    check_ring_buffer,
    check_tc_program,
    check_tracing,
    check_drop_reasons,
    check_tcx,
    check_clsact,
    check_jit,
    check_statistics,
    check_symbols,
    check_nft,
    check_unprivileged,
)


def _carried_out(check: Callable[[], Check]) -> Check:
    """Do a check; one that fails by itself has not found out, which is an answer too."""
    try:
        return check()
    except (OSError, ValueError, IndexError, DatapathError) as error:
        name = check.__name__.removeprefix("check_").replace("_", " ")
        return Check(name=name, ok=None, found=f"not checked: {error}")


def _tried(name: str, attempt: Callable[[], None], *, advice: str) -> Check:
    try:
        attempt()
    except (OSError, NetlinkError) as error:
        if isinstance(error, PermissionError) and check_privileges().ok is False:
            return Check(name=name, ok=None, found="not checked: it takes root")
        return Check(name=name, ok=False, found=f"refused: {error}", advice=advice)
    return Check(name=name, ok=True, found="works")


def _sysctl(name: str) -> str:
    try:
        return Path("/proc/sys", name).read_text().strip()
    except OSError:
        return ""
