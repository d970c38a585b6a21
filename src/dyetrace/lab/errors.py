"""What can go wrong in the lab, each with what to do about it."""

from collections.abc import Iterable
from difflib import get_close_matches

from dyetrace.errors import DyetraceError


class LabError(DyetraceError):
    """Base of the lab's errors."""


class RootRequired(LabError):
    """Namespaces can only be made by root."""

    def __init__(self) -> None:
        super().__init__("the lab makes network namespaces: run it as root (sudo)")


class UnknownName(LabError):
    """Something was asked for by a name nobody has."""

    def __init__(self, *, what: str, name: str, known: Iterable[str]) -> None:
        known = sorted(known)
        near = get_close_matches(name, known, n=3, cutoff=0.5)
        if near:
            hint = f"did you mean {' or '.join(near)}?"
        else:
            hint = f"there is {', '.join(known)}" if known else "there is none"
        super().__init__(f"no {what} is called {name!r}: {hint}")
        self.what = what
        self.name = name


class BadName(LabError):
    """A cloud's name becomes part of namespace and file names."""

    def __init__(self, *, name: str) -> None:
        super().__init__(
            f"{name!r} cannot name a cloud: use up to 40 lower-case letters, digits and dashes"
        )
        self.name = name


class CloudAlreadyUp(LabError):
    """A cloud of this name is up, or its remains are."""

    def __init__(self, *, name: str) -> None:
        super().__init__(
            f"cloud {name} is up already: use it, or end it with `dyetrace lab down {name}`"
        )
        self.name = name


class NoCloudUp(LabError):
    """A command needs a cloud, and there is none."""

    def __init__(self) -> None:
        super().__init__("no cloud is up: build one with `dyetrace lab up three-hosts`")


class SeveralCloudsUp(LabError):
    """A command was not told which of several clouds it is for."""

    def __init__(self, *, names: Iterable[str]) -> None:
        super().__init__(f"several clouds are up: say which one ({', '.join(names)})")


class CommandFailed(LabError):
    """A tool that configures the kernel refused."""

    def __init__(self, *, argv: tuple[str, ...], output: str) -> None:
        super().__init__(f"`{' '.join(argv)}` failed: {output.strip()}")
        self.argv = argv
        self.output = output


class AgentNotReady(LabError):
    """An agent ended, or did not open its socket in time."""

    def __init__(self, *, host: str, why: str, log: str) -> None:
        super().__init__(f"the agent of host {host} {why}; its log ends with:\n{log}")
        self.host = host
        self.log = log


class FaultNotApplicable(LabError):
    """The fault needs something this cloud does not have."""

    def __init__(self, *, fault: str, cloud: str, why: str) -> None:
        super().__init__(f"fault {fault} cannot be injected into cloud {cloud}: {why}")
        self.fault = fault


class FaultAlreadyInjected(LabError):
    """The very same fault is in the cloud."""

    def __init__(self, *, fault: str, cloud: str) -> None:
        super().__init__(
            f"fault {fault} is in cloud {cloud} already: heal it first (`dyetrace lab heal`)"
        )
        self.fault = fault
