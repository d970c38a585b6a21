"""dyetrace up: the controller as a service, with its API and its gate."""

from pathlib import Path
from typing import Annotated

import typer

from dyetrace.cli.configuration import ControllerFile, ShowConfig
from dyetrace.cli.options import STATE, DatabaseFile, DatabaseUrl, InventoryFile, LogFormat, State
from dyetrace.cli.record_log import LogPartitions, RecordLogs, needs_client


def up(
    context: typer.Context,
    cloud: Annotated[
        str,
        typer.Option(
            help="What of this machine to serve: 'host' for this host itself, by an agent that "
            "starts when needed; the name of a cloud that is up here; or 'none'."
        ),
    ] = "host",
    inventory: InventoryFile = None,
    listen: Annotated[str, typer.Option(help="Address and port of the API.")] = "127.0.0.1:7400",
    tls_cert: Annotated[Path | None, typer.Option(help="Certificate of the API, PEM.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Its key, PEM.")] = None,
    gate: Annotated[
        str, typer.Option(help="Address and port where agents join, over TLS; or 'none'.")
    ] = "0.0.0.0:7443",
    gate_at: Annotated[
        str | None,
        typer.Option(help="HOST:PORT by which they reach it; guessed if left out."),
    ] = None,
    joined: Annotated[
        str,
        typer.Option(help="What `--cloud` of other commands here calls the hosts that joined."),
    ] = "joined",
    certificate_hours: Annotated[
        float, typer.Option(help="How long agents' certificates hold.", min=0.001)
    ] = 24.0,
    state: State = STATE,
    database: DatabaseUrl = None,
    database_file: DatabaseFile = None,
    tenant_tasks: Annotated[
        int,
        typer.Option(help="Active tasks per tenant.", min=0),
    ] = 5,
    tenant_packets: Annotated[
        int,
        typer.Option(help="Packets per tenant's task.", min=1),
    ] = 1000,
    tenant_rate: Annotated[
        int,
        typer.Option(
            help="Packets per second, all of a tenant's active tasks together.",
            min=1,
        ),
    ] = 5000,
    tenant_daily: Annotated[
        int,
        typer.Option(help="Packets per tenant and day.", min=1),
    ] = 100_000,
    host_tasks: Annotated[
        int,
        typer.Option(help="Active tasks that color at one host.", min=1),
    ] = 50,
    host_rate: Annotated[
        int,
        typer.Option(help="Packets per second colored at one host.", min=1),
    ] = 50_000,
    oidc_issuer: Annotated[
        str | None,
        typer.Option(help="Also take tokens that this issuer has signed."),
    ] = None,
    oidc_audience: Annotated[str, typer.Option(help="Who its tokens must be for.")] = "",
    oidc_jwks: Annotated[
        str | None,
        typer.Option(help="Its keys: URL or file; it tells, if left out."),
    ] = None,
    oidc_role_claim: Annotated[
        str, typer.Option(help="The claim with the role.")
    ] = "dyetrace_role",
    oidc_tenant_claim: Annotated[
        str, typer.Option(help="The claim with the tenant.")
    ] = "dyetrace_tenant",
    log: RecordLogs = None,
    log_partitions: LogPartitions = 8,
    log_format: LogFormat = "text",
    config: ControllerFile = None,
    show_config: ShowConfig = False,
) -> None:
    """Run the controller with its API, and the gate by which agents join, until stopped.

    Prints the URL, where the operator's token is, and how a host joins. Ctrl-C or SIGTERM
    cancels all tasks, cleans up on all hosts, and exits.
    """
    if show_config:
        from dyetrace.cli.configuration import shown

        typer.echo(shown(context, "controller", config))
        return

    import logging
    from contextlib import ExitStack

    from dyetrace.cli.listening import certificate_of, listening
    from dyetrace.cli.served import open_gate, served_cloud
    from dyetrace.cli.serving import Controller
    from dyetrace.cli.stored import database_url, refuse_as_root
    from dyetrace.controller.diagnoses import Diagnoses
    from dyetrace.controller.links import Links
    from dyetrace.controller.metrics import Meters
    from dyetrace.controller.oidc import Claims, open_provider
    from dyetrace.controller.own_session import own_session
    from dyetrace.controller.roll import Roll
    from dyetrace.controller.store import Admission, HostLimits, Quota, TaskStore
    from dyetrace.controller.store.database import state_folder
    from dyetrace.wire.log_lines import begin_log

    begin_log(log_format, level=logging.INFO)
    certificate = certificate_of(tls_cert, tls_key)
    provider = None
    if oidc_issuer is not None:
        claims = Claims(role=oidc_role_claim, tenant=oidc_tenant_claim)
        provider = open_provider(oidc_issuer, oidc_audience, jwks=oidc_jwks, claims=claims)
    refuse_as_root(state)
    kept_in = database_url(database, database_file, state)
    listens = listening(listen, is_encrypted=certificate is not None)
    with ExitStack() as stack:
        stack.callback(listens.close)
        folder = state_folder(state)
        entrance = open_gate(gate, folder / "gate", hours=certificate_hours)
        served = served_cloud(cloud, inventory, entrance)
        reads = None
        if log:
            needs_client()
            from dyetrace.cli.log_reading import log_reader

            reads = log_reader(log, log_partitions, cloud=cloud, gate=entrance)
        store, meters = TaskStore(kept_in), Meters()
        stack.callback(store.close)
        session = stack.enter_context(own_session(folder, served.name))
        diagnoses = Diagnoses(
            find_cloud=served.cloud,
            store=store,
            admission=Admission(
                quota=Quota(
                    active_tasks=tenant_tasks,
                    packets_per_task=tenant_packets,
                    packets_per_second=tenant_rate,
                    packets_per_day=tenant_daily,
                ),
                host=HostLimits(active_tasks=host_tasks, packets_per_second=host_rate),
            ),
            on_end=meters.ended,
            on_fleet=meters.connected,
            links=Links(
                session=session,
                is_resumable=True,
                log_reader=reads,
                why_out=entrance.why_out if entrance is not None else lambda _: "",
            ),
        )
        Controller(
            diagnoses=diagnoses,
            meters=meters,
            roll=Roll(
                find_cloud=served.cloud,
                on_called=meters.called,
                certificates=entrance.certificates if entrance is not None else dict,
                links=diagnoses.links,
            ),
            identity_provider=provider,
            served=served,
            state=state,
            listening=listens,
            certificate=certificate,
            gate_at=gate_at,
            joined=joined,
            log_reader=reads,
        ).run()
