"""dyetrace explain: what the code of a cause or of a probe means."""

from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from dyetrace.cli.options import Output, checked_format, is_json

if TYPE_CHECKING:
    from dyetrace.knowledge.probe import Probe
    from dyetrace.model.cause import Cause


def explain(
    code: Annotated[
        str | None, typer.Argument(help="A code such as RX_ACL_DENY or IP_FORWARD_TTL.")
    ] = None,
    probes: Annotated[
        bool, typer.Option("--probes", help="List the places and reasons of drops, not causes.")
    ] = False,
    output: Output = "table",
) -> None:
    """Explain a cause: what it means, whose it is, what to do. Without a code, list all.

    The code of a probe, the very place and reason of a drop, is explained with its cause.
    """
    checked_format(output)
    if code is None:
        typer.echo(_all_probes(output) if probes else _all_causes(output))
        return

    from dyetrace.knowledge.catalogue import CAUSES, cause_by_code
    from dyetrace.knowledge.probe_catalogue import PROBES, probe_by_code

    wanted = code.upper()
    if wanted in {cause.code for cause in CAUSES}:
        typer.echo(_cause(cause_by_code(wanted), output))
    elif wanted in {probe.code for probe in PROBES}:
        typer.echo(_probe(probe_by_code(wanted), output))
    else:
        _refuse(code)


def _refuse(code: str) -> NoReturn:
    from difflib import get_close_matches

    from dyetrace.errors import InvalidRequest
    from dyetrace.knowledge.catalogue import CAUSES
    from dyetrace.knowledge.probe_catalogue import PROBES

    known = [cause.code for cause in CAUSES] + [probe.code for probe in PROBES]
    near = get_close_matches(code.upper(), known, cutoff=0.4)
    raise InvalidRequest(
        f"no cause or probe {code!r}; nearest: {', '.join(near) or 'none: see `dyetrace explain`'}"
    )


def _all_causes(output: str) -> str:
    from dyetrace.cli.render import render_json, table
    from dyetrace.knowledge.catalogue import CAUSES
    from dyetrace.wire.codec import to_plain

    if is_json(output):
        return render_json([to_plain(cause) for cause in CAUSES], output)
    rows = [[c.code, c.severity.value, c.layer.value, c.owner.value, c.title] for c in CAUSES]
    return table(["CODE", "SEVERITY", "LAYER", "OWNER", "TITLE"], rows)


def _all_probes(output: str) -> str:
    from dyetrace.cli.render import render_json, table
    from dyetrace.knowledge.probe_catalogue import PROBES
    from dyetrace.wire.codec import to_plain

    if is_json(output):
        return render_json([to_plain(probe) for probe in PROBES], output)
    rows = [[p.code, p.subsystem, p.cause, p.description] for p in PROBES]
    return table(["CODE", "SUBSYSTEM", "CAUSE", "WHAT ENDS THERE"], rows)


def _cause(cause: "Cause", output: str) -> str:
    from dyetrace.cli.render import render_json
    from dyetrace.wire.codec import to_plain

    if is_json(output):
        return render_json(to_plain(cause), output)
    lines = [
        f"{cause.code}: {cause.title}\n",
        f" For the tenant    {cause.tenant_meaning}",
        f" For the operator  {cause.operator_meaning}",
        f" Severity          {cause.severity.value}",
        f" Layer             {cause.layer.value}",
        f" Owner             {cause.owner.value}",
        f" Remedy            {cause.remedy.text}",
    ]
    if cause.remedy.command:
        lines.append(f"                   {cause.remedy.command}")
    if cause.drop_reasons:
        lines.append(f" Kernel's words    {', '.join(cause.drop_reasons)}")
    return "\n".join(lines)


def _probe(probe: "Probe", output: str) -> str:
    from dyetrace.cli.render import render_json
    from dyetrace.knowledge.catalogue import cause_by_code
    from dyetrace.wire.codec import to_plain

    cause = cause_by_code(probe.cause)
    if is_json(output):
        return render_json({"probe": to_plain(probe), "cause": to_plain(cause)}, output)
    facts = {
        "Subsystem": probe.subsystem,
        "Place": probe.place or "anywhere",
        "Kind": probe.kind,
        "Dropper's word": probe.reason or "any",
    }
    told = [f" {name:<17} {value}" for name, value in facts.items() if value]
    head = f"{probe.code}: {probe.description}\n"
    return "\n".join([head, *told, "\nIf nothing else is known, it means\n", _cause(cause, output)])
