"""dyetrace agent list: the agents there are, and how they do."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from dyetrace.cli.options import CloudName, Output, Server, TokenFile, checked_format

if TYPE_CHECKING:
    from dyetrace.wire.answer import Json

NS_PER_S = 1e9


def list_agents(
    cloud: CloudName = None,
    output: Output = "table",
    server: Server = None,
    token_file: TokenFile = None,
) -> None:
    """List a cloud's agents: version, since when, clock, records lost, tasks held."""
    checked_format(output)

    from dyetrace.cli.render import render_json

    found = told_agents(cloud, server, token_file, checks=False)
    if output == "json":
        typer.echo(render_json(found, output))
    elif output == "jsonl":
        for facts in found:
            typer.echo(render_json(facts, output))
    else:
        typer.echo(agents_table(found))


def told_agents(
    cloud: str | None, server: str | None, token_file: str | None, *, checks: bool
) -> "list[Json]":
    """Ask a controller, or this machine's agents of a cloud."""
    import asyncio

    from dyetrace.cli.remote import remote_of

    remote = remote_of(server, token_file, is_local=cloud is not None)
    if remote is not None:
        _, told = remote.ask("GET", "/v1/agents", checks=str(checks).lower())
        return list(told["items"])

    from dyetrace.cli.run import choose_cloud
    from dyetrace.controller.roll import call_roll, entry_json

    entries = asyncio.run(call_roll(choose_cloud(cloud), checks=checks))
    return [entry_json(entry) for entry in entries]


def agents_table(found: "Sequence[Json]") -> str:
    """Write agents for people."""
    from dyetrace.cli.render import table

    head = ["HOST", "STATE", "VERSION", "UP SINCE", "CLOCK OFFSET", "LOST", "TASKS", "PROGRAMS"]
    return table(head, [_row(one) for one in found])


def _row(one: "Json") -> list[str]:
    if not one["is_up"]:
        heard = f"heard {_moment(one['last_heard_at'])}" if one["last_heard_at"] else "-"
        return [one["host"], "down", "-", heard, "-", "-", "-", "-"]
    clock = "-"
    if one["clock_offset_ns"] is not None:
        uncertainty_us = one["clock_uncertainty_ns"] / 1000
        clock = f"{one['clock_offset_ns'] / NS_PER_S:+.6f} s +- {uncertainty_us:.0f} us"
    lost = sum(one["records_lost"].values())
    return [
        one["host"],
        "up",
        one["version"],
        _moment(one["up_since"]),
        clock,
        str(lost),
        str(one["tasks"]),
        str(one["programs"]),
    ]


def _moment(text: str) -> str:
    return f"{text[:10]} {text[11:19]}Z"
