"""A simulation from start to report: processes started, tasks asked for, truth compared."""

import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from dyetrace import __version__
from dyetrace.datapath.simulated.cloud import SimulatedCloud
from dyetrace.datapath.simulated.shape import Shape, Unreliable
from dyetrace.datapath.simulated.traffic import Planted, Traffic
from dyetrace.lab.simulation.client import Api, Prober, diagnose_all
from dyetrace.lab.simulation.losses import AgentLosses
from dyetrace.lab.simulation.processes import Part, ProcessFailed, Used, end_all
from dyetrace.lab.simulation.record_log import Log, record_log
from dyetrace.lab.simulation.report import Report
from dyetrace.lab.simulation.truth import Outcome, outcome_of, wanted_of

DYETRACE = (sys.executable, "-m", "dyetrace")
START_WITHIN_S = 60.0
JOIN_WITHIN_S = 5.0  # for each host


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """What to simulate."""

    shape: Shape = field(default_factory=Shape)
    unreliable: Unreliable = field(default_factory=Unreliable)
    tasks: int = 50
    at_once: int = 20
    healthy: float = 0.1
    packet_count: int = 20
    trace_time_s: float = 30.0
    processes: int = 2  # that the agents are spread over
    by_log: bool = False  # records go through a record log to an analyzer of their own
    lost_agents: int = 0  # that die while tasks run; every second one comes back


def simulate(wanted: Simulation, *, on_progress: Callable[[str, int, int], None]) -> Report:
    """Run it all and report; nothing of it is left, whatever happens. Raises ProcessFailed."""
    cloud = SimulatedCloud(wanted.shape)
    traffic = Traffic(cloud, wanted.tasks, wanted.healthy)
    planted = traffic.planted
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dyetrace-")))
        parts: list[Part] = []
        stack.callback(end_all, parts)
        on_progress("starting the controller", 0, 1)
        log = record_log(folder, parts) if wanted.by_log else None
        controller, api, gate = _controller(folder, parts, log)
        crowd_of = _crowds(wanted, folder, parts, controller=gate, log=log, on_progress=on_progress)
        losses = _losses(wanted, planted, crowd_of)
        began, before = time.monotonic(), {part.name: part.used() for part in parts}

        def answered_so_many(done: int) -> None:
            on_progress("diagnosing", done, len(planted))
            losses.answered(done, time.monotonic())

        with Prober(api) as prober:
            answered = diagnose_all(
                api,
                [
                    wanted_of(
                        each, packet_count=wanted.packet_count, trace_time_s=wanted.trace_time_s
                    )
                    for each in planted
                ],
                at_once=wanted.at_once,
                on_answer=answered_so_many,
            )
        took_s = time.monotonic() - began
        used = {part.name: _since(before[part.name], part.used()) for part in parts}
        controller.check()
    outcomes = [
        outcome_of(
            each,
            found,
            cloud,
            had_agents=not losses.concern(each, found.began_s, found.ended_s),
        )
        for each, found in zip(planted, answered, strict=True)
    ]
    return _report(wanted, cloud, outcomes, added=[found.added_s for found in answered],
                   probes=prober.took_s, used=used, took_s=took_s)  # fmt: skip


def _controller(folder: Path, parts: list[Part], log: Log | None) -> tuple[Part, Api, str]:
    state = folder / "state"
    state.mkdir()
    part = Part(
        name="controller",
        command=[
            *DYETRACE, "up", "--cloud", "none", "--state", str(state),
            "--listen", "127.0.0.1:0", "--gate", "127.0.0.1:0", "--joined", folder.name,
            *(log.of_controller if log else ()),
        ],
        log=folder / "controller.log",
    )  # fmt: skip
    parts.append(part)
    part.start()
    url = part.line_with(" at http", within_s=START_WITHIN_S).rpartition(" ")[2]
    gate = part.line_with("--join ", within_s=START_WITHIN_S).partition("--join ")[2].split()[0]
    return part, Api(url, (state / "operator.token").read_text(encoding="ascii").strip()), gate


def _crowds(  # noqa: PLR0913 - where they belong, by keyword
    wanted: Simulation,
    folder: Path,
    parts: list[Part],
    *,
    controller: str,
    log: Log | None,
    on_progress: Callable[[str, int, int], None],
) -> Mapping[range, Part]:
    """Start the agents, and wait until all have joined; gives the process by its hosts."""
    hosts = wanted.shape.hosts
    step = -(-hosts // wanted.processes)
    shares = [(first, min(first + step, hosts)) for first in range(0, hosts, step)]
    token = _join_token(folder, hosts)
    wires = [((first, last), str(folder / f"wire-{first}")) for first, last in shares]
    crowds = []
    for number, (first, last) in enumerate(shares, start=1):
        settings = {
            "shape": asdict(wanted.shape), "unreliable": asdict(wanted.unreliable),
            "flows": wanted.tasks, "healthy": wanted.healthy, "hosts": (first, last),
            "controller": controller, "token_file": str(token), "folder": str(folder),
            "wires": wires, "log": log.of_agents if log else None,
        }  # fmt: skip
        part = Part(
            name=f"agents {number}",
            command=[sys.executable, "-m", "dyetrace.agent.crowd", json.dumps(settings)],
            log=folder / f"agents-{number}.log",
        )
        parts.append(part)
        part.start()
        crowds.append((part, first, last))
    for part, _, last in crowds:
        on_progress("agents join", last - step if last > step else 0, hosts)
        part.line_with("joined", within_s=START_WITHIN_S + JOIN_WITHIN_S * hosts)
        on_progress("agents join", last, hosts)
    return {range(first, last): part for part, first, last in crowds}


def _losses(
    wanted: Simulation, planted: Sequence[Planted], crowd_of: Mapping[range, Part]
) -> AgentLosses:
    """Have agents end by telling their processes; these tell when one serves again."""

    def tell(what: str, host: int) -> None:
        next(part for hosts, part in crowd_of.items() if host in hosts).tell(f"{what} {host}")

    losses = AgentLosses(
        planted=planted,
        agents=wanted.lost_agents,
        seed=wanted.shape.seed,
        lose=lambda host: tell("lose", host),
        bring_back=lambda host: tell("start", host),
    )

    def heard(line: str) -> None:
        what, _, host = line.partition(" ")
        if what == "started":
            losses.is_back(int(host), time.monotonic())

    for part in crowd_of.values():
        part.on_line = heard
    return losses


def _join_token(folder: Path, hosts: int) -> Path:
    """Have a token made that is good for all hosts."""
    import subprocess

    command = [*DYETRACE, "gate", "token", "--state", str(folder / "state"), "--uses", str(hosts)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ProcessFailed(f"no join token: {done.stderr.strip()}")
    file = folder / "join.token"
    file.write_text(done.stdout, encoding="ascii")
    return file


def _since(before: Used, now: Used) -> Used:
    return Used(cpu_s=now.cpu_s - before.cpu_s, memory_peak_bytes=now.memory_peak_bytes)


def _report(  # noqa: PLR0913 - what was measured, by keyword
    wanted: Simulation,
    cloud: SimulatedCloud,
    outcomes: Sequence[Outcome],
    *,
    added: Sequence[float],
    probes: Sequence[float],
    used: dict[str, Used],
    took_s: float,
) -> Report:
    return Report(
        version=__version__,
        at=datetime.now(UTC),
        cores=os.cpu_count() or 1,
        wanted=asdict(wanted),
        vfds=cloud.vfds,
        networks=cloud.networks,
        outcomes=tuple(outcomes),
        added_s=tuple(added),
        probes_s=tuple(probes),
        used=used,
        took_s=took_s,
    )
