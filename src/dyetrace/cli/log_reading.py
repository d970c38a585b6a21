"""The controller's way to the record log: where it is, and as whom it is read."""

import socket
from collections.abc import Sequence
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


def log_reader(
    regions: Sequence[str], partitions: int, *, cloud: str, gate: "Gate | None"
) -> LogReader:
    """Read the log with a certificate of our own authority; not yet connected.

    Raises InvalidRequest.
    """
    if cloud == HOST:
        raise InvalidRequest(
            "with --log, agents write into the record log, and the one of --cloud host does not: "
            "add --cloud none, and have this host join like others"
        )
    found = [log_servers(text, is_identified=gate is not None) for text in regions]
    user, credentials = f"controller:{socket.gethostname()}", None
    if gate is not None and any(is_encrypted(servers) for _, servers in found):
        authority, folder = gate.enrolment.authority, gate.folder / "log"
        kind, _, own = user.partition(":")
        identity = peer_identity(authority, kind=kind, name=own, now=datetime.now(UTC))
        write_identity(folder, identity, authority)
        file = folder / IDENTITY_FILE
        credentials = Credentials(certificate=file, key=file, authority=folder / TRUSTED_FILE)
    return LogReader(
        [
            Region(
                name=name,
                servers=servers,
                user=user,
                credentials=credentials if is_encrypted(servers) else None,
            )
            for name, servers in found
        ],
        partitions,
    )
