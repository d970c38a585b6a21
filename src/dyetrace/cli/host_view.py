"""What `dyetrace doctor` shows: the kernel's checks, the VFDs found, the clouds that are up."""

import asyncio
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from dyetrace.cli.host_agent import SOCKET, answers
from dyetrace.cli.render import table
from dyetrace.controller.link import AgentLink
from dyetrace.datapath.linux.capabilities import Check, check_capabilities, check_privileges
from dyetrace.datapath.linux.discovery import discover
from dyetrace.datapath.linux.namespaces import Scope
from dyetrace.errors import DyetraceError
from dyetrace.inventory.clouds import (
    AgentAddress,
    Cloud,
    load_cloud,
    netns_of_clouds,
    registered_clouds,
)
from dyetrace.inventory.overlay import apply_inventory
from dyetrace.model.topology import Host, Port, PortKind, Vfd
from dyetrace.wire.codec import to_plain

SIGNS = {True: "ok", False: "missing", None: "note"}
ROOT_ADVICE = "run as root to see this host's VFDs and ports, and the clouds that are up"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentView:
    """One agent, and what it found; without a host it did not answer."""

    name: str
    socket: str
    host: Host | None = None
    notes: tuple[str, ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudView:
    """A registered cloud, or why it cannot be used."""

    name: str
    agents: tuple[AgentView, ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostView:
    """What this host allows, and what there is to trace."""

    checks: tuple[Check, ...]
    host: Host
    notes: tuple[str, ...]
    clouds: tuple[CloudView, ...]
    has_agent: bool

    @property
    def is_able(self) -> bool:
        """Whether dyetrace can trace here."""
        return all(check.ok is not False for check in self.checks)

    def as_text(self) -> str:
        """Write it for people: the answer first."""
        missing = ", ".join(check.name for check in self.checks if check.ok is False)
        answer = "can trace" if self.is_able else f"cannot trace: {missing} missing"
        return "\n\n".join(
            [
                f"{'+' if self.is_able else 'x'} this host, {self.host.name}, {answer}",
                _checks(self.checks),
                f"Found on this host (--cloud host; its agent "
                f"{'runs' if self.has_agent else 'starts when needed'})\n"
                + _found([self.host], self.notes),
                *map(_cloud, self.clouds),
            ]
        )

    def as_json(self) -> dict[str, Any]:
        """Write it for programs."""
        return {
            "host": self.host.name,
            "is_able": self.is_able,
            "checks": [
                {
                    "name": check.name,
                    "status": SIGNS[check.ok],
                    "found": check.found,
                    "advice": check.advice or None,
                }
                for check in self.checks
            ],
            "agent": {"socket": str(SOCKET), "answers": self.has_agent},
            "vfds": [_vfd_json(vfd, self.host) for vfd in self.host.vfds],
            "notes": list(self.notes),
            "clouds": [_cloud_json(cloud) for cloud in self.clouds],
        }


def host_view() -> HostView:
    """Look at everything there is; what cannot be looked at is noted."""
    checks = check_capabilities()
    host, notes = _discovered() if _is_permitted(checks) else (this_host(), (ROOT_ADVICE,))
    return HostView(
        checks=checks,
        host=host,
        notes=notes,
        clouds=tuple(_look_at(each) for each in registered_clouds()),
        has_agent=answers(SOCKET),
    )


def this_host() -> Host:
    """Name this host, with nothing found on it."""
    return Host(number=1, name=socket.gethostname())


def _is_permitted(checks: Iterable[Check]) -> bool:
    return all(check.ok is not False for check in checks if check.name == check_privileges().name)


def _discovered() -> tuple[Host, tuple[str, ...]]:
    here, scope = this_host(), Scope(others=netns_of_clouds())
    try:
        with discover(scope, host_number=here.number, host_name=here.name) as found:
            return found.host, found.notes
    except DyetraceError as error:
        return here, (str(error),)


def _look_at(name: str) -> CloudView:
    try:
        cloud = load_cloud(name)
    except DyetraceError as error:
        return CloudView(name=name, error=str(error))
    return CloudView(name=name, agents=asyncio.run(_ask_all(cloud)))


async def _ask_all(cloud: Cloud) -> tuple[AgentView, ...]:
    return tuple(await asyncio.gather(*(_ask(agent, cloud) for agent in cloud.agents)))


async def _ask(agent: AgentAddress, cloud: Cloud) -> AgentView:
    link = AgentLink(name=agent.host, socket=agent.socket, on_records=lambda *_: None)
    try:
        await link.open()
    except DyetraceError as error:
        return AgentView(name=agent.host, socket=str(agent.socket), error=str(error))
    finally:
        await link.close()
    return AgentView(
        name=agent.host,
        socket=str(agent.socket),
        host=apply_inventory(link.host, cloud.nics),
        notes=link.notes,
    )


def _checks(checks: Iterable[Check]) -> str:
    rows = []
    for check in checks:
        rows.append([f" {SIGNS[check.ok]}", check.name, check.found])
        if check.advice and check.ok is not True:
            rows.append(["", "", f"-> {check.advice}"])
    return table([" CHECK", "", "FOUND"], rows)


def _cloud(cloud: CloudView) -> str:
    if cloud.error:
        return f"Cloud {cloud.name} cannot be used: {cloud.error}"
    silent = [agent for agent in cloud.agents if agent.host is None]
    answering = len(cloud.agents) - len(silent)
    lines = [
        f"Cloud {cloud.name} is up: {answering} of {len(cloud.agents)} agents answer",
        *(f" {agent.name}: {agent.error}" for agent in silent),
        _found(
            [agent.host for agent in cloud.agents if agent.host is not None],
            [f"{agent.name}: {note}" for agent in cloud.agents for note in agent.notes],
        ),
    ]
    return "\n".join(lines)


def _found(hosts: Iterable[Host], notes: Iterable[str]) -> str:
    head = [" HOST", "VFD", "KIND", "PORT", "KIND", "TO", "ADDRESSES"]
    rows = [row for host in hosts for vfd in host.vfds for row in _vfd_rows(vfd, host)]
    lines = [table(head, rows)] if rows else [" no VFD"]
    return "\n".join([*lines, *(f" note: {note}" for note in notes)])


def _vfd_rows(vfd: Vfd, host: Host) -> Iterator[list[str]]:
    common = [f" {host.name}", vfd.name, vfd.kind.value]
    if not vfd.ports:
        yield [*common, "-", "-", "-", ""]
    for port in vfd.ports:
        addresses = port.nic.addresses if port.nic else port.addresses
        yield [
            *common,
            port.name,
            port.kind.value,
            _other_side(port, host),
            ", ".join(map(str, addresses)),
        ]


def _other_side(port: Port, host: Host) -> str:
    if port.nic is not None:
        tenant = f" of {port.nic.tenant}" if port.nic.tenant else ""
        return f"{port.nic.vm}{tenant} ({port.nic.id})"
    if port.kind is PortKind.LINK:
        vfd, name = _peer(port, host)
        return f"{vfd} ({name})" if vfd else "-"
    return {PortKind.UPLINK: "the underlay", PortKind.EXTERNAL: "outside"}.get(port.kind, "-")


def _peer(port: Port, host: Host) -> tuple[str, str]:
    """Name the VFD and the port on the other side of a link; empty where unknown."""
    for vfd in host.vfds:
        for other in vfd.ports:
            if port.peer == (other.netns, other.ifindex):
                return vfd.name, other.name
    return "", ""


def _vfd_json(vfd: Vfd, host: Host) -> dict[str, Any]:
    return {
        "name": vfd.name,
        "netns": vfd.netns_name,
        "kind": vfd.kind.value,
        "ports": [_port_json(port, host) for port in vfd.ports],
    }


def _port_json(port: Port, host: Host) -> dict[str, Any]:
    vfd, name = _peer(port, host)
    return {
        "name": port.name,
        "kind": port.kind.value,
        "mac": port.mac,
        "addresses": [str(address) for address in port.addresses],
        "peer": {"vfd": vfd, "port": name} if vfd else None,
        "nic": to_plain(port.nic) if port.nic else None,
    }


def _cloud_json(cloud: CloudView) -> dict[str, Any]:
    return {
        "name": cloud.name,
        "error": cloud.error or None,
        "agents": [
            {
                "host": agent.name,
                "socket": agent.socket,
                "answers": agent.host is not None,
                "error": agent.error or None,
                "notes": list(agent.notes),
                "vfds": [_vfd_json(vfd, agent.host) for vfd in agent.host.vfds]
                if agent.host
                else [],
            }
            for agent in cloud.agents
        ],
    }
