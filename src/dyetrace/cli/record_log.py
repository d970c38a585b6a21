"""Where the record log is, as agents, controllers and analyzers are told."""

from importlib.util import find_spec
from typing import Annotated

import typer

from dyetrace.errors import InvalidRequest

RecordLog = Annotated[
    str | None,
    typer.Option(
        help="REGION=URL[,URL...] of the NATS servers that keep the record log, tls:// or "
        "nats://; none if left out: agents send their records to the controller.",
    ),
]
RecordLogs = Annotated[
    list[str] | None,
    typer.Option(
        help="REGION=URL[,URL...] of the NATS servers that keep a region's record log, the home "
        "region first; may be repeated. None if left out: agents send their records here.",
    ),
]
LogPartitions = Annotated[
    int, typer.Option(help="Partitions of the record log: the same everywhere.", min=1)
]


def needs_client() -> None:
    """Refuse where the log's client library is not installed; raises InvalidRequest."""
    if find_spec("nats") is None:
        raise InvalidRequest("a record log needs nats-py: pip install 'dyetrace[nats]'")


def log_servers(text: str, *, is_identified: bool = True) -> tuple[str, list[str]]:
    """Read a region's name and its servers; raises InvalidRequest.

    is_identified: whether there is a certificate to show.
    """
    needs_client()
    name, found, servers = text.partition("=")
    urls = servers.split(",")
    if not found or not all(url.startswith(("nats://", "tls://")) for url in urls):
        raise InvalidRequest(f"{text!r}: give REGION=URL, as in east=tls://10.0.0.1:4222")
    if is_encrypted(urls) and not is_identified:
        raise InvalidRequest(
            f"{urls[0]} asks for a certificate: an agent has one by --join, a controller by "
            "--gate, an analyzer by --certificate"
        )
    return name, urls


def is_encrypted(urls: list[str]) -> bool:
    """Whether servers are spoken to by TLS, and shown a certificate."""
    return any(url.startswith("tls://") for url in urls)
