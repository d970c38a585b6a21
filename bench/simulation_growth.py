"""How what a task takes grows with the cloud, from 10^2 to 10^6 VFDs.

    python bench/simulation_growth.py [--most 1000000] [--whole 31600] [--write docs/growth]

Two measurements, each size in processes of its own:

- one task: a controller that knows the whole cloud, and agents only where the tasks have
  something to do; what planning takes, what is sent to how many hosts, and memory;
- the whole: `dyetrace simulate`, with an agent for each host, up to --whole VFDs.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from lib.chart import chart
from lib.one_task import measured, shape_of
from lib.report import machine

from dyetrace.lab.simulation.run import Simulation, simulate

SIZES = (100, 1_000, 10_000, 31_600, 100_000, 1_000_000)
TASKS, WHOLE_TASKS, AT_ONCE = 24, 40, 4


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--most", type=int, default=SIZES[-1], help="VFDs, of one task")
    options.add_argument("--whole", type=int, default=31_600, help="VFDs, with all agents")
    options.add_argument("--write", type=Path, help="FILE.json and FILE.svg")
    options.add_argument("--one", type=int, help="measure one task at this size, as JSON")
    given = options.parse_args()
    if given.one is not None:
        with tempfile.TemporaryDirectory(prefix="dyetrace-") as folder:
            print(json.dumps(measured(given.one, tasks=TASKS, folder=Path(folder))))
        return
    print(machine())
    one = [tell_one(one_task(size)) for size in SIZES if size <= given.most]
    whole = [tell_whole(whole_cloud(size)) for size in SIZES if size <= given.whole]
    if given.write:
        facts = {"machine": machine(), "one_task": one, "whole": whole}
        given.write.with_suffix(".json").write_text(json.dumps(facts, indent=1) + "\n")
        given.write.with_suffix(".svg").write_text(drawn(one, whole))


def one_task(vfds: int) -> dict:
    command = [sys.executable, __file__, "--one", str(vfds)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def whole_cloud(vfds: int) -> dict:
    wanted = Simulation(shape=shape_of(vfds), tasks=WHOLE_TASKS, at_once=AT_ONCE)
    facts = simulate(wanted, on_progress=lambda *_: None).as_json()
    return {
        name: facts[name]
        for name in ("vfds", "tasks", "answered", "took_s", "verdict_s", "add_s", "processes")
    } | {"wrong": len(facts["wrong"]), "hosts": facts["settings"]["shape"]["hosts"]}


def tell_one(found: dict) -> dict:
    print(
        f"{found['vfds']:>9} VFDs, {found['hosts']} hosts: plan {found['plan_ms']:.2f} ms, by its "
        f"tenant {found['tenants_plan_ms']:.2f} ms; LOG on {found['planned_hosts']:.0f} hosts (at "
        f"most {found['most_planned_hosts']}), {found['planned_vfds']:.0f} VFDs; told "
        f"{found['told_hosts']:.0f} hosts, {found['messages']:.0f} messages, "
        f"{found['sent_kib']:.1f} KiB (at most {found['most_sent_kib']:.1f}); verdict "
        f"{found['verdict_s']:.2f} s; a changed host {found['host_ms']:.2f} ms; known in "
        f"{found['known_kib'] / 1024:.0f} MiB; {found['right']}/{found['tasks']} right; "
        f"{found['namesakes']} namesakes",
        flush=True,
    )
    return found


def tell_whole(found: dict) -> dict:
    controller, verdict = found["processes"]["controller"], found["verdict_s"]
    print(
        f"{found['vfds']:>9} VFDs, {found['hosts']} agents: {found['answered']}/{found['tasks']} "
        f"answered, {found['wrong']} wrong, in {found['took_s']:.1f} s; verdict p50 "
        f"{verdict['p50']:.2f} s, p99 {verdict['p99']:.2f} s; controller {controller['cpu_s']:.1f} "
        f"s CPU, {controller['memory_peak_bytes'] / 2**20:.0f} MiB",
        flush=True,
    )
    return found


def drawn(one: list[dict], whole: list[dict]) -> str:
    def line(found: list[dict], value: Callable[[dict], float]) -> list[tuple[float, float]]:
        return [(each["vfds"], value(each)) for each in found]

    return chart(
        {
            "Planning one task, ms": {
                "by an operator": line(one, lambda each: each["plan_ms"]),
                "by its tenant": line(one, lambda each: each["tenants_plan_ms"]),
                "taking in one changed host": line(one, lambda each: each["host_ms"]),
            },
            "Sent for one task": {
                "hosts": line(one, lambda each: each["told_hosts"]),
                "messages": line(one, lambda each: each["messages"]),
                "KiB": line(one, lambda each: each["sent_kib"]),
            },
            "Time to verdict, s": {
                "one task, agents where it reaches": line(one, lambda each: each["verdict_s"]),
                "whole cloud, 4 at once, p50": line(whole, lambda each: each["verdict_s"]["p50"]),
            },
            "Memory, MiB": {
                "knowing the cloud": line(one, lambda each: each["known_kib"] / 1024),
                "whole controller, all agents connected": line(
                    whole,
                    lambda each: each["processes"]["controller"]["memory_peak_bytes"] / 2**20,
                ),
            },
        },
        across="VFDs in the cloud",
    )


if __name__ == "__main__":
    main()
