"""A NATS server's configuration: TLS on both sides, and each agent kept to its own subjects.

A user is known by the subject of its certificate, which the controller's authority
signed: there is no password to keep.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dyetrace.transport.nats.names import (
    TALLIES,
    evidence_stream,
    evidence_subject,
    inbox,
    quarantine_subject,
    records_subject,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """Files of the server's own certificate and key, and of the authority that signs all."""

    certificate: Path
    key: Path
    authority: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """How servers of one region find each other."""

    name: str
    listen: str
    routes: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """What one server is to be."""

    name: str
    region: str
    listen: str
    folder: Path
    agents: dict[str, int]  # host names, as certificates have them, and their numbers
    analyzers: Sequence[str]  # names as certificates have them
    controllers: Sequence[str] = ()
    tls: Tls | None = None
    cluster: Cluster | None = None
    extra: Sequence[str] = field(default=())


def user(name: str) -> str:
    """Name a user as the server sees one: by its certificate's subject."""
    return f"CN={name}"


def written(server: Server) -> str:
    """Write the configuration."""
    parts = [
        f"server_name: {_text(server.name)}",
        f"listen: {_text(server.listen)}",
        "max_payload: 8MB",
        f"jetstream {{ store_dir: {_text(str(server.folder))} }}",
        *server.extra,
    ]
    if server.tls is not None:
        parts.append(
            "tls {\n"
            f"  cert_file: {_text(str(server.tls.certificate))}\n"
            f"  key_file: {_text(str(server.tls.key))}\n"
            f"  ca_file: {_text(str(server.tls.authority))}\n"
            "  verify_and_map: true\n"
            "}"
        )
        parts.append(_authorization(server))
    if server.cluster is not None:
        routes = ", ".join(map(_text, server.cluster.routes))
        parts.append(
            f"cluster {{ name: {_text(server.cluster.name)}, "
            f"listen: {_text(server.cluster.listen)}, routes: [{routes}] }}"
        )
    return "\n".join(parts) + "\n"


def _authorization(server: Server) -> str:
    users = [
        _user(
            name,
            publish=[
                records_subject(server.region, "*", number),
                evidence_subject(server.region, number),
            ],
        )
        for name, number in server.agents.items()
    ]
    users += [
        _user(name, publish=["$JS.API.>", quarantine_subject(server.region), f"{TALLIES}.>"])
        for name in server.analyzers
    ]
    readable = (TALLIES, evidence_stream(server.region))
    users += [
        _user(name, publish=[f"$JS.API.STREAM.MSG.GET.{stream}" for stream in readable])
        for name in server.controllers
    ]
    return "authorization {\n  users: [\n" + "\n".join(users) + "\n  ]\n}"


def _user(name: str, *, publish: Sequence[str]) -> str:
    allowed = ", ".join(map(_text, publish))
    answers = _text(f"{inbox(name)}.>")
    return (
        f"    {{ user: {_text(user(name))}, permissions: {{ "
        f"publish: {{ allow: [{allowed}] }}, subscribe: {{ allow: [{answers}] }} }} }}"
    )


def _text(value: str) -> str:
    """Quote a value; what would end the quotes is left out."""
    return '"' + value.replace("\\", "").replace('"', "") + '"'
