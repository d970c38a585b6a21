"""dyetrace simulate: a cloud of fake agents, to see how dyetrace does before a cloud does."""

from pathlib import Path
from typing import Annotated

import typer

from dyetrace.cli.options import Output, checked_format


def simulate(
    hosts: Annotated[int, typer.Option(help="Hosts, each with an agent.", min=2)] = 20,
    vms: Annotated[int, typer.Option(help="VMs on them.", min=2)] = 400,
    tasks: Annotated[int, typer.Option(help="Flows to diagnose.", min=1)] = 50,
    at_once: Annotated[int, typer.Option(help="How many of them at once.", min=1)] = 20,
    regions: Annotated[int, typer.Option(help="Regions.", min=1)] = 2,
    vms_per_network: Annotated[int, typer.Option(help="VMs a tenant has, on average.", min=2)] = 10,
    faults: Annotated[
        str, typer.Option(help="'mix': as in production, a tenth healthy; 'none': all healthy.")
    ] = "mix",
    packets: Annotated[int, typer.Option(help="Packets to color, a task.", min=1)] = 20,
    lost_records: Annotated[
        float, typer.Option(help="Share of records that agents lose, and count.", min=0, max=1)
    ] = 0.0,
    late_records: Annotated[
        float, typer.Option(help="Share of records that come a second late.", min=0, max=1)
    ] = 0.0,
    clock_skew: Annotated[
        float, typer.Option(help="Hosts' clocks differ by up to so many seconds.", min=0)
    ] = 0.0,
    lost_agents: Annotated[
        int,
        typer.Option(help="Agents that die while tasks run; every second one comes back.", min=0),
    ] = 0,
    log: Annotated[
        bool, typer.Option("--log", help="By a record log: a NATS server, and an analyzer.")
    ] = False,
    processes: Annotated[int, typer.Option(help="To spread the agents over.", min=1)] = 2,
    seed: Annotated[int, typer.Option(help="The same seed gives the same cloud.")] = 1,
    report: Annotated[
        Path | None, typer.Option(help="Write FILE.json, and FILE.html with plots.")
    ] = None,
    output: Output = "table",
) -> None:
    """Diagnose a simulated cloud with real controller, channel and agents, and check the verdicts.

    Packets are computed, and so is what is wrong: all verdicts are compared with it. Attaches
    nothing to any interface, and needs no root.
    """
    checked_format(output)

    from dyetrace.cli.record_log import needs_client
    from dyetrace.cli.render import render_json
    from dyetrace.cli.simulation_view import ProgressLine, as_text, write_report
    from dyetrace.datapath.simulated.shape import Shape, Unreliable
    from dyetrace.errors import InvalidRequest
    from dyetrace.lab.simulation.run import Simulation
    from dyetrace.lab.simulation.run import simulate as run

    if log:
        needs_client()
    if faults not in {"mix", "none"}:
        raise InvalidRequest(f"--faults {faults}: take mix or none")
    try:
        wanted = Simulation(
            shape=Shape(
                hosts=hosts, vms=vms, vms_per_network=vms_per_network, regions=regions, seed=seed
            ),
            unreliable=Unreliable(
                records_lost=lost_records, records_late=late_records, clock_skew_s=clock_skew
            ),
            tasks=tasks,
            at_once=at_once,
            healthy=1.0 if faults == "none" else 0.1,
            packet_count=packets,
            processes=min(processes, hosts),
            lost_agents=lost_agents,
            by_log=log,
        )
    except ValueError as error:
        raise InvalidRequest(str(error)) from error
    with ProgressLine() as line:
        found = run(wanted, on_progress=line.show)
    if report is not None:
        write_report(found, report)
    typer.echo(
        render_json(found.as_json(), output) if output in {"json", "jsonl"} else as_text(found)
    )
