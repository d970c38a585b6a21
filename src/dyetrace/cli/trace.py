"""dyetrace trace: add a task, wait, answer."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from dyetrace.cli import exits
from dyetrace.cli.options import (
    As,
    CloudName,
    Destination,
    DestinationPort,
    DirectionName,
    Inspect,
    InventoryFile,
    Output,
    Packets,
    ProtocolName,
    Rate,
    Server,
    Source,
    SourcePort,
    Tenant,
    TokenFile,
    TraceTime,
    checked_direction,
    checked_format,
    checked_role,
    filter_of,
    is_json,
    limits_of,
)

LANES = ("There", "Back")

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from dyetrace.controller.diagnosis import Progress
    from dyetrace.model.filter import PacketFilter
    from dyetrace.model.task import Limits
    from dyetrace.wire.answer import Json


def trace(
    src: Source = None,
    dst: Destination = None,
    proto: ProtocolName = None,
    sport: SourcePort = None,
    dport: DestinationPort = None,
    tenant: Tenant = None,
    packets: Packets = 20,
    time: TraceTime = "30s",
    rate: Rate = 1000,
    direction: DirectionName = "there",
    cloud: CloudName = None,
    inventory: InventoryFile = None,
    server: Server = None,
    token_file: TokenFile = None,
    output: Output = "table",
    role: As = "operator",
    inspect: Inspect = False,
    exit_zero: Annotated[
        bool, typer.Option("--exit-zero", help="Exit 0 whatever the verdict.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress on stderr.")] = False,
) -> None:
    """Say where packets get lost, and why.

    Colors some of the wanted packets where they enter the network, follows
    them through every virtual forwarding device, and answers. The traffic goes
    its usual way; Ctrl-C stops and cleans up on all hosts.

    Exits 0 if all arrive, 10 if some are lost at known places, 11 if it cannot
    be said where, 12 if no packet was seen; 1 on errors, 2 on wrong usage,
    3 without the privileges, 4 if no agent answers.

    Example: dyetrace trace --src 10.0.0.1 --dst 10.0.0.2 --proto tcp --dport 5432
    """
    checked_format(output)
    checked_role(role)
    checked_direction(direction)
    wanted = filter_of(src=src, dst=dst, proto=proto, sport=sport, dport=dport, tenant=tenant)
    limits = limits_of(packets=packets, time=time, rate=rate)

    from dyetrace.cli.remote import remote_of

    remote = remote_of(server, token_file, is_local=cloud is not None or inventory is not None)
    is_silent = quiet or role == "tenant"  # progress may name hosts
    show = _silent if is_silent or output == "jsonl" else _shown()
    if output == "jsonl" and role != "tenant":
        show = _as_lines

    def tell(*answers: "Json") -> None:
        if show is not _silent and output != "jsonl":
            _clear_line()
        _tell(answers, output, role=role, inspect=inspect and role != "tenant")

    if remote is not None:
        from dyetrace.cli.remote_trace import trace_remotely

        answers = trace_remotely(remote, wanted, limits, direction, show=show)
        tell(*answers)
    else:
        answers = _carried_out(wanted, limits, direction, cloud, inventory, show=show, tell=tell)
    raise typer.Exit(0 if exit_zero else exits.worst(answer["verdict"] for answer in answers))


def _tell(answers: "Sequence[Json]", output: str, *, role: str, inspect: bool) -> None:
    """Print the answers; of two directions one after the other."""
    from dyetrace.cli.render import render, render_json, seen_by

    seen = [seen_by(role, answer) for answer in answers]
    if output == "json" and len(seen) > 1:
        typer.echo(render_json(seen, output))
        return
    for lane, answer in zip(LANES, seen, strict=False):
        if len(seen) > 1 and not is_json(output):
            typer.echo(lane)
        typer.echo(render(answer, output, inspect=inspect))


def _carried_out(
    wanted: "PacketFilter",
    limits: "Limits",
    direction: str,
    cloud: str | None,
    inventory: "Path | None",
    *,
    show: "Callable[[Progress], None]",
    tell: "Callable[..., None]",
) -> "list[Json]":
    """Carry the tasks out in this process; one alone is told before the hosts let go of it."""
    from dyetrace.cli.run import choose_cloud, run_tasks
    from dyetrace.controller.directions import Direction, tasks_of
    from dyetrace.controller.store import TaskStore

    chosen = choose_cloud(cloud, inventory)
    store = TaskStore()
    try:
        asked = tasks_of(wanted, limits, Direction(direction))
        if len(asked) == 1:
            return run_tasks(asked, cloud=chosen, store=store, on_progress=show, on_answer=tell)
        answers = run_tasks(asked, cloud=chosen, store=store, on_progress=show)
    finally:
        store.close()
    tell(*answers)
    return answers


def _silent(_: "Progress") -> None:
    """Show nothing."""


def _as_lines(progress: "Progress") -> None:
    import msgspec

    line = {
        "state": progress.state.value,
        "colored": progress.colored,
        "elapsed_s": round(progress.elapsed_s, 3),
        "text": progress.text,
    }
    typer.echo(msgspec.json.encode(line).decode())


def _shown() -> "Callable[[Progress], None]":
    """Show progress on stderr: one line that renews itself on a terminal, else a line a stage."""
    last_state = None

    def show(progress: "Progress") -> None:
        nonlocal last_state
        line = (
            f"{progress.state.value:<10} {progress.colored}/{progress.wanted} packets colored, "
            f"{progress.elapsed_s:.1f} s"
        )
        if progress.text:
            _clear_line()
            typer.echo(f"note: {progress.text}", err=True)
        elif sys.stderr.isatty():
            typer.echo(f"\r\x1b[K{line}", err=True, nl=False)
        elif progress.state is not last_state:
            typer.echo(line, err=True)
        last_state = progress.state

    return show


def _clear_line() -> None:
    if sys.stderr.isatty():
        typer.echo("\r\x1b[K", err=True, nl=False)
