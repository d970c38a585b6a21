"""dyetrace doctor: what was found here, what the kernel allows; and of all hosts of a cloud."""

from typing import TYPE_CHECKING

import typer

from dyetrace.cli.options import CloudName, Output, Server, TokenFile, checked_format

if TYPE_CHECKING:
    from dyetrace.wire.answer import Json


def doctor(
    cloud: CloudName = None,
    output: Output = "table",
    server: Server = None,
    token_file: TokenFile = None,
) -> None:
    """Print what this kernel allows, and the VFDs and ports found on this host.

    With --cloud or a controller (--server): the same question to all of its hosts, with
    their versions, clocks, certificates and problems. Exits 1 where a host cannot trace.
    """
    checked_format(output)

    if cloud is not None or server is not None or _has_context():
        _fleet(cloud, output, server, token_file)
        return

    from dyetrace.cli.host_view import host_view
    from dyetrace.cli.render import render_json

    view = host_view()
    if output in {"json", "jsonl"}:
        typer.echo(render_json(view.as_json(), output))
    else:
        typer.echo(view.as_text())
    raise typer.Exit(0 if view.is_able else 1)


def _has_context() -> bool:
    """Whether a controller is in use; contexts that may not be read are somebody else's."""
    from dyetrace.cli.contexts import LOCAL, load_contexts
    from dyetrace.errors import NotPermitted

    try:
        return load_contexts().current != LOCAL
    except NotPermitted:
        return False


def _fleet(cloud: str | None, output: str, server: str | None, token_file: str | None) -> None:
    from dyetrace.cli.agents import told_agents
    from dyetrace.cli.render import render_json

    found = told_agents(cloud, server, token_file, checks=True)
    is_able = bool(found) and all(one["is_able"] for one in found)
    if output == "json":
        typer.echo(render_json({"is_able": is_able, "hosts": found}, output))
    elif output == "jsonl":
        for one in found:
            typer.echo(render_json(one, output))
    else:
        typer.echo(_text(found))
    raise typer.Exit(0 if is_able else 1)


def _text(found: "list[Json]") -> str:
    from dyetrace.cli.agents import agents_table
    from dyetrace.cli.render import table

    able = sum(one["is_able"] for one in found)
    first = f"{'+' if found and able == len(found) else 'x'} {able} of {len(found)} hosts can trace"
    facts = table(
        ["HOST", "CAN TRACE", "VFDS", "CERTIFICATE ENDS"],
        [
            [
                one["host"],
                "yes" if one["is_able"] else "no",
                "-" if one["vfds"] is None else str(one["vfds"]),
                one["certificate_ends_at"] or "-",
            ]
            for one in found
        ],
    )
    problems = [f" {one['host']}: {problem}" for one in found for problem in one["problems"]]
    parts = [first, agents_table(found), facts]
    if problems:
        parts.append("\n".join(["Problems", *problems]))
    return "\n\n".join(parts)
