"""What an active trace costs traffic on the lab's cross-host path, against no trace at all.

blue-web -> blue-db of a three-hosts cloud: two vSwitches, a vRouter, VXLAN. A
load runs all the time. A round has spells in random order: two with nothing
attached, which say how much is noise; one with a task in state tracing; one
with an empty program at the same hooks, which is what any program costs there.
Attaching and detaching are not timed.
"""

import asyncio
import os
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from ipaddress import ip_network
from itertools import pairwise
from pathlib import Path
from statistics import median

from lib.clouds import bench_cloud, links_held
from lib.empty import attached_everywhere, empty_program
from lib.load import Load, Rates, flooding, forwarding_cpu
from lib.path import path_costs_ns
from lib.processes import scheduled_ns
from lib.report import Figure, Report, options
from lib.stats import SEED, bootstrapped, quartiles
from lib.tracing import Controller

from dyetrace.lab.cloud import Cloud
from dyetrace.model.filter import PacketFilter
from dyetrace.model.task import MAX_PACKET_COUNT, Limits

SETTLE_S = 0.1  # after attaching or detaching, before a spell is timed
WARM_UP_S = 1.0
WITHOUT = ("without", "without again")
KINDS = (*WITHOUT, "traced", "empty")
WINDOWS = 10  # of a spell
LIMIT_PERCENT = 1.0
OTHER_PORT, LOAD_PORT = 1, 5201


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A load, and whether the task wants its packets."""

    protocol: str
    is_wanted: bool

    @property
    def name(self) -> str:
        """What the figures are called."""
        return f"{self.protocol.upper()}, {'' if self.is_wanted else 'not '}wanted"

    def filter(self, cloud: Cloud) -> PacketFilter:
        """The load's packets, or others of the same two VMs: those have to be compared in full."""
        return PacketFilter(
            src_vm="blue-web",
            dst=ip_network(cloud.vm("blue-db").address(4)),
            dst_port=LOAD_PORT if self.is_wanted else OTHER_PORT,
        )


@dataclass(slots=True, kw_only=True)
class Spell:
    """Rates for a while, and the share of one CPU that the agents took."""

    rates: Rates
    agents_percent: float


@dataclass(slots=True, kw_only=True)
class Round:
    """Spells that are compared."""

    without: tuple[Spell, Spell]
    traced: Spell
    empty: Spell

    @property
    def stood_still(self) -> bool:
        """Whether nothing came through for a whole spell: then there is nothing to compare."""
        return not all(self._rates("packets_per_s"))

    def added_percent(self, quantity: str) -> float:
        """How much a rate rises when traced."""
        first, second, traced, _ = self._rates(quantity)
        return 100 * (2 * traced / (first + second) - 1)

    def floor_percent(self, quantity: str) -> float:
        """How much it rises for an empty program."""
        first, second, _, empty = self._rates(quantity)
        return 100 * (2 * empty / (first + second) - 1)

    def noise_percent(self, quantity: str) -> float:
        """How much it rises for no reason."""
        first, second, *_ = self._rates(quantity)
        return 100 * (second / first - 1)

    def _rates(self, quantity: str) -> list[float]:
        return [
            getattr(spell.rates, quantity) for spell in (*self.without, self.traced, self.empty)
        ]


VARIANTS = tuple(
    Variant(protocol=protocol, is_wanted=is_wanted)
    for protocol in ("udp", "tcp")
    for is_wanted in (False, True)
)


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--rounds", type=int, default=24)
    parser.add_argument("--only", default="", help="variants whose names contain this")
    parser.add_argument("--seconds", type=float, default=0.5, help="length of a spell")
    args = parser.parse_args()
    report = Report(title="Forwarding cost of an active trace, blue-web -> blue-db over VXLAN")
    with bench_cloud("three-hosts") as cloud:
        stay_off_the_forwarding_cpu(cloud)
        links = [links_held(cloud)]
        for variant in [each for each in VARIANTS if args.only in each.name]:
            rounds = asyncio.run(measure(cloud, variant, args.rounds, args.seconds, report))
            report.figures += figures_of(variant, rounds)
        links.append(links_held(cloud))
    report.notes += [
        f"BPF links of the agents before the first task and after the last one: {links}",
        f"{args.rounds} rounds of 4 x {args.seconds:g} s in random order",
        "agents and controller run on the receiver's CPU, not on the one that forwards",
        "CPU is the sender's and its softirqs' (TCP: both ends'), which is all the forwarding",
        f"and of {WINDOWS} windows of a spell the lower quartile: disturbances only add to it",
        "empty: a program of two instructions at the same hooks, the least that any could cost",
        "computed: the programs on the path, timed one by one, over a packet's untraced CPU time",
    ]
    report.show(as_json=args.json)


def stay_off_the_forwarding_cpu(cloud: Cloud) -> None:
    """Move agents and ourselves, the controller, to where the load is received."""
    others = os.sched_getaffinity(0) - {forwarding_cpu()} or {forwarding_cpu()}
    for pid in (os.getpid(), *(agent.pid for agent in cloud.agents)):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            os.sched_setaffinity(int(thread.name), others)


async def measure(
    cloud: Cloud, variant: Variant, count: int, seconds: float, report: Report
) -> list[Round]:
    """Run the rounds of a variant."""
    limits = Limits(packet_count=MAX_PACKET_COUNT, trace_time=timedelta(minutes=30))
    draw = random.Random(SEED)
    rounds: list[Round] = []
    links: set[int] = set()
    colored: list[int] = []
    source, destination = cloud.vm("blue-web"), cloud.vm("blue-db")
    async with Controller.of(cloud.name) as controller:
        with empty_program() as empty, flooding(source, destination, variant.protocol) as load:
            await asyncio.sleep(WARM_UP_S)
            for _ in range(count):
                found: dict[str, Spell] = {}
                for kind in draw.sample(KINDS, len(KINDS)):
                    if kind == "traced":
                        async with controller.tracing(variant.filter(cloud), limits) as task:
                            found[kind] = await spell(cloud, load, seconds)
                            links.add(links_held(cloud))
                            colored.append(controller.colored(task))
                    elif kind == "empty":
                        with attached_everywhere(empty, controller.topology, source.id):
                            found[kind] = await spell(cloud, load, seconds)
                    else:
                        found[kind] = await spell(cloud, load, seconds)
                first, second = (found[kind] for kind in found if kind in WITHOUT)
                rounds.append(
                    Round(without=(first, second), traced=found["traced"], empty=found["empty"])
                )
    moved = [each for each in rounds if not each.stood_still]
    if len(moved) < len(rounds):
        report.notes.append(
            f"{variant.name}: {len(rounds) - len(moved)} rounds left out, "
            "as for a whole spell no packet arrived"
        )
    report.notes.append(
        f"{variant.name}: {'/'.join(map(str, sorted(links)))} BPF links while traced, "
        f"{median(colored):.0f} packets colored a spell"
    )
    return moved


async def spell(cloud: Cloud, load: Load, seconds: float) -> Spell:
    await asyncio.sleep(SETTLE_S)
    samples, agents_before = [load.sample()], agents_ns(cloud)
    for _ in range(WINDOWS):
        await asyncio.sleep(seconds / WINDOWS)
        samples.append(load.sample())
    rates = samples[-1].since(samples[0])
    percent = (agents_ns(cloud) - agents_before) / (samples[-1].at_s - samples[0].at_s) * 1e-7
    windows = [later.since(earlier) for earlier, later in pairwise(samples)]
    return Spell(
        rates=replace(
            rates,
            cpu_ns_per_packet=quartiles([window.cpu_ns_per_packet for window in windows]).low,
            cpu_ns_per_kb=quartiles([window.cpu_ns_per_kb for window in windows]).low,
        ),
        agents_percent=percent,
    )


def agents_ns(cloud: Cloud) -> int:
    return sum(scheduled_ns(agent.pid) for agent in cloud.agents)


def figures_of(variant: Variant, rounds: Sequence[Round]) -> list[Figure]:
    is_udp = variant.protocol == "udp"
    rate, rate_unit = ("packets_per_s", "packet/s") if is_udp else ("gbit_per_s", "Gbit/s")
    paid, paid_unit = ("cpu_ns_per_packet", "ns/packet") if is_udp else ("cpu_ns_per_kb", "ns/KiB")
    untraced = [spell.rates for each in rounds for spell in each.without]
    found = {
        "untraced": (rate_unit, quartiles([getattr(rates, rate) for rates in untraced])),
        "throughput lost": ("%", bootstrapped([-each.added_percent(rate) for each in rounds])),
        "throughput lost, noise": (
            "%",
            bootstrapped([-each.noise_percent(rate) for each in rounds]),
        ),
        "untraced CPU": (paid_unit, quartiles([getattr(rates, paid) for rates in untraced])),
        "CPU added": ("%", bootstrapped([each.added_percent(paid) for each in rounds])),
        "CPU added, noise": ("%", bootstrapped([each.noise_percent(paid) for each in rounds])),
        "CPU added, empty": (
            "%",
            bootstrapped([each.floor_percent(paid) for each in rounds]),
        ),
        "3 agents": ("% of a CPU", quartiles([each.traced.agents_percent for each in rounds])),
    }
    if not variant.is_wanted:
        packet_ns = median(rates.cpu_ns_per_packet for rates in untraced)
        costs_ns = path_costs_ns(variant.protocol)
        found["programs, computed"] = ("ns", quartiles(costs_ns))
        found["CPU added, computed"] = ("%", quartiles([100 * ns / packet_ns for ns in costs_ns]))
    limited = () if variant.is_wanted else ("throughput lost", "CPU added", "CPU added, computed")
    return [
        Figure(
            name=f"{variant.name}: {name}",
            unit=unit,
            summary=summary,
            at_most=LIMIT_PERCENT if name in limited else None,
            judged="interval" if unit == "%" else "median",
        )
        for name, (unit, summary) in found.items()
    ]


if __name__ == "__main__":
    main()
