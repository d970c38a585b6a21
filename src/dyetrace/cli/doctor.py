"""dyetrace doctor: what was found here, and what the kernel allows."""

import typer

from dyetrace.cli.options import Output, checked_format


def doctor(output: Output = "table") -> None:
    """Print what this kernel allows, and the VFDs and ports found on this host."""
    checked_format(output)

    from dyetrace.cli.host_view import host_view
    from dyetrace.cli.render import render_json

    view = host_view()
    if output in {"json", "jsonl"}:
        typer.echo(render_json(view.as_json(), output))
    else:
        typer.echo(view.as_text())
    raise typer.Exit(0 if view.is_able else 1)
