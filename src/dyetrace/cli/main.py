"""The command `dyetrace`: its commands, and how errors reach the user."""

import sys

import typer

from dyetrace.cli.add import add, carry_out
from dyetrace.cli.agent import agent
from dyetrace.cli.agents import list_agents
from dyetrace.cli.analyzer import analyzer
from dyetrace.cli.audit import audit
from dyetrace.cli.context import app as context
from dyetrace.cli.doctor import doctor
from dyetrace.cli.explain import explain
from dyetrace.cli.export import export
from dyetrace.cli.gate import app as gate
from dyetrace.cli.kill import kill
from dyetrace.cli.lab import app as lab
from dyetrace.cli.list_tasks import list_tasks
from dyetrace.cli.quota import app as quota
from dyetrace.cli.result import result
from dyetrace.cli.show import show
from dyetrace.cli.simulate import simulate
from dyetrace.cli.stop import stop
from dyetrace.cli.token import app as token
from dyetrace.cli.trace import trace
from dyetrace.cli.up import up
from dyetrace.cli.watch import watch
from dyetrace.errors import DyetraceError, exit_status

app = typer.Typer(
    name="dyetrace",
    help="Find where a cloud's virtual network loses packets, and why.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (trace, add, result, show, watch, stop, export, explain, doctor, audit, kill):
    app.command()(command)
# What stays has all its settings from the environment, too, and from a file.
app.command(context_settings={"auto_envvar_prefix": "DYETRACE"})(up)
app.command(context_settings={"auto_envvar_prefix": "DYETRACE_ANALYZER"})(analyzer)
app.command()(simulate)
app.command("list")(list_tasks)
agents = typer.Typer(
    invoke_without_command=True,
    rich_markup_mode=None,
    context_settings={"auto_envvar_prefix": "DYETRACE_AGENT"},
)
agents.callback()(agent)
agents.command("list")(list_agents)
app.add_typer(agents, name="agent")
app.command("carry-out", hidden=True)(carry_out)
app.add_typer(gate, name="gate")
app.add_typer(lab, name="lab")
app.add_typer(token, name="token")
app.add_typer(quota, name="quota")
app.add_typer(context, name="context")


def _version(wanted: bool) -> None:
    if wanted:
        from dyetrace import __version__

        typer.echo(f"dyetrace {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: bool = typer.Option(
        False,
        "--version",
        callback=_version,
        is_eager=True,
        help="Print the version and exit.",
    ),
) -> None:
    """Find where a cloud's virtual network loses packets, and why."""


def main() -> None:
    """Run; every error that somebody can act on becomes one line and a status."""
    try:
        app()
    except DyetraceError as error:
        typer.echo(f"dyetrace: {error}", err=True)
        sys.exit(exit_status(error))
    except KeyboardInterrupt:
        sys.exit(130)
