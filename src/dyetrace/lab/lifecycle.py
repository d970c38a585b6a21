"""Raise a cloud and take it down, leaving nothing behind whichever way it ends."""

import os
import re
import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from dyetrace.lab import agents, state
from dyetrace.lab.agents import Agent
from dyetrace.lab.blueprint import draw
from dyetrace.lab.build import build, demolish
from dyetrace.lab.description import CloudDescription
from dyetrace.lab.errors import BadName, CloudAlreadyUp, RootRequired, UnknownName
from dyetrace.lab.namespaces import existing
from dyetrace.lab.state import State

NO_OFFSETS: Final[Mapping[str, float]] = MappingProxyType({})
NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")


def raise_cloud(
    description: CloudDescription,
    *,
    initial_state: State,
    with_agents: bool,
    clock_offsets_s: Mapping[str, float] = NO_OFFSETS,
) -> None:
    """Build a cloud; after an error or Ctrl-C, take down what there is of it and raise again."""
    name = initial_state["cloud"]
    require_name(name)
    require_root()
    with state.exclusive(name):
        if state.path_of(name).exists() or existing(name):
            raise CloudAlreadyUp(name=name)
        try:
            # Written first, so that even a killed build can be found and taken down.
            state.write(initial_state)
            build(draw(name, description))
            if with_agents:
                start_agents(name, description.hosts, clock_offsets_s)
        except BaseException:
            demolish_all(name)
            raise


def take_down(name: str) -> None:
    """Take down a cloud or its remains; harmless if there is nothing."""
    require_name(name)
    require_root()
    with state.exclusive(name):
        demolish_all(name)


def start_agents(
    name: str, hosts: tuple[str, ...], clock_offsets_s: Mapping[str, float] = NO_OFFSETS
) -> None:
    """Start an agent on each host and wait until all listen. Raises AgentNotReady."""
    content = state.read(name)
    deadline = time.monotonic() + agents.READY_WITHIN_S
    started: list[Agent] = []
    for host in hosts:
        agent = agents.start(name, host, clock_offset_s=clock_offsets_s.get(host, 0.0))
        started.append(agent)
        # After each one: if the next cannot start, this one must still be found and ended.
        content["agents"].append(agent.entry())
        state.write(content)
    for agent in started:
        agents.wait_ready(agent, deadline=deadline)


def demolish_all(name: str) -> None:
    """Undo `raise_cloud` from any point it may have reached."""
    try:
        entries = state.read(name)["agents"]
    except UnknownName:
        entries = []
    agents.stop([Agent.from_entry(entry) for entry in entries])
    demolish(name)
    agents.forget(name)
    state.forget(name)


def require_name(name: str) -> None:
    """Raise BadName unless the name can be part of namespace and file names."""
    if not NAME.fullmatch(name):
        raise BadName(name=name)


def require_root() -> None:
    """Raise RootRequired unless namespaces can be made."""
    if os.geteuid() != 0:
        raise RootRequired
