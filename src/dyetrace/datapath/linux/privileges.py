"""Which capabilities the agent needs, and what it does without each."""

import os
import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Capability:
    """One of capabilities(7), by its number in include/uapi/linux/capability.h."""

    name: str
    number: int
    without: str  # what cannot be done
    is_needed: bool = False  # else more is seen with it
    is_in_sys_admin: bool = False  # the kernel takes CAP_SYS_ADMIN for it

    def is_held(self, mask: int) -> bool:
        """Whether a process with this mask may do what it stands for."""
        stands_for = 1 << self.number | (1 << SYS_ADMIN if self.is_in_sys_admin else 0)
        return bool(mask & stands_for)


SYS_ADMIN = 21
CAPABILITIES = (
    Capability(
        name="CAP_BPF",
        number=39,
        without="no program can be loaded",
        is_needed=True,
        is_in_sys_admin=True,
    ),
    Capability(
        name="CAP_PERFMON",
        number=38,
        without="the kernel refuses the programs",
        is_needed=True,
        is_in_sys_admin=True,
    ),
    Capability(
        name="CAP_NET_ADMIN",
        number=12,
        without="no program can be attached, and no rule read",
        is_needed=True,
    ),
    Capability(
        name="CAP_SYS_ADMIN",
        number=SYS_ADMIN,
        without="only the agent's own network namespace is seen",
    ),
    Capability(
        name="CAP_SYS_PTRACE",
        number=19,
        without="namespaces of other users' processes that have no name, and VMs behind taps, are "
        "not seen",
    ),
    Capability(
        name="CAP_SYSLOG",
        number=34,
        without="the kernel's function that dropped a packet has no name",
    ),
)


def held() -> int:
    """Give the mask of the capabilities that this thread has."""
    status = Path("/proc/thread-self/status").read_text(encoding="ascii", errors="replace")
    found = re.search(r"^CapEff:\s*(\w+)", status, re.MULTILINE)
    return int(found[1], 16) if found else 0


def missing(mask: int) -> tuple[Capability, ...]:
    """Say which are not held."""
    return tuple(each for each in CAPABILITIES if not each.is_held(mask))


def may_enter_namespaces() -> bool:
    """Whether other network namespaces than ours can be entered."""
    return bool(held() & 1 << SYS_ADMIN)


def who() -> str:
    """Say as whom we run, for those who wonder what is missing."""
    return "root" if os.geteuid() == 0 else f"user {os.geteuid()} with capabilities"
