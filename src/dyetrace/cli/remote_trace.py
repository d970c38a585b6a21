"""Tasks that a controller carries out, waited for as if they were carried out here."""

import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import typer

from dyetrace.cli.remote import Remote, RemoteProblem
from dyetrace.controller.diagnosis import Progress
from dyetrace.errors import DyetraceError
from dyetrace.model.filter import PacketFilter
from dyetrace.model.task import Limits, TaskState
from dyetrace.wire.answer import Json, filter_json

NAMES = {"src": "src_ip", "dst": "dst_ip", "src_vm": "srcVM_ID", "dst_vm": "dstVM_ID"}
NAMES |= {"nic": "NIC_ID"}
ONLY_OF_API = {"direction", "linked", "price", "other"}


class _Signalled(BaseException):
    """A signal came that asks to end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def add_remotely(
    remote: Remote, wanted: PacketFilter, limits: Limits, direction: str
) -> list[Json]:
    """Have tasks started, one for each direction, and give them."""
    body = {
        "filter": {NAMES.get(name, name): value for name, value in filter_json(wanted).items()},
        "packet_count": limits.packet_count,
        "trace_time": limits.trace_time.total_seconds(),
        "packets_per_second": limits.packets_per_second,
        "direction": direction,
    }
    _, added = remote.ask("POST", "/v1/traces", body)
    return [dict(one) for one in (added, added["other"]) if one is not None]


def trace_remotely(
    remote: Remote,
    wanted: PacketFilter,
    limits: Limits,
    direction: str,
    *,
    show: Callable[[Progress], None],
) -> list[Json]:
    """Have tasks carried out and give their answers; Ctrl-C stops them, and says so."""
    names = [str(one["id"]) for one in add_remotely(remote, wanted, limits, direction)]
    try:
        with _raised(signal.SIGTERM, signal.SIGHUP):
            for name in names:
                for kind, facts in remote.events(f"/v1/traces/{name}/events"):
                    if kind == "progress":
                        show(progress_of(facts))
        return [_answer(remote, name) for name in names]
    except (KeyboardInterrupt, _Signalled) as end:
        for name in names:
            remote.ask("DELETE", f"/v1/traces/{name}")
            typer.echo(f"\nstopped task {name}: its controller cleans up on all hosts", err=True)
        raise SystemExit(128 + getattr(end, "number", signal.SIGINT)) from end


def _answer(remote: Remote, name: str) -> Json:
    status, answer = remote.ask("GET", f"/v1/traces/{name}")
    if status != 200 or "summary" not in answer:  # noqa: PLR2004 - HTTP's
        raise RemoteProblem(answer.get("error") or f"task {name} is {answer['state']}")
    return dict(answer)


def stop_remotely(remote: Remote, name: str, *, is_over: Callable[[], bool]) -> Json:
    """Stop a task, and give it once it has ended."""
    import time

    path = remote.task_path(name)
    status, told = remote.ask("DELETE", path)
    while status != 200:  # noqa: PLR2004 - HTTP's
        if is_over():
            raise DyetraceError(f"task {name} has not ended yet: see `dyetrace result {name}`")
        time.sleep(0.2)  # between two requests
        if remote.ask("GET", path)[0] == 200:  # noqa: PLR2004 - HTTP's
            status, told = remote.ask("DELETE", path)
    return as_stored(told)


def as_stored(facts: Mapping[str, Any]) -> Json:
    """Leave out what only the API tells of a task."""
    return {name: value for name, value in facts.items() if name not in ONLY_OF_API}


def progress_of(facts: Mapping[str, Any]) -> Progress:
    """Read what an event tells of progress."""
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
