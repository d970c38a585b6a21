"""Inspections at the moment: in one thread, beside the shipping of records, never before it."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from queue import Empty, PriorityQueue

from dyetrace.agent.firsts import First, Firsts
from dyetrace.datapath.driver import Batch, DatapathDriver, Look, Spot
from dyetrace.model.inspection import Inspection
from dyetrace.model.packet import Address
from dyetrace.model.policy import Receiver
from dyetrace.model.record import Point, Record
from dyetrace.model.topology import VfdKey

MOST_WAITING = 32
DROPS_FIRST, THEN_FLOWS, THEN_NOTHING = range(3)


@dataclass(frozen=True, slots=True, order=True)
class Job:
    """One inspection to take; the thread ends at one without a look."""

    rank: int
    number: int
    first: First | None = field(default=None, compare=False)
    look: Look | None = field(default=None, compare=False)


class Inspector:
    """Inspects for first records while tasks are held; without any, it has no thread."""

    def __init__(self, driver: DatapathDriver, *, on_taken: Callable[[], None]) -> None:
        """on_taken is called in the event loop when there is something to ship."""
        self._driver = driver
        self._on_taken = on_taken
        self._firsts = Firsts()
        self._receivers: dict[tuple[VfdKey, Address], list[Receiver]] = {}
        self._queue: PriorityQueue[Job] | None = None
        self._numbers = count()
        self._taken: list[Inspection] = []
        self._waiting = 0
        self._left_out = 0
        self._settled = asyncio.Event()
        self._settled.set()

    def begin(self, receivers: Iterable[Receiver]) -> None:
        """A task has come: all flows and drops are new again."""
        self._left_out += self._firsts.left_out
        self._firsts = Firsts()
        self._receivers = {}
        for each in receivers:
            self._receivers.setdefault((each.port[:2], each.address), []).append(each)
        if self._queue is None:
            self._queue = PriorityQueue()
            arguments = (self._queue, asyncio.get_running_loop())
            threading.Thread(
                target=self._work, args=arguments, name="dyetrace-inspector", daemon=True
            ).start()

    def end(self) -> None:
        """No task is left: what waits is given up, and the thread ends after what it does now."""
        queue, self._queue = self._queue, None
        if queue is None:
            return
        with suppress(Empty):
            while True:
                queue.get_nowait()
        queue.put(Job(THEN_NOTHING, 0))
        self._taken.clear()
        self._waiting = 0
        self._settled.set()

    def notice(self, batch: Batch) -> None:
        """Inspect for what is new in a batch, soon."""
        queue = self._queue
        if queue is None or not len(batch.records):
            return
        for first in self._firsts.of(batch):
            if self._waiting >= MOST_WAITING:
                self._left_out += 1
                continue
            self._waiting += 1
            self._settled.clear()
            look = self._driver.inspection_at(self._spot(first))
            rank = DROPS_FIRST if first.record.point is Point.DROP else THEN_FLOWS
            queue.put(Job(rank, next(self._numbers), first, look))

    def taken(self) -> tuple[Inspection, ...]:
        """Give what was taken since it was asked last."""
        taken, self._taken = tuple(self._taken), []
        return taken

    @property
    def left_out(self) -> int:
        """How many inspections were not taken, since the agent's start."""
        return self._left_out + self._firsts.left_out

    async def settled(self, *, within_s: float) -> None:
        """Wait until nothing waits to be inspected, but not for long."""
        try:
            async with asyncio.timeout(within_s):
                await self._settled.wait()
        except TimeoutError:
            return

    def _spot(self, first: First) -> Spot:
        record = first.record
        receiver = self._receiver(record)
        return Spot(
            netns=record.netns,
            ifindex=record.ifindex,
            in_ifindex=first.in_ifindex,
            out_ifindex=receiver.port[2] if receiver else 0,
            receiver_mac=receiver.mac if receiver else "",
            homes=() if receiver else self._homes(record),
            five_tuple=record.five_tuple,
            came_as=first.came_as,
            outer=record.outer,
            in_vni=first.in_vni,
            point=record.point,
            drop_reason=first.drop_reason,
        )

    def _receiver(self, record: Record) -> Receiver | None:
        """Find whose address it is here; None where tenants' addresses overlap."""
        homes = self._homes(record)
        at_port = [home for home in homes if home.port == record.port_key]
        known = at_port or homes
        return known[0] if len(known) == 1 else None

    def _homes(self, record: Record) -> tuple[Receiver, ...]:
        return tuple(self._receivers.get((record.vfd_key, record.five_tuple.dst), ()))

    def _work(self, queue: "PriorityQueue[Job]", loop: asyncio.AbstractEventLoop) -> None:
        """Take one inspection after another; runs in the thread."""
        while (job := queue.get()).first is not None and job.look is not None:
            began = time.monotonic_ns()
            found = _inspection(job.first, job.look, began)
            try:
                loop.call_soon_threadsafe(self._take, queue, found)
            except RuntimeError:  # the loop has ended: nobody wants it any more
                return

    def _take(self, queue: "PriorityQueue[Job]", found: Inspection | None) -> None:
        if queue is not self._queue:
            return  # of tasks that have ended
        self._waiting -= 1
        if not self._waiting:
            self._settled.set()
        if found is None:
            self._left_out += 1
        else:
            self._taken.append(found)
        self._on_taken()


def _inspection(first: First, look: Look, began: int) -> Inspection | None:
    """Look, and say for what; None where looking failed."""
    try:
        site = look()
    except Exception:  # noqa: BLE001 - counted as left out: a bug must not end the thread
        return None
    record = first.record
    return Inspection(
        netns=record.netns,
        ifindex=record.ifindex,
        in_ifindex=first.in_ifindex,
        point=record.point,
        five_tuple=record.five_tuple,
        drop_reason=first.drop_reason,
        symbol=first.symbol,
        seen_ns=record.seen_ns,
        taken_ns=began,
        took_ns=time.monotonic_ns() - began,
        site=site,
    )
