"""Agents are ended by exact identity: never another process that has their pid now."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from dyetrace.lab import agents
from dyetrace.lab.agents import Agent
from dyetrace.lab.errors import AgentNotReady


@contextmanager
def a_process(*argv: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program in place of an agent."""
    process = subprocess.Popen(argv or ("sleep", "60"))
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def an_agent(process: subprocess.Popen[bytes], directory: Path) -> Agent:
    """Describe a process as if it were an agent."""
    return Agent(
        host="cn-1",
        socket=directory / "cn-1.sock",
        netns=("dt.test.cn-1.*",),
        pid=process.pid,
        started=agents.start_time(process.pid) or 0,
    )


def test_stopping_ends_the_very_process(tmp_path: Path) -> None:
    with a_process() as process:
        agent = an_agent(process, tmp_path)
        assert agents.is_running(agent)

        agents.stop([agent])

        assert not agents.is_running(agent)


def test_a_process_that_only_has_the_same_pid_is_left_alone(tmp_path: Path) -> None:
    with a_process() as process:
        agent = an_agent(process, tmp_path)
        impostor = replace(agent, started=agent.started - 1)

        agents.stop([impostor])

        assert agents.is_running(agent)
        assert not agents.is_running(impostor)


def test_an_agent_deaf_to_the_gentle_signal_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agents, "END_WITHIN_S", 0.2)
    ready = tmp_path / "ready"
    with a_process(
        "sh", "-c", f"trap '' TERM; touch {ready}; while :; do sleep 60; done"
    ) as process:
        agent = replace(an_agent(process, tmp_path), socket=ready)
        agents.wait_ready(agent, deadline=float("inf"))

        agents.stop([agent])

        assert not agents.is_running(agent)


def test_stopping_what_has_ended_does_no_harm(tmp_path: Path) -> None:
    with a_process("true") as process:
        agent = an_agent(process, tmp_path)
        process.wait()

        agents.stop([agent])


def test_an_agent_that_ends_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "cn-1.log").write_text("no such command\n")
    with a_process("false") as process:
        agent = an_agent(process, tmp_path)

        with pytest.raises(AgentNotReady, match="no such command"):
            agents.wait_ready(agent, deadline=float("inf"))


def test_an_agent_that_opens_no_socket_is_too_late(tmp_path: Path) -> None:
    with a_process() as process, pytest.raises(AgentNotReady, match="opened no socket"):
        agents.wait_ready(an_agent(process, tmp_path), deadline=0.0)


def test_there_is_no_start_time_without_a_process() -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    os.close(write_end)
    assert agents.start_time(2**22 + 1) is None
