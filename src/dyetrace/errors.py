"""Conditions that somebody can act on; each message says what to do."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from enum import IntEnum
from itertools import islice

MOST_COMPARED = 5000  # names, to tell the nearest


class DyetraceError(Exception):
    """Base of all errors meant for users."""


class UnknownEndpoint(DyetraceError):
    """The filter names a VM, NIC, tenant or address that nobody knows."""

    def __init__(self, *, what: str, name: str, known: Iterable[str]) -> None:
        candidates = sorted(set(islice(known, MOST_COMPARED)))
        near = get_close_matches(name, candidates, n=3, cutoff=0.5) or candidates[:5]
        hint = f"nearest: {', '.join(near)}" if near else "no endpoint is known here"
        super().__init__(f"no {what} {name!r} in this cloud ({hint}); see `dyetrace doctor`")
        self.what, self.name, self.nearest = what, name, tuple(near)


class AmbiguousEndpoint(DyetraceError):
    """A name or an address belongs to several endpoints, mostly of several tenants."""

    def __init__(self, *, name: str, tenants: Iterable[str], vms: Iterable[str] = ()) -> None:
        self.tenants = tuple(sorted(set(tenants)))
        self.vms = tuple(sorted(set(vms)))
        if len(self.tenants) == 1 and self.vms:
            super().__init__(f"{name} means any of {', '.join(self.vms)}: name the VM")
            return
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


class TaskEnded(DyetraceError):
    """A task was to go on that has ended already: somebody else ended it."""

    def __init__(self, *, task: str, state: str) -> None:
        super().__init__(f"task {task} has ended before, as {state}: see `dyetrace show {task}`")
        self.task, self.state = task, state


class NoAnswer(DyetraceError):
    """A task's answer was wanted that is not there, or never will be."""

    def __init__(self, *, task: str, state: str) -> None:
        super().__init__(f"task {task} is {state} and has no answer: see `dyetrace show {task}`")
        self.task, self.state = task, state


class RequestKeyReused(DyetraceError):
    """A key that stood for one request came with another."""

    def __init__(self, *, key: str) -> None:
        super().__init__(f"key {key!r} came with another request before: take a new one")
        self.key = key


class InvalidRequest(DyetraceError):
    """What the user asked for makes no sense; nothing was started."""


class AgentUnreachable(DyetraceError):
    """An agent does not answer."""


class ProtocolRefused(AgentUnreachable):
    """An agent and this controller speak no common protocol, or one of them another."""


class PolicyRefused(DyetraceError):
    """A host's data plane did not take a policy."""


class StoreUnavailable(DyetraceError):
    """Tasks can be neither kept nor read."""


class StoreTooNew(StoreUnavailable):
    """A newer dyetrace has written the database."""

    def __init__(self, *, place: str, found: str, known: str) -> None:
        super().__init__(
            f"the tasks in {place} were written by a newer dyetrace (schema {found}, this one "
            f"knows {known}): upgrade dyetrace here, or use another database"
        )
        self.found, self.known = found, known


class NotPermitted(DyetraceError):
    """The process, or who asks, lacks a privilege."""


class TokenRefused(NotPermitted):
    """A token is not known, or not valid any more; which of these is not told."""

    def __init__(self) -> None:
        super().__init__("the token is not valid: ask an administrator for a new one")


class IdentityProviderUnreachable(DyetraceError):
    """Whether a signed token is true cannot be known now."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"the identity provider's keys cannot be fetched ({why}): try again later, or use "
            "a token of `dyetrace token`"
        )
        self.why = why


class CertificateRefused(NotPermitted):
    """A certificate is not given, not believed, or not valid any more."""


class UnknownToken(DyetraceError):
    """No token has this id."""

    def __init__(self, *, wanted: str) -> None:
        super().__init__(f"no token {wanted!r}: list the tokens there are")
        self.wanted = wanted


class QuotaExceeded(DyetraceError):
    """A tenant asks for more than it may have."""

    def __init__(self, *, what: str, limit: int, passes: bool) -> None:
        hint = "wait for one to end, or stop one" if passes else "ask for fewer"
        super().__init__(f"your quota is {limit} {what}: {hint}")
        self.what, self.limit = what, limit
        self.passes = passes  # by itself, with time


class HostLimitReached(DyetraceError):
    """A host carries as much tracing as it may, for everybody together."""

    def __init__(self, *, host: str, what: str, limit: int) -> None:
        super().__init__(
            f"host {host} may carry {limit} {what}: wait for a task there to end, stop one, or "
            "ask for fewer packets per second"
        )
        self.host, self.what, self.limit = host, what, limit


class TracingStopped(DyetraceError):
    """The kill switch is pulled, or the controller is leaving."""


class LogUnreachable(DyetraceError):
    """A region's servers of the record log do not do what is asked of them."""

    def __init__(self, *, region: str, why: str) -> None:
        super().__init__(f"the record log of region {region}: {why}: are its NATS servers up?")
        self.region = region


class AnalyzersBehind(DyetraceError):
    """Nobody has read partitions of the record log for a while."""

    def __init__(self, *, partitions: Sequence[int], waited_s: float) -> None:
        names = ", ".join(map(str, partitions))
        super().__init__(
            f"no analyzer has read partition {names} of the record log for {waited_s:.0f} s: is "
            "`dyetrace analyzer` running for it?"
        )
        self.partitions = tuple(partitions)


class TooDiverse(DyetraceError):
    """There is more to tell of a task than analyzers can."""

    def __init__(self) -> None:
        super().__init__(
            "its packets fared in more different ways than analyzers can tell: trace fewer, or "
            "narrow the filter"
        )


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


WRONG_USAGE = (
    *(InvalidRequest, UnknownEndpoint, AmbiguousEndpoint),
    *(UnknownTask, UnknownToken, RequestKeyReused),
)


def exit_status(error: DyetraceError) -> ExitStatus:
    """Map a condition to the documented exit status of a command."""
    if isinstance(error, NotPermitted):
        return ExitStatus.NOT_AUTHORISED
    if isinstance(error, (AgentUnreachable, LogUnreachable, AnalyzersBehind)):
        return ExitStatus.UNREACHABLE
    if isinstance(error, WRONG_USAGE):
        return ExitStatus.USAGE
    return ExitStatus.ERROR
