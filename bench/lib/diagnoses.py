"""One diagnosis, as `dyetrace trace` carries it out, with the time of each stage."""

import time
from dataclasses import dataclass, field
from itertools import pairwise

from dyetrace.controller.diagnosis import diagnose
from dyetrace.controller.fleet import Fleet
from dyetrace.controller.links import Links
from dyetrace.controller.service import new_task, request_json
from dyetrace.controller.store import TaskStore
from dyetrace.inventory.clouds import load_cloud
from dyetrace.model.filter import PacketFilter
from dyetrace.model.task import Limits, TaskState, task_name
from dyetrace.model.verdict import Verdict
from dyetrace.transport.in_process import InProcessLog
from dyetrace.transport.log import Shipment
from dyetrace.wire import blobs


class RememberingLog(InProcessLog):
    """A log that forgets nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.shipments: list[Shipment] = []

    def append(self, partition: int, shipment: Shipment) -> None:
        """Add a shipment."""
        self.shipments.append(shipment)
        super().append(partition, shipment)


@dataclass(slots=True, kw_only=True)
class Timeline:
    """Moments of one diagnosis by name, on the monotonic clock that records are stamped with."""

    verdict: Verdict | None = None
    moments_ns: dict[str, int] = field(default_factory=dict)

    def mark(self, name: str) -> None:
        """Note that this is now."""
        self.moments_ns[name] = time.monotonic_ns()

    def between_s(self, earlier: str, later: str) -> float:
        """Give the seconds between two moments."""
        return (self.moments_ns[later] - self.moments_ns[earlier]) / 1e9

    def stages_s(self) -> dict[str, float]:
        """Give the seconds from each moment to the one after it."""
        names = sorted(self.moments_ns, key=self.moments_ns.__getitem__)
        return {f"{a} -> {b}": self.between_s(a, b) for a, b in pairwise(names)}


async def timed_diagnosis(
    cloud: str, wanted: PacketFilter, limits: Limits, store: TaskStore
) -> Timeline:
    """Carry out a task on a lab cloud whose agents are up."""
    found = Timeline()
    found.mark("add")
    task, log = new_task(wanted, limits), RememberingLog()
    links = Links(log=log)
    fleet = Fleet(load_cloud(cloud), task=task, links=links)
    try:
        wanted, topology = await fleet.open()
        found.mark("hosts discovered")
        store.add(task, cloud=cloud, request=request_json(wanted, limits))

        def enter(state: TaskState) -> None:
            if state is TaskState.TRACING:
                found.mark("LOG installed")
            elif state is TaskState.COLLECTING:
                found.mark("enough colored")
            elif state.is_final:
                found.mark("verdict")
            if not state.is_final:
                store.move(task_name(task.id), state)

        found.verdict = await diagnose(
            task,
            fleet=fleet,
            topology=topology,
            wanted=wanted,
            on_state=enter,
            on_progress=lambda _: None,
            is_cancelled=lambda: False,
        )
    finally:
        await fleet.close()
        await links.close()
    found.moments_ns["first dyed"] = _first_dyed_ns(log)
    store.finish(task_name(task.id), TaskState.DONE, now=found.verdict.finished_at)
    return found


def _first_dyed_ns(log: RememberingLog) -> int:
    records = [blobs.unpack(shipment.blob) for shipment in log.shipments]
    return min(
        int(batch["seen_ns"][batch["task_id"] != 0].min())
        for batch in records
        if (batch["task_id"] != 0).any()
    )
