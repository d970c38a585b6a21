"""The controller's way to the record log: where it is, and as whom it is read."""

import socket
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dyetrace.analyzer.logged import LogReader
from dyetrace.cli.record_log import is_encrypted, log_servers
from dyetrace.controller.authority import (
    IDENTITY_FILE,
    TRUSTED_FILE,
    peer_identity,
    write_identity,
)
from dyetrace.errors import InvalidRequest
from dyetrace.transport.nats.connecting import Credentials, Region

if TYPE_CHECKING:
    from dyetrace.controller.gate import Gate

HOST = "host"


def log_reader(text: str, partitions: int, *, cloud: str, gate: "Gate | None") -> LogReader:
    """Read the home region's log with a certificate of our own authority; not yet connected.

    Raises InvalidRequest.
    """
    if cloud == HOST:
        raise InvalidRequest(
            "with --log, agents write into the record log, and the one of --cloud host does not: "
            "add --cloud none, and have this host join like others"
        )
    name, servers = log_servers(text, is_identified=gate is not None)
    user, credentials = f"controller:{socket.gethostname()}", None
    if gate is not None and is_encrypted(servers):
        authority, folder = gate.enrolment.authority, gate.folder / "log"
        kind, _, own = user.partition(":")
        identity = peer_identity(authority, kind=kind, name=own, now=datetime.now(UTC))
        write_identity(folder, identity, authority)
        file = folder / IDENTITY_FILE
        credentials = Credentials(certificate=file, key=file, authority=folder / TRUSTED_FILE)
    home = Region(name=name, servers=servers, user=user, credentials=credentials)
    return LogReader(home, partitions)
