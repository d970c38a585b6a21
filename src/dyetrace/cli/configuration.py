"""Settings of the long-running commands: an option, else the environment, else a file.

The table of settings is the command's own options. A new one is an option there, and nothing
else: its name is its key in the file and, in capitals, its variable.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any

import typer

FILE = Path("/etc/dyetrace/dyetrace.toml")
TABLES = {"controller": "up", "agent": "agent"}  # table of the file: the command it is for
PREFIXES = ("DYETRACE_", "DYETRACE_AGENT_", "DYETRACE_ANALYZER_")
OTHERS = {  # what commands read that are not these
    "DYETRACE_SERVER",
    "DYETRACE_TOKEN_FILE",
    "DYETRACE_AGENT_IDLE_S",
    "DYETRACE_AGENT_CLOCK_OFFSET_S",
}
NO_SETTINGS = ("config", "show_config", "help")


def _option(table: str) -> Any:  # noqa: ANN401 - what typer gives
    return typer.Option(
        "--config",
        metavar="FILE",
        envvar="DYETRACE_CONFIG",
        help=f"Settings in TOML, table [{table}]; {FILE}, if that is there.",
        is_eager=True,  # the other options take their defaults from it
        callback=_reader(table),
    )


def _reader(table: str) -> Callable[[typer.Context, Path | None], Path | None]:
    """Make what reads a command's defaults from the file."""

    def read(context: typer.Context, file: Path | None) -> Path | None:
        if context.resilient_parsing:  # a shell completes
            return file
        for warning in _unknown_variables(context):
            typer.echo(f"warning: {warning}", err=True)
        chosen = file or (FILE if FILE.exists() else None)
        if chosen is not None:
            content = _content(chosen)
            known = _settings_of(table, context)
            _refuse_unknown(content, known, table=table, file=chosen)
            context.default_map = _taken(content.get(table, {}), context, chosen)
        return chosen

    return read


ControllerFile = Annotated[Path | None, _option("controller")]
AgentFile = Annotated[Path | None, _option("agent")]
ShowConfig = Annotated[
    bool,
    typer.Option(
        "--show-config",
        help="Print all settings and where each comes from, as a file; do nothing.",
        allow_from_autoenv=False,
    ),
]


def shown(context: typer.Context, table: str, file: Path | None) -> str:
    """Write a command's settings as a file would have them, and where each comes from."""
    places = {
        "COMMANDLINE": "option",
        "ENVIRONMENT": "environment",
        "DEFAULT_MAP": str(file),
        "DEFAULT": "default",
    }
    lines = [f"[{table}]"]
    for name in _names(context.command.params):
        value, source = context.params[name], context.get_parameter_source(name)
        place = places[source.name] if source is not None else "default"
        is_set = value is not None and value not in ([], ())
        said = f"{name} = {_toml(value)}" if is_set else f"# {name} is not set"
        lines.append(f"{said}  # {place}")
    return "\n".join(lines)


def _unknown_variables(context: typer.Context) -> Iterator[str]:
    """Tell of variables that look like this command's and set nothing: misspelt ones, mostly."""
    prefix = context.auto_envvar_prefix
    if prefix is None:  # a command that takes few settings from there
        return
    known = {f"{prefix}_{name.upper()}" for name in _names(context.command.params)}
    known |= {each.envvar for each in context.command.params if isinstance(each.envvar, str)}
    for name in sorted(os.environ):
        is_others = name in OTHERS or any(
            name.startswith(other) and other.startswith(prefix) and other != f"{prefix}_"
            for other in PREFIXES
        )
        if name.startswith(f"{prefix}_") and name not in known and not is_others:
            near = get_close_matches(name, known, n=1, cutoff=0)
            yield f"{name} is no setting; nearest: {near[0]}"


def _content(file: Path) -> dict[str, Any]:
    import tomllib

    from dyetrace.errors import InvalidRequest, NotPermitted

    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except PermissionError as error:
        raise NotPermitted(f"cannot read {file}: {error.strerror}") from error
    except (OSError, ValueError) as error:
        raise InvalidRequest(f"--config {file}: {error}") from error


def _settings_of(table: str, context: typer.Context) -> tuple[str, ...]:
    """Name the settings that a table may have: the options of the command it is for."""
    commands: Mapping[str, Any] = getattr(context.find_root().command, "commands", {})
    command = commands.get(TABLES[table], context.command)
    return tuple(_names(command.params))


def _names(parameters: list[Any]) -> Iterator[str]:
    return (each.name for each in parameters if each.name not in NO_SETTINGS)


def _refuse_unknown(
    content: Mapping[str, Any], known: tuple[str, ...], *, table: str, file: Path
) -> None:
    """Refuse tables that nobody has, and keys that this one has not."""
    _refuse_strangers(content, tuple(TABLES), what="table", file=file)
    settings = content.get(table, {})
    if not isinstance(settings, dict):
        settings = {table: settings}
    _refuse_strangers(settings, known, what=f"setting of [{table}]", file=file)


def _refuse_strangers(
    found: Mapping[str, Any], known: tuple[str, ...], *, what: str, file: Path
) -> None:
    from dyetrace.errors import InvalidRequest

    for name in found:
        if name not in known:
            near = get_close_matches(name, known, n=1, cutoff=0)
            raise InvalidRequest(f"{file}: {name} is no {what}; nearest: {near[0]}")


def _taken(settings: Mapping[str, Any], context: typer.Context, file: Path) -> dict[str, Any]:
    """Take what is this command's; raises InvalidRequest for what its option would refuse."""
    from dyetrace.errors import InvalidRequest

    taken: dict[str, Any] = {}
    for option in context.command.params:
        if (name := option.name or "") not in settings:
            continue
        value = settings[name]
        if isinstance(value, list) != option.multiple or isinstance(value, dict):
            raise InvalidRequest(
                f"{file}: {name} is {'a list' if option.multiple else 'one value'}, not {value!r}"
            )
        if isinstance(value, bool) != bool(getattr(option, "is_flag", False)):
            raise InvalidRequest(f"{file}: {name} cannot be {_toml(value)}")
        try:
            option.process_value(context, value)
        except typer.BadParameter as error:
            raise InvalidRequest(f"{file}: {name} = {_toml(value)}: {error.message}") from error
        taken[name] = value
    return taken


def _toml(value: Any) -> str:  # noqa: ANN401 - whatever an option is
    """Write a value as TOML has it; its strings, numbers and lists are JSON's."""
    return json.dumps(value, default=str, ensure_ascii=False)
