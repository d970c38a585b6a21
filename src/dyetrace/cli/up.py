"""dyetrace up: the controller as a service, with its API."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dyetrace.cli.options import CloudName, DatabaseUrl, InventoryFile, LogFormat

if TYPE_CHECKING:
    import socket


def up(
    cloud: CloudName = None,
    inventory: InventoryFile = None,
    listen: Annotated[
        str, typer.Option(envvar="DYETRACE_LISTEN", help="Address and port of the API.")
    ] = "127.0.0.1:7400",
    database: DatabaseUrl = None,
    tls_cert: Annotated[
        Path | None, typer.Option(envvar="DYETRACE_TLS_CERT", help="Certificate, PEM.")
    ] = None,
    tls_key: Annotated[
        Path | None, typer.Option(envvar="DYETRACE_TLS_KEY", help="Its key, PEM.")
    ] = None,
    tenant_tasks: Annotated[
        int,
        typer.Option(envvar="DYETRACE_TENANT_TASKS", help="Active tasks per tenant.", min=0),
    ] = 5,
    tenant_packets: Annotated[
        int,
        typer.Option(envvar="DYETRACE_TENANT_PACKETS", help="Packets per tenant's task.", min=1),
    ] = 1000,
    tenant_rate: Annotated[
        int,
        typer.Option(
            envvar="DYETRACE_TENANT_RATE",
            help="Packets per second, all of a tenant's active tasks together.",
            min=1,
        ),
    ] = 5000,
    tenant_daily: Annotated[
        int,
        typer.Option(envvar="DYETRACE_TENANT_DAILY", help="Packets per tenant and day.", min=1),
    ] = 100_000,
    host_tasks: Annotated[
        int,
        typer.Option(
            envvar="DYETRACE_HOST_TASKS", help="Active tasks that color at one host.", min=1
        ),
    ] = 50,
    host_rate: Annotated[
        int,
        typer.Option(
            envvar="DYETRACE_HOST_RATE", help="Packets per second colored at one host.", min=1
        ),
    ] = 50_000,
    oidc_issuer: Annotated[
        str | None,
        typer.Option(
            envvar="DYETRACE_OIDC_ISSUER", help="Also take tokens that this issuer has signed."
        ),
    ] = None,
    oidc_audience: Annotated[
        str, typer.Option(envvar="DYETRACE_OIDC_AUDIENCE", help="Who its tokens must be for.")
    ] = "",
    oidc_jwks: Annotated[
        str | None,
        typer.Option(
            envvar="DYETRACE_OIDC_JWKS", help="Its keys: URL or file; it tells, if left out."
        ),
    ] = None,
    oidc_role_claim: Annotated[
        str, typer.Option(envvar="DYETRACE_OIDC_ROLE_CLAIM", help="The claim with the role.")
    ] = "dyetrace_role",
    oidc_tenant_claim: Annotated[
        str, typer.Option(envvar="DYETRACE_OIDC_TENANT_CLAIM", help="The claim with the tenant.")
    ] = "dyetrace_tenant",
    log_format: LogFormat = "text",
) -> None:
    """Run the controller with its API until stopped.

    Prints the URL, and where the operator's token is. Ctrl-C or SIGTERM cancels all tasks,
    cleans up on all hosts, and exits.
    """
    import asyncio
    import logging
    from contextlib import ExitStack

    from dyetrace.cli.run import choose_cloud, cloud_again
    from dyetrace.controller.api.app import make_app
    from dyetrace.controller.api.serve import serve
    from dyetrace.controller.diagnoses import Diagnoses
    from dyetrace.controller.links import Links
    from dyetrace.controller.metrics import Meters
    from dyetrace.controller.oidc import Claims, open_provider
    from dyetrace.controller.operator_token import operator_token
    from dyetrace.controller.own_session import own_session
    from dyetrace.controller.roll import Roll
    from dyetrace.controller.store import Admission, HostLimits, Quota, TaskStore
    from dyetrace.controller.store.database import state_folder
    from dyetrace.errors import InvalidRequest
    from dyetrace.wire.log_lines import begin_log

    begin_log(log_format, level=logging.INFO)
    if (tls_cert is None) != (tls_key is None):
        raise InvalidRequest("give both --tls-cert and --tls-key, or neither")
    if tls_cert is not None and tls_key is not None:
        _check_certificate(tls_cert, tls_key)
    provider = None
    if oidc_issuer is not None:
        claims = Claims(role=oidc_role_claim, tenant=oidc_tenant_claim)
        provider = open_provider(oidc_issuer, oidc_audience, jwks=oidc_jwks, claims=claims)
    chosen = choose_cloud(cloud, inventory)
    listening = _listening(listen, is_encrypted=tls_cert is not None)
    store = TaskStore(database)
    meters = Meters()
    stack = ExitStack()
    stack.callback(store.close)
    stack.callback(listening.close)
    session = stack.enter_context(own_session(state_folder(), chosen.name))
    diagnoses = Diagnoses(
        find_cloud=lambda: cloud_again(chosen),
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
        links=Links(session=session, is_resumable=True),
    )
    roll = Roll(find_cloud=lambda: cloud_again(chosen), on_called=meters.called)
    token_file = state_folder() / "operator.token"
    with stack:
        store.fail_abandoned()
        operator_token(token_file, store.database)
        address, port = listening.getsockname()[:2]
        shown = f"[{address}]" if ":" in address else address
        url = f"{'https' if tls_cert else 'http'}://{shown}:{port}"
        asyncio.run(
            serve(
                make_app(diagnoses, meters, identity_provider=provider, roll=roll),
                diagnoses,
                listening=listening,
                roll=roll,
                certificate=(str(tls_cert), str(tls_key)) if tls_cert else None,
                on_ready=lambda: typer.echo(
                    f"serving cloud {chosen.name} at {url}\noperator's token: {token_file}"
                ),
            )
        )
        typer.echo("stopped: no task runs, and nothing of any is left on the hosts", err=True)


def _check_certificate(certificate: Path, key: Path) -> None:
    """Raise InvalidRequest for files that TLS cannot use."""
    import ssl

    from dyetrace.errors import InvalidRequest

    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(certificate, key)
    except OSError as error:  # ssl.SSLError is one
        raise InvalidRequest(f"--tls-cert {certificate}, --tls-key {key}: {error}") from error


def _listening(text: str, *, is_encrypted: bool) -> "socket.socket":
    """Listen; raises InvalidRequest, also where tokens would travel in the clear."""
    import socket
    from ipaddress import ip_address

    from dyetrace.errors import InvalidRequest

    host, _, port = text.rpartition(":")
    try:
        address = ip_address(host.strip("[]"))
        number = int(port)
    except ValueError as error:
        raise InvalidRequest(f"--listen {text}: write ADDRESS:PORT or [ADDRESS]:PORT") from error
    if not address.is_loopback and not is_encrypted:
        raise InvalidRequest(
            f"--listen {text}: tokens would travel in the clear: give --tls-cert and --tls-key"
        )
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6  # noqa: PLR2004 - IPv4
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((str(address), number))
        made.listen(128)  # from now on clients wait, and are not refused
    except (OSError, OverflowError) as error:
        made.close()
        raise InvalidRequest(f"--listen {text}: {error}") from error
    return made
