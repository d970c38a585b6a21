"""Diagnose a lab cloud's traffic as the command line does, and wait for conditions."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from ipaddress import ip_network
from typing import Any

from dyetrace.cli.run import run_task
from dyetrace.controller.diagnosis import Progress
from dyetrace.controller.store import TaskStore
from dyetrace.inventory.clouds import load_cloud
from dyetrace.lab.cloud import Cloud
from dyetrace.lab.traffic import flowing
from dyetrace.model.filter import PacketFilter
from dyetrace.model.packet import Protocol
from dyetrace.model.task import Limits, TaskState

PROTOCOLS = {"tcp": Protocol.TCP, "udp": Protocol.UDP}
RATE = 200.0


def eventually(condition: Callable[[], Any], *, within_s: float = 30.0, what: str = "") -> Any:
    """Wait for a condition; fail when the deadline passes."""
    deadline = time.monotonic() + within_s
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within_s} s: {what or condition}")
        time.sleep(0.01)
    return found


def protocol_of(name: str, family: int) -> Protocol:
    """The IP protocol of lab traffic."""
    if name == "icmp":
        return Protocol.ICMP if family == 4 else Protocol.ICMPV6
    return PROTOCOLS[name]


def filter_of(cloud: Cloud, src: str, dst: str, *, protocol: str, family: int) -> PacketFilter:
    """The filter a user would write for lab traffic: sender by VM id, receiver by address."""
    start, end = cloud.end(src), cloud.end(dst)
    inside = any(vm.id == src for vm in cloud.vms)
    return PacketFilter(
        src_vm=src if inside else None,
        src=None if inside else ip_network(start.address(family)),
        dst=ip_network(end.address(family)),
        protocol=protocol_of(protocol, family),
    )


def limits(packets: int = 20, *, time_s: float = 8.0, rate: int = 1000) -> Limits:
    """Limits for a test: few packets, a bounded time."""
    return Limits(
        packet_count=packets, trace_time=timedelta(seconds=time_s), packets_per_second=rate
    )


def trace(
    cloud: Cloud, wanted: PacketFilter, *, store: TaskStore, packets: int = 20, time_s: float = 8.0
) -> dict[str, Any]:
    """Carry out a task on a cloud whose agents are up, and give the answer."""
    return run_task(
        wanted,
        limits(packets, time_s=time_s),
        cloud=load_cloud(cloud.name),
        store=store,
        on_progress=lambda _: None,
    )


def trace_while(
    cloud: Cloud,
    wanted: PacketFilter,
    *,
    store: TaskStore,
    send: Callable[[], Any],
    packets: int,
    time_s: float = 10.0,
) -> tuple[dict[str, Any], Any]:
    """Trace, and call send once coloring stands: it then sees every packet that is sent."""
    ticks, reports = [], []
    sender = threading.Thread(target=lambda: reports.append(send()))

    def on_progress(progress: Progress) -> None:
        if progress.state is TaskState.TRACING and not progress.text:
            ticks.append(progress)
            if len(ticks) == 2:  # the first says that it begins, the next that coloring stands
                sender.start()

    answer = run_task(
        wanted,
        limits(packets, time_s=time_s),
        cloud=load_cloud(cloud.name),
        store=store,
        on_progress=on_progress,
    )
    sender.join()
    return answer, reports[0]


def diagnose(
    cloud: Cloud,
    src: str,
    dst: str,
    *,
    store: TaskStore,
    protocol: str = "udp",
    family: int = 4,
    packets: int = 20,
    rate: float = RATE,
    **traffic: Any,
) -> tuple[dict[str, Any], Any]:
    """Send traffic, diagnose it, and give the answer and the receiver's report."""
    wanted = filter_of(cloud, src, dst, protocol=protocol, family=family)
    with flowing(
        cloud, src, dst, protocol=protocol, family=family, rate=rate, duration=20.0, **traffic
    ) as flow:
        answer = trace(cloud, wanted, store=store, packets=packets)
        return answer, flow.stop()


def explained(answer: dict[str, Any]) -> str:
    """An answer as a failed test shows it."""
    from dyetrace.cli.render import render

    return "\n" + render(answer, "wide")
