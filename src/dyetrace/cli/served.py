"""What a controller serves: a cloud of this machine, and the hosts that have joined it."""

import asyncio
import logging
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dyetrace.cli.run import choose_cloud, cloud_again
from dyetrace.controller.authority import write_private
from dyetrace.controller.enrolment import Enrolment, open_enrolment
from dyetrace.controller.gate import Gate
from dyetrace.errors import InvalidRequest, TokenRefused
from dyetrace.inventory.clouds import CLOUDS, Cloud, register_cloud
from dyetrace.inventory.file import load_inventory
from dyetrace.inventory.inventory import Inventory
from dyetrace.wire.admission import JoinToken

NONE = "none"
JOINED = "joined"
RENEW_WITHIN_S = 0.05
SOMEWHERE = ("192.0.2.1", 9)  # RFC 5737: nobody's; connecting a datagram socket sends nothing

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A cloud found anew for each task: agents come and go."""

    name: str
    near: Callable[[], Cloud]  # of this machine
    gate: Gate | None
    inventory: Inventory
    _told: "dict[str, tuple[Cloud, Cloud | None, Cloud]]" = field(default_factory=dict)

    def cloud(self) -> Cloud:
        """Give all agents there are; one of this machine is not asked by way of the gate, too.

        It is the same as long as they are, whatever their number.
        """
        near = self.near()
        joined = self.gate.cloud(near.name) if self.gate is not None else None
        before, with_joined, told = self._told.get(self.name, (None, None, near))
        if near == before and joined is with_joined:
            return told
        here = {agent.host for agent in near.agents}
        others = joined.agents if joined is not None else ()
        agents = (*near.agents, *(agent for agent in others if agent.host not in here))
        told = replace(near, agents=agents, inventory=self.inventory)
        self._told[self.name] = (near, joined, told)
        return told


class Registration:
    """Lets other commands of this machine find the hosts that have joined, while there are any."""

    def __init__(self, gate: Gate, name: str) -> None:
        """Take the name by which `--cloud` finds them."""
        self._gate, self._name = gate, name
        self._has_warned = False
        self._is_due = False

    def renew_soon(self) -> None:
        """Write down who has joined; once, where many come at a time."""
        if not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_later(RENEW_WITHIN_S, self.renew)

    def renew(self) -> None:
        """Write down who has joined."""
        self._is_due = False
        cloud = self._gate.cloud(self._name)
        if not cloud.agents:
            self.end()
            return
        try:
            register_cloud(cloud)
        except OSError as error:
            if not self._has_warned:  # a service without root's rights: its API knows them
                log.warning("--cloud %s will not find who joined: %s", self._name, error)
            self._has_warned = True

    def end(self) -> None:
        """Take it away."""
        with suppress(OSError):
            (CLOUDS / f"{self._name}.json").unlink(missing_ok=True)


def open_gate(text: str, folder: Path, *, hours: float) -> Gate | None:
    """Make the gate, if one is wanted, with its folder; it does not listen yet."""
    if text == NONE:
        return None
    host, port = host_and_port(text)
    enrolment = open_enrolment(folder, lifetime=timedelta(hours=hours))
    return Gate(enrolment=enrolment, folder=folder, host=host, port=port)


def served_cloud(name: str, inventory: Path | None, gate: Gate | None) -> Served:
    """Choose what to serve, so that what cannot be is refused now; raises InvalidRequest."""
    if name == NONE and gate is None:
        raise InvalidRequest("neither --cloud nor --gate: there would be nothing to trace")
    if name == NONE:
        written = load_inventory(inventory) if inventory is not None else Inventory()
        nobody = Cloud(name=JOINED, agents=())
        return Served(name=JOINED, near=lambda: nobody, gate=gate, inventory=written)
    chosen = choose_cloud(name, inventory)
    return Served(
        name=chosen.name,
        near=lambda: cloud_again(chosen),
        gate=gate,
        inventory=chosen.inventory,
    )


def host_and_port(text: str) -> tuple[str, int]:
    """Read HOST:PORT; raises InvalidRequest."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal():
        raise InvalidRequest(f"{text!r} is not of the form HOST:PORT")
    return host.strip("[]"), int(port)


def reached_at(host: str, port: int) -> str:
    """Guess by which address other machines reach a port that listens on this one."""
    if host in {"0.0.0.0", "::", ""}:  # noqa: S104 - compared, not listened on
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as towards:
            try:
                towards.connect(SOMEWHERE)
                host = towards.getsockname()[0]
            except OSError:  # no way out of here
                host = socket.gethostname()
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def fresh_join_token(file: Path, enrolment: Enrolment) -> None:
    """Put a new join token into the file; the one of an earlier start is no good any more."""
    now = datetime.now(UTC)
    with suppress(OSError, ValueError, TokenRefused):
        enrolment.tokens.spend(JoinToken.parse(file.read_text(encoding="ascii")).secret, now=now)
    write_private(file, f"{enrolment.make_token(now=now).text}\n".encode())
