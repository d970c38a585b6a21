"""Run groups side by side: each job is a process with a cloud of its own."""

import multiprocessing
import os
import queue
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from multiprocessing.context import SpawnProcess
from typing import Any

from dyetrace.errors import DyetraceError
from dyetrace.lab.cloud import Cloud
from dyetrace.lab.lifecycle import take_down
from dyetrace.lab.matrix.conduct import Diagnose, conduct
from dyetrace.lab.matrix.outcome import Found, Outcome
from dyetrace.lab.matrix.scenario import Group

Done = tuple[Group, list[Outcome], float]
LOOK_EVERY_S = 0.2
END_WITHIN_S = 30.0
ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run_matrix(
    groups: Sequence[Group],
    *,
    diagnose: Diagnose,
    jobs: int,
    on_done: Callable[[Group, list[Outcome], float], None],
) -> list[Outcome]:
    """Carry all groups out; after Ctrl-C no cloud is left up, and KeyboardInterrupt is raised.

    diagnose: must be importable by name, since each job is a process of its own.
    Must be called from the main thread, where signals arrive.
    """
    context = multiprocessing.get_context("spawn")
    # Groups of one kind stay together, so that jobs seldom need another cloud.
    todo: Any = context.Queue()
    done: Any = context.Queue()
    for group in groups:
        todo.put(group)
    were = {ending: signal.signal(ending, interrupted) for ending in ENDINGS}
    workers = [
        context.Process(target=work, args=(number, todo, done, diagnose), name=f"job {number}")
        for number in range(min(jobs, len(groups)))
    ]
    outcomes: list[Outcome] = []
    try:
        for worker in workers:
            todo.put(None)  # one end for each
            worker.start()
        for group, found, seconds in arriving(done, workers, expected=len(groups)):
            outcomes += found
            on_done(group, found, seconds)
    finally:
        todo.cancel_join_thread()  # what nobody will take must not hold us up
        end(workers)
        for ending, handler in were.items():
            signal.signal(ending, handler)
    return outcomes


def arriving(done: Any, workers: list[SpawnProcess], *, expected: int) -> Iterator[Done]:  # noqa: ANN401  # a queue of multiprocessing has no type of its own
    """Yield what the jobs have done, until all is done or no job is left."""
    for _ in range(expected):
        while True:
            with suppress(queue.Empty):
                yield done.get(timeout=LOOK_EVERY_S)
                break
            if not any(worker.is_alive() for worker in workers) and done.empty():
                return


def end(workers: list[SpawnProcess]) -> None:
    """Have the jobs take their clouds down, and wait for that."""
    for worker in workers:
        if worker.is_alive() and worker.pid:
            os.kill(worker.pid, signal.SIGTERM)
    for worker in workers:
        if worker.pid:
            worker.join(END_WITHIN_S)


def work(number: int, todo: Any, done: Any, diagnose: Diagnose) -> None:  # noqa: ANN401  # as above
    """Be a job: take groups until there are none, on one cloud at a time."""
    for ending in ENDINGS:
        signal.signal(ending, interrupted)
    bench = Bench(f"matrix-{os.getppid()}-{number}")
    try:
        while (group := todo.get()) is not None:
            start = time.monotonic()
            found = bench.carry_out(group, diagnose)
            done.put((group, found, time.monotonic() - start))
    except KeyboardInterrupt:
        done.cancel_join_thread()
    finally:
        ignore_endings()
        bench.clear()


def interrupted(number: int, _: object) -> None:
    """Take every end for Ctrl-C, once: a second one would interrupt the cleaning up."""
    ignore_endings()
    raise KeyboardInterrupt(number)


def ignore_endings() -> None:
    """Let nothing interrupt what follows."""
    for ending in ENDINGS:
        signal.signal(ending, signal.SIG_IGN)


class Bench:
    """The one cloud of a job, built when it is needed and again when it is spoiled."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._cloud: Cloud | None = None

    def carry_out(self, group: Group, diagnose: Diagnose) -> list[Outcome]:
        """Carry a group out; if the lab fails, say so and start afresh with the next."""
        try:
            return conduct(self._cloud_for(group), group, diagnose)
        except (DyetraceError, OSError) as error:
            self.clear()
            print(f"{group.name}: {error}", file=sys.stderr, flush=True)  # noqa: T201  # a job's only voice
            return [not_done(group, index, str(error)) for index in range(len(group.flows))]

    def clear(self) -> None:
        """Take the cloud down, or what there is of one whose building was interrupted."""
        self._cloud = None
        take_down(self._name)

    def _cloud_for(self, group: Group) -> Cloud:
        if self._cloud is None or self._cloud.description.kind != group.route.kind:
            self.clear()
            self._cloud = Cloud.up(group.route.kind, name=self._name)
        return self._cloud


def not_done(group: Group, index: int, why: str) -> Outcome:
    """Count a scenario that could not be carried out."""
    return Outcome(
        scenario=group.scenarios[index],
        verdicts=(),
        code="",
        host=None,
        vfd=None,
        found=Found(verdict="NONE"),
        sent=0,
        received=0,
        seconds=0.0,
        invalid=why,
    )
