"""Many tasks at once over many agents: is each answered, how soon, and does the API stay quick?

    python bench/service_load.py [--hosts 50] [--tasks 200] [--runs 3]

Controller, API, store, gate and the agents' channels are real; the agents' data planes are
simulated, all of them on this machine. Each run is paired with one of a single task at a time,
so that times are told as ratios too.
"""

import argparse
import statistics

from lib.report import machine

from dyetrace.datapath.simulated.shape import Shape
from dyetrace.lab.simulation.run import Simulation, simulate

LONE_TASKS = 20


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--hosts", type=int, default=50)
    options.add_argument("--vms", type=int, default=1000)
    options.add_argument("--tasks", type=int, default=200)
    options.add_argument("--runs", type=int, default=3)
    given = options.parse_args()
    print(machine())
    many, lone = [], []
    for seed in range(1, given.runs + 1):
        shape = Shape(hosts=given.hosts, vms=given.vms, seed=seed)
        for found, tasks, at_once in ((lone, LONE_TASKS, 1), (many, given.tasks, given.tasks)):
            wanted = Simulation(shape=shape, tasks=tasks, at_once=at_once)
            facts = simulate(wanted, on_progress=lambda *_: None).as_json()
            found.append(facts)
            tell(f"run {seed}, {at_once} at once", facts)
    for name in ("verdict_s", "add_s", "other_requests_s"):
        for which in ("p50", "p99"):
            ratios = [
                busy[name][which] / alone[name][which]
                for busy, alone in zip(many, lone, strict=True)
            ]
            print(
                f"{name} {which}, all at once / one at a time: median "
                f"{statistics.median(ratios):.2f}, {min(ratios):.2f} to {max(ratios):.2f}"
            )


def tell(what: str, facts: dict) -> None:
    verdict, add, other = (facts[name] for name in ("verdict_s", "add_s", "other_requests_s"))
    controller = facts["processes"]["controller"]
    print(
        f"{what}: {facts['answered']}/{facts['tasks']} answered, {len(facts['wrong'])} wrong, "
        f"{facts['took_s']:.1f} s; verdict p50 {verdict['p50']:.2f} p99 {verdict['p99']:.2f} s; "
        f"add p99 {add['p99']:.2f} s; other requests p99 {other['p99']:.3f} s; controller "
        f"{controller['cpu_s']:.1f} s CPU, {controller['memory_peak_bytes'] / 2**20:.0f} MiB"
    )


if __name__ == "__main__":
    main()
