"""Conditions that somebody can act on; each message says what to do."""

from collections.abc import Iterable
from difflib import get_close_matches
from enum import IntEnum


class DyetraceError(Exception):
    """Base of all errors meant for users."""


class UnknownEndpoint(DyetraceError):
    """The filter names a VM, NIC, tenant or address that nobody knows."""

    def __init__(self, *, what: str, name: str, known: Iterable[str]) -> None:
        candidates = sorted(set(known))
        near = get_close_matches(name, candidates, n=3, cutoff=0.5) or candidates[:5]
        hint = f"nearest: {', '.join(near)}" if near else "no endpoint is known here"
        super().__init__(f"no {what} {name!r} in this cloud ({hint}); see `dyetrace doctor`")
        self.what, self.name, self.nearest = what, name, tuple(near)


class AmbiguousEndpoint(DyetraceError):
    """An address belongs to several tenants' endpoints."""

    def __init__(self, *, name: str, tenants: Iterable[str]) -> None:
        self.tenants = tuple(sorted(set(tenants)))
        super().__init__(
            f"{name} exists for tenants {', '.join(self.tenants)}: add --tenant, or name the VM"
        )


class NoSource(DyetraceError):
    """No port was found at which the wanted packets enter the cloud."""


class TaskAlreadyActive(DyetraceError):
    """The same filter is being traced already."""

    def __init__(self, *, active: str) -> None:
        super().__init__(f"task {active} traces the same filter: wait for it, or stop it")
        self.active = active


class UnknownTask(DyetraceError):
    """No task has this id."""

    def __init__(self, *, wanted: str) -> None:
        super().__init__(f"no task {wanted!r}: `dyetrace list` shows those there are")
        self.wanted = wanted


class InvalidRequest(DyetraceError):
    """What the user asked for makes no sense; nothing was started."""


class AgentUnreachable(DyetraceError):
    """An agent does not answer."""


class PolicyRefused(DyetraceError):
    """A host's data plane did not take a policy."""


class StoreUnavailable(DyetraceError):
    """Tasks can be neither kept nor read."""


class NotPermitted(DyetraceError):
    """The process lacks a privilege."""


class ExitStatus(IntEnum):
    """How commands end, as the README documents it."""

    DELIVERED = 0
    ERROR = 1
    USAGE = 2
    NOT_AUTHORISED = 3
    UNREACHABLE = 4
    LOSS_LOCATED = 10
    LOSS_NOT_LOCATED = 11
    NOTHING_MATCHED = 12


def exit_status(error: DyetraceError) -> ExitStatus:
    """Map a condition to the documented exit status of a command."""
    if isinstance(error, NotPermitted):
        return ExitStatus.NOT_AUTHORISED
    if isinstance(error, AgentUnreachable):
        return ExitStatus.UNREACHABLE
    if isinstance(error, InvalidRequest | UnknownEndpoint | AmbiguousEndpoint | UnknownTask):
        return ExitStatus.USAGE
    return ExitStatus.ERROR
