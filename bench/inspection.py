"""What inspections at the moment cost: one of them, and the time to verdict with and without.

Three hosts whose vSwitches and vRouters have rules; healthy, and with a security
rule that drops everything. Diagnoses with and without take turns in random order.
"""

import asyncio
import random
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from unittest.mock import patch

from lib.clouds import bench_cloud
from lib.diagnoses import Timeline, timed_diagnosis
from lib.report import Figure, Report, options
from lib.stats import SEED, bootstrapped, extremes, quartiles

from dyetrace.controller import diagnosis
from dyetrace.controller.store import TaskStore
from dyetrace.lab.cloud import Cloud
from dyetrace.lab.faults import AclDeny
from dyetrace.lab.namespaces import existing
from dyetrace.lab.traffic import flowing
from dyetrace.model.filter import PacketFilter
from dyetrace.model.packet import Protocol
from dyetrace.model.policy import Plan
from dyetrace.model.record import Point
from dyetrace.model.task import Limits, Task
from dyetrace.model.topology import Topology
from dyetrace.planning.plan import plan

RATE = 200.0
SECONDS_A_RUN = 15.0  # at most: what the traffic must last
LIMIT_PERCENT = 10.0
MS = 1e6
RULES = """
table {family} bench {{
    chain checks {{ meta l4proto tcp tcp dport 1-100 counter\n meta l4proto udp counter\n }}
    chain forward {{
        type filter hook forward priority 0; policy accept;
        meta l4proto icmp accept
        meta l4proto udp jump checks
    }}
}}
"""


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--runs", type=int, default=20)
    args = parser.parse_args()
    report = Report(title=f"Inspections, {RATE:g} packets a second, 20 to color")
    with bench_cloud("three-hosts") as cloud:
        for netns in existing(cloud.name):
            if ".vswitch" in netns or ".vrouter" in netns:
                family = "bridge" if ".vswitch" in netns else "inet"
                cloud.exec(netns, ["nft", RULES.format(family=family)])
        for name in ("healthy", "lost"):
            if name == "lost":
                cloud.inject(AclDeny(protocol="udp"))
            with_, without = pairs(cloud, args.runs)
            report.figures += figures_of(name, with_, without)
    report.notes.append("without: neither inspections nor rules traced; a drop is inspected later")
    report.show(as_json=args.json)


def pairs(cloud: Cloud, runs: int) -> tuple[list[Timeline], list[Timeline]]:
    """Diagnose with and without, each pair in random order."""
    draw = random.Random(SEED)
    with_, without = [], []
    for _ in range(runs):
        for inspects in draw.sample((True, False), 2):
            (with_ if inspects else without).append(one_run(cloud, inspects=inspects))
    return with_, without


def figures_of(name: str, with_: Sequence[Timeline], without: Sequence[Timeline]) -> list[Figure]:
    added = [
        100 * (a.between_s("add", "verdict") / b.between_s("add", "verdict") - 1)
        for a, b in zip(with_, without, strict=True)
    ]
    found = [
        Figure(
            name=f"{name}, {how}: {start} -> verdict",
            unit="s",
            summary=extremes([run.between_s(start, "verdict") for run in runs]),
        )
        for how, runs in (("with", with_), ("without", without))
        for start in ("add", "first dyed")
    ]
    found.append(
        Figure(
            name=f"{name}: add -> verdict takes longer by",
            unit="%",
            summary=bootstrapped(added),
            at_most=LIMIT_PERCENT,
        )
    )
    return found + costs_of(name, with_)


def costs_of(name: str, runs: Sequence[Timeline]) -> list[Figure]:
    """Give what single inspections took, by what they were for."""
    verdicts = [run.verdict for run in runs if run.verdict is not None]
    found = [
        Figure(
            name=f"{name}: inspections a diagnosis",
            unit="",
            summary=extremes([verdict.cost.inspections for verdict in verdicts]),
        )
    ]
    for point in (Point.INGRESS, Point.DROP):
        took = [
            report.taken
            for verdict in verdicts
            for report in verdict.inspections
            if report.taken.point is point
        ]
        if not took:
            continue
        spans = {
            "took": [taken.took_ns / MS for taken in took],
            "began after": [(taken.taken_ns - taken.seen_ns) / MS for taken in took],
        }
        found += [
            Figure(
                name=f"{name}: {point.name} inspection {what}", unit="ms", summary=quartiles(values)
            )
            for what, values in spans.items()
        ]
    return found


def one_run(cloud: Cloud, *, inspects: bool) -> Timeline:
    source, destination = cloud.example
    wanted = PacketFilter(
        src_vm=source.id, dst=ip_network(destination.address(4)), protocol=Protocol.UDP
    )
    limits = Limits(trace_time=timedelta(seconds=SECONDS_A_RUN))
    with (
        tempfile.TemporaryDirectory() as folder,
        flowing(cloud, source, destination, rate=RATE, duration=SECONDS_A_RUN),
        inspections(inspects=inspects),
    ):
        store = TaskStore(f"sqlite:///{Path(folder) / 'tasks.db'}")
        try:
            return asyncio.run(timed_diagnosis(cloud.name, wanted, limits, store))
        finally:
            store.close()


@contextmanager
def inspections(*, inspects: bool) -> Iterator[None]:
    """Have diagnoses plan with inspections or without."""

    def planned(task: Task, topology: Topology) -> Plan:
        made = plan(task, topology)
        log = {host: replace(policy, inspects=inspects) for host, policy in made.log.items()}
        return replace(made, log=log)

    with patch.object(diagnosis, "plan", planned):
        yield


if __name__ == "__main__":
    main()
