"""dyetrace context: which controller the commands ask."""

from typing import Annotated

import typer

from dyetrace.cli.options import Output, checked_format, is_json

app = typer.Typer(
    help="Say which controller `trace`, `result`, `list` and `stop` ask.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Name = Annotated[str, typer.Argument(help="What you call it.")]


@app.command()
def add(
    name: Name,
    server: Annotated[str, typer.Option(help="The API's URL.")],
    token_file: Annotated[str, typer.Option(help="File with your token.")],
) -> None:
    """Make a controller known, and use it from now on."""
    from dataclasses import replace
    from pathlib import Path

    from dyetrace.cli.contexts import LOCAL, Context, load_contexts
    from dyetrace.cli.remote import checked_url
    from dyetrace.errors import InvalidRequest

    if name == LOCAL:
        raise InvalidRequest(f"{LOCAL} means no controller: take another name")
    contexts = load_contexts()
    made = Context(server=checked_url(server), token_file=str(Path(token_file).absolute()))
    replace(contexts, current=name, known=contexts.known | {name: made}).save()
    typer.echo(f"using {name} at {made.server}")


@app.command()
def use(name: Name) -> None:
    """Use a controller that is known; `local`: none, as without contexts."""
    from dataclasses import replace

    from dyetrace.cli.contexts import LOCAL, load_contexts
    from dyetrace.errors import InvalidRequest

    contexts = load_contexts()
    if name not in {LOCAL, *contexts.known}:
        known = ", ".join([*contexts.known, LOCAL])
        raise InvalidRequest(f"no context {name!r}; there are: {known}")
    replace(contexts, current=name).save()
    typer.echo(f"using {name}")


@app.command("list")
def list_contexts(output: Output = "table") -> None:
    """List the controllers that are known; the one in use has a star."""
    checked_format(output)

    from dyetrace.cli.contexts import load_contexts
    from dyetrace.cli.render import render_json, table

    contexts = load_contexts()
    facts = [
        {
            "name": name,
            "server": known.server,
            "token_file": known.token_file,
            "in_use": name == contexts.current,
        }
        for name, known in contexts.known.items()
    ]
    if is_json(output):
        typer.echo(render_json(facts, output))
    elif not facts:
        typer.echo("no context: `dyetrace context add NAME --server URL ...` makes one", err=True)
    else:
        rows = [
            ["*" if name == contexts.current else "", name, known.server, known.token_file]
            for name, known in contexts.known.items()
        ]
        typer.echo(table(["", "NAME", "SERVER", "TOKEN FILE"], rows))
