"""Run a flow, in the foreground or in the background."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, TypedDict, Unpack

from dyetrace.lab.cloud import Cloud
from dyetrace.lab.ends import FAMILIES, FloatingIp
from dyetrace.lab.traffic.flow import L4, Destination, Flow, NotASource, Pace, Report, Source
from dyetrace.lab.traffic.loop import TALKERS, FlowLoop

MOST_PACKETS = 1_000_000
LONGEST_S = 600.0


class Looks(TypedDict, total=False):
    """What a flow's packets look like; `Flow` has the defaults."""

    protocol: L4
    family: Literal[4, 6]
    port: int
    dscp: int
    size: int
    ttl: int | None
    distinct: bool


class Flowing:
    """A flow in the background."""

    def __init__(self, loop: FlowLoop) -> None:
        self._loop = loop
        self._thread = threading.Thread(target=loop.run, name="lab traffic", daemon=True)
        self._final: Report | None = None
        self._thread.start()

    @property
    def is_running(self) -> bool:
        """Whether it still sends or waits."""
        return self._thread.is_alive()

    def report(self) -> Report:
        """Say what became of the flow so far; the counts are final once it has ended."""
        return self._final or self._loop.report()

    def stop(self) -> Report:
        """Send nothing more, wait for what is under way, and give the final report."""
        self._loop.stop()
        return self.wait()

    def wait(self) -> Report:
        """Wait until the flow has ended by itself, and give the final report."""
        self._thread.join()
        if self._final is None:
            self._final = self._loop.report()
            self._loop.close()
        return self._final


def exchange(  # noqa: PLR0913  # all but the ends have defaults
    cloud: Cloud,
    source: Source | str,
    destination: Destination | str,
    *,
    count: int = 20,
    interval: float = 0.01,
    deadline: float | None = None,
    **looks: Unpack[Looks],
) -> Report:
    """Send `count` packets and say what arrived. It ends early once all has arrived.

    The destination may be a VM, the Internet host, or a floating address; text is
    looked up. A TCP source that cannot connect tries again from the same port, once
    for each message at most. Raises PortInUse, NotASource or UnknownName.
    """
    flow = flow_between(cloud, source, destination, **looks)
    loop = FlowLoop(flow, paced(count=count, interval=interval, deadline=deadline))
    try:
        loop.run()
        return loop.report()
    finally:
        loop.close()


@contextmanager
def flowing(  # noqa: PLR0913  # all but the ends have defaults
    cloud: Cloud,
    source: Source | str,
    destination: Destination | str,
    *,
    rate: float = 100.0,
    count: int | None = None,
    duration: float = 30.0,
    **looks: Unpack[Looks],
) -> Iterator[Flowing]:
    """Send `rate` packets a second in the background, for `duration` seconds at most."""
    flow = flow_between(cloud, source, destination, **looks)
    most = int(rate * duration) if count is None else count
    pace = paced(count=max(1, most), interval=1.0 / rate, deadline=duration + 1.0)
    running = Flowing(FlowLoop(flow, pace))
    try:
        yield running
    finally:
        running.stop()


def flow_between(
    cloud: Cloud, source: Source | str, destination: Destination | str, **looks: Unpack[Looks]
) -> Flow:
    """Describe a flow, looking up ends given as text. Raises UnknownName or NotASource."""
    start = cloud.end(source) if isinstance(source, str) else source
    if isinstance(start, FloatingIp):
        raise NotASource(name=start.id)
    goal = cloud.end(destination) if isinstance(destination, str) else destination
    flow = Flow(source=start, destination=goal, **looks)
    if flow.family not in FAMILIES or flow.protocol not in TALKERS:
        raise ValueError(f"no traffic of {flow.protocol} over IPv{flow.family}")
    return flow


def paced(*, count: int, interval: float, deadline: float | None) -> Pace:
    """Bound a load in count and time."""
    if deadline is None:
        deadline = count * interval + 3.0
    return Pace(
        count=min(count, MOST_PACKETS), interval=interval, deadline=min(deadline, LONGEST_S)
    )
