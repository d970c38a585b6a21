"""`dyetrace lab`: clouds of network namespaces to try dyetrace on."""

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from dyetrace.errors import DyetraceError, InvalidRequest

# Everything of the lab is imported where it is used: `dyetrace --help` must not wait for it.
if TYPE_CHECKING:
    from dyetrace.lab.cloud import Cloud

app = typer.Typer(
    help="Clouds of network namespaces to try dyetrace on: build, break, heal. Needs root.",
    no_args_is_help=True,
)

CloudOption = Annotated[
    str | None, typer.Option("--cloud", "-c", help="The cloud; not needed while only one is up.")
]
Output = Annotated[Literal["text", "json"], typer.Option("--output", "-o", help="How to print it.")]


@app.command("list")
def list_() -> None:
    """List the kinds of clouds and the faults."""
    from dyetrace.lab.faults import FAULTS
    from dyetrace.lab.faults.options import summary_of
    from dyetrace.lab.kinds import KINDS

    typer.echo("KINDS")
    for kind in KINDS:
        typer.echo(f"  {kind.kind:<22}{kind.summary}")
    typer.echo("FAULTS")
    for fault in FAULTS:
        typer.echo(f"  {fault.name:<22}{summary_of(fault)}")


@app.command()
def up(
    name: Annotated[str, typer.Argument(help="Name of the new cloud; may be a kind itself.")],
    kind: Annotated[
        str | None, typer.Option("--kind", "-k", help="Kind, unless the name is one.")
    ] = None,
    agents: Annotated[bool, typer.Option(help="Start an agent on each host.")] = True,  # a switch
    clock_offset: Annotated[
        list[str] | None,
        typer.Option(metavar="HOST=SECONDS", help="Put a host's clock ahead, or back: for tests."),
    ] = None,
) -> None:
    """Build a cloud and leave it up."""
    from dyetrace.lab.cloud import Cloud

    with errors_told():
        offsets = clock_offsets_of(clock_offset or ())
        cloud = Cloud.up(kind or name, name=name, agents=agents, clock_offsets_s=offsets)
        typer.echo(
            f"cloud {cloud.name} is up: {len(cloud.hosts)} hosts, {len(cloud.vms)} VMs,"
            f" {len(cloud.agents)} agents"
        )
        source, destination = cloud.example
        typer.echo(f"try: dyetrace lab traffic {source.id} {destination.id}")


@app.command()
def down(
    name: Annotated[str | None, typer.Argument(help="The cloud.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All clouds.")] = False,  # a switch
) -> None:
    """Take a cloud down, or what remains of one. Harmless if there is nothing."""
    from dyetrace.lab.cloud import Cloud
    from dyetrace.lab.lifecycle import require_root, take_down
    from dyetrace.lab.namespaces import clouds_with_namespaces

    with errors_told():
        require_root()
        everything = sorted({*Cloud.names(), *clouds_with_namespaces()})
        names = everything if every else [name or only_cloud().name]
        for each in names:
            take_down(each)
            typer.echo(f"cloud {each} is down")


@app.command()
def status(output: Output = "text") -> None:
    """Say which clouds are up, with their VMs, agents and faults."""
    from dyetrace.lab.cloud import Cloud
    from dyetrace.lab.errors import UnknownName
    from dyetrace.lab.lifecycle import require_root

    with errors_told():
        require_root()
        clouds = []
        for name in Cloud.names():
            with suppress(UnknownName):  # taken down since
                clouds.append(status_of(Cloud.load(name)))
    if output == "json":
        typer.echo(json.dumps({"clouds": clouds}, indent=2))
        return
    if not clouds:
        typer.echo("no cloud is up: build one with `dyetrace lab up three-hosts`")
    for cloud in clouds:
        typer.echo(f"{cloud['cloud']} ({cloud['kind']})")
        for agent in cloud["agents"]:
            word = "running" if agent["running"] else "gone"
            typer.echo(f"  agent {agent['host']:<8} {word}, pid {agent['pid']}")
        for vm in cloud["vms"]:
            typer.echo(f"  VM    {vm['id']:<14}{vm['host']:<6}{'  '.join(vm['addresses'])}")
        for fault in cloud["faults"]:
            typer.echo(f"  fault {fault}")


@app.command(
    "exec", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False}
)
def exec_(
    vm: Annotated[str, typer.Argument(help="A VM, or `internet`.")],
    command: Annotated[list[str], typer.Argument(help="The program and its arguments.")],
    cloud: CloudOption = None,
) -> None:
    """Run a program in a VM; exits as the program does."""
    import os

    from dyetrace.lab.ends import FloatingIp

    with errors_told():
        end = cloud_called(cloud).end(vm)
        place = end.vm if isinstance(end, FloatingIp) else end
    os.execvp("ip", ["ip", "netns", "exec", place.netns, *command])  # noqa: S606


@app.command()
def fault(
    name: Annotated[str, typer.Argument(help="One of `dyetrace lab list`.")],
    options: Annotated[
        list[str] | None, typer.Argument(help="Options as key=value, such as vm=blue-db.")
    ] = None,
    cloud: CloudOption = None,
) -> None:
    """Break a cloud, and say what a diagnosis should find."""
    from dyetrace.lab.faults import fault_called
    from dyetrace.lab.faults.options import fault_with

    with errors_told():
        broken = cloud_called(cloud)
        injected = fault_with(fault_called(name), options or [])
        broken.inject(injected)
        truth = injected.truth(broken)
        place = f"{truth.vfd} on host {truth.host}" if truth.host else "the underlay"
        typer.echo(f"{name} is in cloud {broken.name}: {truth.verdict} at {place} ({truth.code})")
        if truth.families != (4, 6):
            typer.echo(f"only IPv{truth.families[0]}")
        if truth.note:
            typer.echo(truth.note)


@app.command()
def heal(cloud: CloudOption = None) -> None:
    """Undo all faults of a cloud."""
    with errors_told():
        broken = cloud_called(cloud)
        names = [each.name for each in broken.injected]
        broken.heal()
        typer.echo(f"healed: {', '.join(reversed(names))}" if names else "there was no fault")


@app.command()
def traffic(  # each is an option
    source: Annotated[str | None, typer.Argument(help="A VM, or `internet`.")] = None,
    destination: Annotated[
        str | None, typer.Argument(help="A VM, `internet`, or a floating address.")
    ] = None,
    protocol: Annotated[Literal["udp", "tcp", "icmp"], typer.Option("--protocol", "-p")] = "udp",
    ipv6: Annotated[
        bool, typer.Option("--ipv6", "-6", help="IPv6 instead of IPv4.")
    ] = False,  # a switch
    port: Annotated[int, typer.Option(min=1, max=65535, help="Destination port.")] = 5432,
    count: Annotated[int, typer.Option(min=1, max=1_000_000, help="Packets.")] = 20,
    interval: Annotated[float, typer.Option(min=0.0, help="Seconds between packets.")] = 0.01,
    size: Annotated[int, typer.Option(min=0, max=65_000, help="Bytes of payload.")] = 64,
    dscp: Annotated[int, typer.Option(min=0, max=63, help="The sender's own DSCP.")] = 0,
    cloud: CloudOption = None,
    output: Output = "text",
) -> None:
    """Send packets and count them at both vNICs. Exits 0 if all arrived, 10 if not."""
    from dyetrace.lab.traffic import exchange

    with errors_told():
        where = cloud_called(cloud)
        report = exchange(
            where,
            source or where.example[0],
            destination or where.example[1],
            protocol=protocol,
            family=6 if ipv6 else 4,
            count=count,
            interval=interval,
            port=port,
            dscp=dscp,
            size=size,
        )
    if output == "json":
        typer.echo(json.dumps(report.as_dict(), indent=2))
    else:
        source_address, destination_address, *_ = report.five_tuple
        typer.echo(
            f"{protocol} {source_address} -> {destination_address}:"
            f" {report.sent} sent, {report.received} received, {report.lost} lost"
        )
    raise typer.Exit(0 if report.sent and not report.lost else 10)


@app.command()
def matrix(
    only: Annotated[
        str | None, typer.Option(help="Only scenarios whose id this pattern is found in.")
    ] = None,
    sample: Annotated[
        bool, typer.Option("--sample", help="One scenario for each fault and position.")
    ] = False,  # a switch
    seed: Annotated[int, typer.Option(help="Which ones a sample takes.")] = 1,
    jobs: Annotated[int, typer.Option(min=1, max=64, help="Clouds side by side.")] = 2,
    report: Annotated[
        Path | None, typer.Option(help="Write a page here, and a .json beside it.")
    ] = None,
    output: Output = "text",
) -> None:
    """Break clouds in every way and compare diagnoses with the truth.

    A scenario's id is fault@position/route/family/protocol. Exits 0 if every
    verdict was right, 10 if not. Ctrl-C takes the clouds down.

    Example: dyetrace lab matrix --only 'acl_deny@.*/ipv6/' --jobs 2
    """
    from dyetrace.cli.lab_matrix import run

    with errors_told():
        told = run(only=only, seed=seed if sample else None, jobs=jobs, report=report)
    typer.echo(json.dumps(told.as_dict(), indent=2) if output == "json" else told.summary())
    raise typer.Exit(0 if not told.wrong and not told.invalid else 10)


def clock_offsets_of(texts: Iterable[str]) -> dict[str, float]:
    """Read HOST=SECONDS. Raises InvalidRequest."""
    offsets = {}
    for text in texts:
        host, _, seconds = text.partition("=")
        try:
            offsets[host] = float(seconds)
        except ValueError as error:
            raise InvalidRequest(f"--clock-offset {text}: write HOST=SECONDS") from error
    return offsets


def cloud_called(name: str | None) -> "Cloud":
    """Find the cloud that is meant. Raises UnknownName."""
    from dyetrace.lab.cloud import Cloud
    from dyetrace.lab.lifecycle import require_root

    require_root()
    return Cloud.load(name) if name else only_cloud()


def only_cloud() -> "Cloud":
    """Find the cloud when none was named. Raises NoCloudUp or SeveralCloudsUp."""
    from dyetrace.lab.cloud import Cloud
    from dyetrace.lab.errors import NoCloudUp, SeveralCloudsUp

    names = Cloud.names()
    if not names:
        raise NoCloudUp
    if len(names) > 1:
        raise SeveralCloudsUp(names=names)
    return Cloud.load(names[0])


def status_of(cloud: "Cloud") -> dict[str, Any]:
    """Describe a cloud that is up."""
    from dyetrace.lab.agents import is_running

    return {
        "cloud": cloud.name,
        "kind": cloud.description.kind,
        "agents": [
            {"host": each.host, "pid": each.pid, "running": is_running(each)}
            for each in cloud.agents
        ],
        "vms": [
            {"id": vm.id, "tenant": vm.tenant, "host": vm.host, "addresses": list(vm.addresses)}
            for vm in cloud.vms
        ],
        "faults": [str(each) for each in cloud.injected],
    }


@contextmanager
def errors_told() -> Iterator[None]:
    """Turn errors meant for users into a line and exit status 1."""
    try:
        yield
    except DyetraceError as error:
        typer.echo(f"dyetrace: {error}", err=True)
        sys.exit(1)
