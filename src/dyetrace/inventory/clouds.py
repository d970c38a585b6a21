"""Clouds registered on this machine: one JSON file each, with agents and VMs."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from dyetrace.errors import DyetraceError, InvalidRequest
from dyetrace.inventory.inventory import Inventory
from dyetrace.inventory.overlay import NicPlace
from dyetrace.model.topology import Nic

CLOUDS = Path("/run/dyetrace/clouds")


class BadCloudFile(DyetraceError):
    """A cloud's file cannot be understood."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentAddress:
    """Where an agent listens, and which namespaces are its."""

    host: str
    socket: Path
    netns: tuple[str, ...] = ()
    is_certified: bool = False  # the gate has proven it to be this host's


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """The agents to ask, and what the inventory knows of their vNICs."""

    name: str
    agents: tuple[AgentAddress, ...]
    nics: Mapping[NicPlace, Nic] = field(default_factory=dict)
    netns: tuple[str, ...] = ()  # globs of all its namespaces, also those without an agent
    inventory: Inventory = field(default_factory=Inventory)  # what its provider wrote of it


def registered_clouds(folder: Path = CLOUDS) -> tuple[str, ...]:
    """Name the clouds that are up on this machine."""
    return tuple(sorted(path.stem for path in folder.glob("*.json")))


def load_cloud(name: str, folder: Path = CLOUDS) -> Cloud:
    """Read a registered cloud; raises InvalidRequest or BadCloudFile."""
    path = folder / f"{name}.json"
    if name not in registered_clouds(folder):
        raise InvalidRequest(
            f"no cloud {name!r} is up; there are: {', '.join(registered_clouds(folder)) or 'none'}"
        )
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return Cloud(
            name=content["cloud"],
            agents=tuple(
                AgentAddress(
                    host=agent["host"],
                    socket=Path(agent["socket"]),
                    netns=tuple(agent.get("netns", ())),
                    is_certified=bool(agent.get("is_certified", False)),
                )
                for agent in content["agents"]
            ),
            nics=dict(_nics(content.get("vms", ()))),
            netns=tuple(content.get("netns", ())),
        )
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadCloudFile(f"{path} is no description of a cloud: {error!r}") from error


def register_cloud(cloud: Cloud, folder: Path = CLOUDS) -> None:
    """Let other processes of this machine find a cloud's agents; its vNICs are not written."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    agents = [
        {
            "host": agent.host,
            "socket": str(agent.socket),
            "netns": list(agent.netns),
            "is_certified": agent.is_certified,
        }
        for agent in cloud.agents
    ]
    draft = folder / f".{cloud.name}.draft"
    draft.write_text(json.dumps({"cloud": cloud.name, "agents": agents}), encoding="utf-8")
    draft.replace(folder / f"{cloud.name}.json")


def netns_of_clouds(folder: Path = CLOUDS) -> tuple[str, ...]:
    """Give the globs of all namespaces of registered clouds, with an agent or without."""
    found: list[str] = []
    for name in registered_clouds(folder):
        with suppress(BadCloudFile, InvalidRequest):  # broken, or down since it was listed
            cloud = load_cloud(name, folder)
            found.extend(cloud.netns)
            found.extend(glob for agent in cloud.agents for glob in agent.netns)
    return tuple(found)


def _nics(vms: Any) -> list[tuple[NicPlace, Nic]]:  # noqa: ANN401 - straight from JSON
    return [
        (
            (nic["host"], nic["netns"], nic["port"]),
            Nic(
                id=nic["id"],
                vm=vm["id"],
                tenant=vm.get("tenant", ""),
                mac=nic.get("mac", ""),
                addresses=tuple(ip_address(address) for address in nic.get("addresses", ())),
            ),
        )
        for vm in vms
        for nic in vm["nics"]
    ]
