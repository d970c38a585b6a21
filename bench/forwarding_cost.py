"""What an active trace costs traffic on the lab's cross-host path, against no trace at all.

blue-web -> blue-db of a three-hosts cloud: two vSwitches, a vRouter, VXLAN. A
load runs all the time; halves of a second with a task in state tracing and
without one alternate in pairs, in random order. Attaching is not timed.
"""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_network
from statistics import median

from dyetrace.lab.cloud import Cloud
from dyetrace.model.filter import PacketFilter
from dyetrace.model.task import MAX_PACKET_COUNT, Limits
from lib.clouds import bench_cloud, links_held
from lib.load import Load, Rates, flooding
from lib.processes import scheduled_ns
from lib.report import Figure, Report, options
from lib.stats import SEED, bootstrapped, quartiles
from lib.tracing import Controller

SETTLE_S = 0.1  # after attaching or detaching, before a half is timed
WARM_UP_S = 1.0
LIMIT_PERCENT = 1.0
OTHER_PORT, LOAD_PORT = 1, 5201


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A load, and whether the task wants its packets."""

    protocol: str
    is_wanted: bool

    @property
    def name(self) -> str:
        return f"{self.protocol.upper()}, the load {'' if self.is_wanted else 'not '}wanted"

    def filter(self, cloud: Cloud) -> PacketFilter:
        return PacketFilter(
            src_vm="blue-web",
            dst=ip_network(cloud.vm("blue-db").address(4)),
            dst_port=LOAD_PORT if self.is_wanted else OTHER_PORT,
        )


@dataclass(slots=True, kw_only=True)
class Half:
    """Rates of one half of a pair, and the share of one CPU that agents and controller took."""

    rates: Rates
    agents_percent: float


VARIANTS = tuple(
    Variant(protocol=protocol, is_wanted=is_wanted)
    for protocol in ("udp", "tcp")
    for is_wanted in (False, True)
)


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--pairs", type=int, default=24)
    parser.add_argument("--seconds", type=float, default=1.0, help="length of a half")
    args = parser.parse_args()
    report = Report(title="Forwarding cost of an active trace, blue-web -> blue-db over VXLAN")
    with bench_cloud("three-hosts") as cloud:
        report.notes.append(f"BPF links before any task: {links_held(cloud)}")
        for variant in VARIANTS:
            pairs = asyncio.run(measure(cloud, variant, args.pairs, args.seconds, report))
            report.figures += figures_of(variant, pairs)
        report.notes.append(f"BPF links after the last task: {links_held(cloud)}")
    report.notes.append(
        f"{args.pairs} pairs of 2 x {args.seconds:g} s; cost = 1 - with / without, "
        "and with / without - 1 for CPU time"
    )
    report.notes.append(
        "throughput also pays for the CPU that 3 agents and a controller take from "
        "the same two CPUs; CPU time is only that of the sender and its softirqs (TCP: both ends)"
    )
    report.show(as_json=args.json)


async def measure(
    cloud: Cloud, variant: Variant, pairs: int, seconds: float, report: Report
) -> list[tuple[Half, Half]]:
    """Give (without, with) of each pair."""
    limits = Limits(packet_count=MAX_PACKET_COUNT, trace_time=timedelta(minutes=30))
    draw = random.Random(SEED)
    found, attached, colored = [], set(), []
    source, destination = cloud.vm("blue-web"), cloud.vm("blue-db")
    async with Controller.of(cloud.name) as controller:
        with flooding(source, destination, variant.protocol) as load:
            await asyncio.sleep(WARM_UP_S)
            for _ in range(pairs):
                halves = {}
                for is_traced in draw.sample((False, True), 2):
                    if not is_traced:
                        halves[is_traced] = await half(cloud, load, seconds)
                        attached.add(("none", links_held(cloud)))
                        continue
                    async with controller.tracing(variant.filter(cloud), limits) as task:
                        halves[is_traced] = await half(cloud, load, seconds)
                        attached.add(("traced", links_held(cloud)))
                        colored.append(controller.colored(task))
                found.append((halves[False], halves[True]))
    report.notes.append(
        f"{variant.name}: links {sorted(attached)}, colored a half {median(colored):.0f}"
    )
    return found


async def half(cloud: Cloud, load: Load, seconds: float) -> Half:
    await asyncio.sleep(SETTLE_S)
    before, agents_before = load.sample(), agents_ns(cloud)
    await asyncio.sleep(seconds)
    after, agents_after = load.sample(), agents_ns(cloud)
    percent = (agents_after - agents_before) / (after.at_s - before.at_s) * 1e-7
    return Half(rates=after.since(before), agents_percent=percent)


def agents_ns(cloud: Cloud) -> int:
    return sum(scheduled_ns(agent.pid) for agent in cloud.agents)


def figures_of(variant: Variant, pairs: Sequence[tuple[Half, Half]]) -> list[Figure]:
    rate = "packets_per_s" if variant.protocol == "udp" else "gbit_per_s"
    paid = "cpu_ns_per_packet" if variant.protocol == "udp" else "cpu_ns_per_kb"
    unit = "packet/s" if variant.protocol == "udp" else "Gbit/s"
    paid_unit = "ns/packet" if variant.protocol == "udp" else "ns/KiB"
    rates = [(getattr(a.rates, rate), getattr(b.rates, rate)) for a, b in pairs]
    costs = [(getattr(a.rates, paid), getattr(b.rates, paid)) for a, b in pairs]
    return [
        Figure(name=f"{variant.name}: untraced", unit=unit, summary=quartiles([a for a, _ in rates])),
        Figure(
            name=f"{variant.name}: throughput lost",
            unit="%",
            summary=bootstrapped([100 * (1 - b / a) for a, b in rates]),
            at_most=None if variant.is_wanted else LIMIT_PERCENT,
        ),
        Figure(
            name=f"{variant.name}: untraced CPU",
            unit=paid_unit,
            summary=quartiles([a for a, _ in costs]),
        ),
        Figure(
            name=f"{variant.name}: CPU added",
            unit="%",
            summary=bootstrapped([100 * (b / a - 1) for a, b in costs]),
            at_most=None if variant.is_wanted else LIMIT_PERCENT,
        ),
        Figure(
            name=f"{variant.name}: 3 agents, traced",
            unit="% of a CPU",
            summary=quartiles([b.agents_percent for _, b in pairs]),
        ),
    ]


if __name__ == "__main__":
    main()
