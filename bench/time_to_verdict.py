"""How long a diagnosis takes: from add, and from the first dyed packet, to the verdict.

One host with a security rule that drops everything; three hosts with such a
rule at the receiver, and healthy. Packets of 20 a task, at 200 a second.
"""

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

from lib.clouds import bench_cloud
from lib.diagnoses import Timeline, timed_diagnosis
from lib.report import Figure, Report, options
from lib.stats import extremes

from dyetrace.controller.store import TaskStore
from dyetrace.lab.cloud import Cloud
from dyetrace.lab.faults import AclDeny
from dyetrace.lab.traffic import flowing
from dyetrace.model.filter import PacketFilter
from dyetrace.model.packet import Protocol
from dyetrace.model.task import Limits

RATE = 200.0
SECONDS_A_RUN = 15.0  # at most: what the traffic must last
COMMAND_RUNS = 5
ONE_HOST_LIMIT_S, THREE_HOSTS_LIMIT_S = 1.0, 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What is diagnosed."""

    name: str
    kind: str
    is_broken: bool
    verdict: str
    from_first_dyed: float | None = None  # limits, in seconds
    from_add: float | None = None


CASES = (
    Case(
        name="one host, lost",
        kind="one-host",
        is_broken=True,
        verdict="LOST",
        from_first_dyed=ONE_HOST_LIMIT_S,
    ),
    Case(
        name="three hosts, lost",
        kind="three-hosts",
        is_broken=True,
        verdict="LOST",
        from_add=THREE_HOSTS_LIMIT_S,
    ),
    Case(
        name="three hosts, healthy",
        kind="three-hosts",
        is_broken=False,
        verdict="DELIVERED",
        from_add=THREE_HOSTS_LIMIT_S,
    ),
)


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--runs", type=int, default=20)
    args = parser.parse_args()
    report = Report(title=f"Time to verdict, {RATE:g} packets a second, 20 to color")
    for case in CASES:
        with bench_cloud(case.kind) as cloud:
            if case.is_broken:
                cloud.inject(AclDeny(protocol="udp"))
            runs = [one_run(cloud, case) for _ in range(args.runs)]
            report.figures += figures_of(case, runs)
            commands = [one_command(cloud) for _ in range(COMMAND_RUNS)]
            report.figures.append(
                Figure(name=f"{case.name}: `dyetrace trace`", unit="s", summary=extremes(commands))
            )
    report.notes.append(
        "the highest of these few runs stands for the 99th percentile; limits are on it"
    )
    report.notes.append("`dyetrace trace`: the whole command, start of Python included")
    report.show(as_json=args.json)


def figures_of(case: Case, runs: Sequence[Timeline]) -> list[Figure]:
    spans = {
        "first dyed -> verdict": ("first dyed", case.from_first_dyed),
        "add -> verdict": ("add", case.from_add),
    }
    found = [
        Figure(
            name=f"{case.name}: {name}",
            unit="s",
            summary=extremes([run.between_s(start, "verdict") for run in runs]),
            at_most=limit,
            judged="high",
        )
        for name, (start, limit) in spans.items()
    ]
    stages = [run.stages_s() for run in runs]
    return found + [
        Figure(
            name=f"    {stage}",
            unit="s",
            summary=extremes([of_run[stage] for of_run in stages if stage in of_run]),
        )
        for stage in stages[0]
    ]


def one_run(cloud: Cloud, case: Case) -> Timeline:
    source, destination = cloud.example
    wanted = PacketFilter(
        src_vm=source.id, dst=ip_network(destination.address(4)), protocol=Protocol.UDP
    )
    limits = Limits(trace_time=timedelta(seconds=SECONDS_A_RUN))
    with (
        tempfile.TemporaryDirectory() as folder,
        flowing(cloud, source, destination, rate=RATE, duration=SECONDS_A_RUN),
    ):
        store = TaskStore(f"sqlite:///{Path(folder) / 'tasks.db'}")
        try:
            run = asyncio.run(timed_diagnosis(cloud.name, wanted, limits, store))
        finally:
            store.close()
    if run.verdict is None or run.verdict.kind.value != case.verdict:
        raise RuntimeError(f"{case.name}: {run.verdict and run.verdict.summary}")
    return run


def one_command(cloud: Cloud) -> float:
    source, destination = cloud.example
    asked = ("--src", source.id, "--dst", destination.address(4), "--proto", "udp")
    command = (sys.executable, "-m", "dyetrace", "trace", "--cloud", cloud.name, *asked, "-q")
    with flowing(cloud, source, destination, rate=RATE, duration=SECONDS_A_RUN):
        began = time.perf_counter()
        subprocess.run((*command, "--exit-zero"), check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - began


if __name__ == "__main__":
    main()
