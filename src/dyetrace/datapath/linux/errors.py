"""What can go wrong between us and the kernel, and what to do about it."""

from dyetrace import errors
from dyetrace.errors import DyetraceError


class DatapathError(DyetraceError):
    """The kernel refused something; its own words are in the message."""


class NotPermitted(DatapathError, errors.NotPermitted):
    """We may not load programs or enter namespaces."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what} is not permitted: run as root, or with the capabilities "
            "BPF, PERFMON, NET_ADMIN, SYS_ADMIN, SYS_PTRACE and SYSLOG"
        )


class NoBtf(DatapathError):
    """The kernel does not describe its own types."""

    def __init__(self, path: str) -> None:
        super().__init__(
            f"{path} is missing: dyetrace needs a kernel of 5.12 or later "
            "built with CONFIG_DEBUG_INFO_BTF=y"
        )


class ObjectsMissing(DatapathError):
    """The compiled programs are not where the package should have them."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path} is missing: build it with `make -C bpf`")
        self.path = path


class LibbpfMissing(DatapathError):
    """libbpf is not installed, or too old."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"libbpf.so.1 does not load ({reason}): install libbpf1 or libbpf")


class PortVanished(DatapathError):
    """The port, or its namespace, is gone."""

    def __init__(self, *, netns: int, ifindex: int) -> None:
        super().__init__(
            f"port {ifindex} of namespace {netns} does not exist any more: discover ports again"
        )
        self.netns = netns
        self.ifindex = ifindex


class NamespaceVanished(DatapathError):
    """What should lead into a namespace does not."""

    def __init__(self, namespace: str | int) -> None:
        super().__init__(f"namespace {namespace} cannot be entered any more: discover again")
        self.namespace = namespace
