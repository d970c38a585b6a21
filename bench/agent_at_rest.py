"""What an agent takes that has nothing to do: memory, and CPU over some seconds.

Three agents of a three-hosts cloud: as started, after a task, and after many.
"""

import asyncio
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

from lib.clouds import bench_cloud, links_held
from lib.processes import TICKS_PER_S, cpu_ticks, memory_kb, scheduled_ns
from lib.report import Figure, Report, options
from lib.stats import extremes
from lib.tracing import Controller

from dyetrace.lab.cloud import Cloud
from dyetrace.lab.traffic import exchange
from dyetrace.model.filter import PacketFilter
from dyetrace.model.task import Limits

LIMIT_MB = 60
LIMIT_MS_PER_S = 1.0  # a thousandth of a CPU: what "no measurable CPU" is taken for
MB = 1024
HEAVY = ("cattrs", "sqlalchemy", "typer", "rich", "numpy", "pyroute2", "msgspec", "zstandard")
PROBE = """
import sys
from lib.processes import memory_kb
base = memory_kb("self", "VmRSS")
import dyetrace.cli.main, dyetrace.agent.server, dyetrace.datapath.linux.driver
top = sorted({name.partition(".")[0] for name in sys.modules})
print(base, memory_kb("self", "VmRSS"), *top)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """One agent, over the time of a look."""

    rss_mb: float
    peak_mb: float
    ticks: int
    cpu_ms_per_s: float


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--tasks", type=int, default=20, help="how many are many")
    args = parser.parse_args()
    report = Report(title=f"Agents at rest, three of them, {args.seconds:g} s each look")
    with bench_cloud("three-hosts") as cloud:
        looks = (("as started", 0), ("after a task", 1), (f"after {args.tasks} more", args.tasks))
        for name, tasks in looks:
            for _ in range(tasks):
                asyncio.run(trace_something(cloud))
            report.figures += figures_of(name, look(cloud, args.seconds))
        report.notes.append(f"BPF links held at rest: {links_held(cloud)}")
    base_kb, imported_kb, *modules = imports()
    report.notes.append(
        f"imports: Python {int(base_kb) / MB:.0f} MB, with all an agent imports "
        f"{int(imported_kb) / MB:.0f} MB; of the larger ones: "
        f"{', '.join(name for name in HEAVY if name in modules)}"
    )
    report.notes.append(f"a tick is {1000 // TICKS_PER_S} ms; ms/s are the scheduler's count")
    report.show(as_json=args.json)


def look(cloud: Cloud, seconds: float) -> list[Rest]:
    """Watch all agents for a while."""
    pids = [agent.pid for agent in cloud.agents]
    before = [(cpu_ticks(pid), scheduled_ns(pid)) for pid in pids]
    time.sleep(seconds)
    return [
        Rest(
            rss_mb=memory_kb(pid, "VmRSS") / MB,
            peak_mb=memory_kb(pid, "VmHWM") / MB,
            ticks=cpu_ticks(pid) - ticks,
            cpu_ms_per_s=(scheduled_ns(pid) - run_ns) / seconds / 1e6,
        )
        for pid, (ticks, run_ns) in zip(pids, before, strict=True)
    ]


def figures_of(name: str, found: Sequence[Rest]) -> list[Figure]:
    return [
        Figure(
            name=f"{name}: RSS",
            unit="MB",
            summary=extremes([rest.rss_mb for rest in found]),
            at_most=LIMIT_MB,
            judged="high",
        ),
        Figure(name=f"{name}: peak RSS", unit="MB", summary=extremes([r.peak_mb for r in found])),
        Figure(
            name=f"{name}: CPU",
            unit="ms/s",
            summary=extremes([rest.cpu_ms_per_s for rest in found]),
            at_most=LIMIT_MS_PER_S,
            judged="high",
        ),
        Figure(name=f"{name}: CPU", unit="ticks", summary=extremes([rest.ticks for rest in found])),
    ]


async def trace_something(cloud: Cloud) -> None:
    """Carry out a small task."""
    source, destination = cloud.example
    wanted = PacketFilter(src_vm=source.id, dst=ip_network(destination.address(4)))
    limits = Limits(trace_time=timedelta(seconds=30))
    async with Controller.of(cloud.name) as controller, controller.tracing(wanted, limits):
        await asyncio.to_thread(exchange, cloud, source, destination, count=20)


def imports() -> list[str]:
    """Import what an agent imports, in a process of its own: memory before and after, modules."""
    done = subprocess.run(
        (sys.executable, "-c", PROBE),
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parent,
    )
    return done.stdout.split()


if __name__ == "__main__":
    main()
