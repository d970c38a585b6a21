"""dyetrace explain: what a cause's code means."""

from typing import Annotated

import typer

from dyetrace.cli.options import Output, checked_format


def explain(
    code: Annotated[str | None, typer.Argument(help="A code such as RX_ACL_DENY.")] = None,
    output: Output = "table",
) -> None:
    """Explain a cause: what it means, whose it is, what to do. Without a code, list all."""
    checked_format(output)

    from dyetrace.cli.render import render_json, table
    from dyetrace.errors import InvalidRequest
    from dyetrace.knowledge.catalogue import CAUSES, cause_by_code
    from dyetrace.wire.codec import to_plain

    if code is None:
        if output in {"json", "jsonl"}:
            typer.echo(render_json([to_plain(cause) for cause in CAUSES], output))
            return
        rows = [[c.code, c.severity.value, c.layer.value, c.owner.value, c.title] for c in CAUSES]
        typer.echo(table(["CODE", "SEVERITY", "LAYER", "OWNER", "TITLE"], rows))
        return
    try:
        cause = cause_by_code(code.upper())
    except KeyError:
        from difflib import get_close_matches

        near = get_close_matches(code.upper(), [cause.code for cause in CAUSES], cutoff=0.4)
        raise InvalidRequest(
            f"no cause {code!r}; nearest: {', '.join(near) or 'none: see `dyetrace explain`'}"
        ) from None
    if output in {"json", "jsonl"}:
        typer.echo(render_json(to_plain(cause), output))
        return
    typer.echo(f"{cause.code}: {cause.title}\n")
    typer.echo(f" For the tenant    {cause.tenant_meaning}")
    typer.echo(f" For the operator  {cause.operator_meaning}")
    typer.echo(f" Severity          {cause.severity.value}")
    typer.echo(f" Layer             {cause.layer.value}")
    typer.echo(f" Owner             {cause.owner.value}")
    typer.echo(f" Remedy            {cause.remedy.text}")
    if cause.remedy.command:
        typer.echo(f"                   {cause.remedy.command}")
    if cause.drop_reasons:
        typer.echo(f" Kernel's words    {', '.join(cause.drop_reasons)}")
