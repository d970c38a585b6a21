"""A task that a controller carries out, waited for as if it were carried out here."""

import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import typer

from dyetrace.cli.remote import Remote, RemoteProblem, task_path
from dyetrace.controller.diagnosis import Progress
from dyetrace.errors import DyetraceError
from dyetrace.model.filter import PacketFilter
from dyetrace.model.task import Limits, TaskState
from dyetrace.wire.answer import Json, filter_json

NAMES = {"src": "src_ip", "dst": "dst_ip", "src_vm": "srcVM_ID", "dst_vm": "dstVM_ID"}
NAMES |= {"nic": "NIC_ID"}


class _Signalled(BaseException):
    """A signal came that asks to end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def trace_remotely(
    remote: Remote, wanted: PacketFilter, limits: Limits, *, show: Callable[[Progress], None]
) -> Json:
    """Have a task carried out and give its answer; Ctrl-C stops it, and says so."""
    body = {
        "filter": {NAMES.get(name, name): value for name, value in filter_json(wanted).items()},
        "packet_count": limits.packet_count,
        "trace_time": limits.trace_time.total_seconds(),
        "packets_per_second": limits.packets_per_second,
    }
    _, added = remote.ask("POST", "/v1/traces", body)
    name = str(added["id"])
    try:
        with _raised(signal.SIGTERM, signal.SIGHUP):
            for kind, facts in remote.events(name):
                if kind == "progress":
                    show(_progress(facts))
        status, answer = remote.ask("GET", task_path(name))
    except (KeyboardInterrupt, _Signalled) as end:
        remote.ask("DELETE", task_path(name))
        typer.echo(f"\nstopped task {name}: its controller cleans up on all hosts", err=True)
        raise SystemExit(128 + getattr(end, "number", signal.SIGINT)) from end
    if status != 200 or "summary" not in answer:  # noqa: PLR2004 - HTTP's
        raise RemoteProblem(answer.get("error") or f"task {name} is {answer['state']}")
    return dict(answer)


def stop_remotely(remote: Remote, name: str, *, is_over: Callable[[], bool]) -> Json:
    """Stop a task, and give it once it has ended."""
    import time

    status, told = remote.ask("DELETE", task_path(name))
    while status != 200:  # noqa: PLR2004 - HTTP's
        if is_over():
            raise DyetraceError(f"task {name} has not ended yet: see `dyetrace result {name}`")
        time.sleep(0.2)  # between two requests
        if remote.ask("GET", task_path(name))[0] == 200:  # noqa: PLR2004 - HTTP's
            status, told = remote.ask("DELETE", task_path(name))
    return as_stored(told)


def as_stored(facts: Mapping[str, Any]) -> Json:
    """Leave out what only the API tells of a task."""
    return {name: value for name, value in facts.items() if name not in {"direction", "linked"}}


def _progress(facts: Mapping[str, Any]) -> Progress:
    return Progress(
        state=TaskState(facts["state"]),
        colored=facts["colored"],
        wanted=facts["wanted"],
        elapsed_s=facts["elapsed_s"],
        text=facts.get("text", ""),
    )


@contextmanager
def _raised(*numbers: signal.Signals) -> Iterator[None]:
    """Have signals end the block as Ctrl-C does."""

    def end(number: int, _: object) -> None:
        raise _Signalled(number)

    before = {number: signal.signal(number, end) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
