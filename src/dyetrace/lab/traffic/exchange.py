"""Run a flow, in the foreground or in the background."""

import select
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from ipaddress import ip_address
from typing import Final, Literal

from dyetrace.lab.cloud import Cloud
from dyetrace.lab.ends import FAMILIES, FloatingIp
from dyetrace.lab.traffic.capture import Capture, Wanted
from dyetrace.lab.traffic.flow import (
    L4,
    Destination,
    Flow,
    NotASource,
    Pace,
    Report,
    Source,
    Talker,
    opened_in,
)
from dyetrace.lab.traffic.icmp import IcmpTalker
from dyetrace.lab.traffic.tcp import TcpTalker
from dyetrace.lab.traffic.udp import UdpTalker

TALKERS: Final[Mapping[L4, Callable[[Flow], Talker]]] = {
    "udp": UdpTalker,
    "tcp": TcpTalker,
    "icmp": IcmpTalker,
}
LOOK_EVERY_S = 0.05
# A sender that was held up catches up at once, but not with more than this.
CATCH_UP_S = 0.1
MOST_PACKETS = 1_000_000
LONGEST_S = 600.0
# Who stops a flow early does not wait for TCP to repeat what was lost.
STOP_PATIENCE_S = 0.3


class Exchange:
    """One flow under way: a loop over its sockets, its captures and the clock."""

    def __init__(self, flow: Flow, pace: Pace) -> None:
        self.flow = flow
        self._pace = pace
        self._talker: Talker = TALKERS[flow.protocol](flow)
        self._taps: list[Capture] = []
        self._offered = 0
        self._stopped = threading.Event()
        try:
            self._sent = self._tap(flow.source.netns, flow.source.device, outgoing=True)
            self._received = self._tap(flow.receiver.netns, flow.receiver.device, outgoing=False)
        except BaseException:
            self.close()
            raise
        self._sent.wanted = self._wanted(flow.source_address, flow.dialled_address)
        self._received.wanted = self._wanted(
            flow.source_address if flow.keeps_its_source else None, flow.receiver_address
        )

    def run(self) -> None:
        """Send, and watch what arrives, until all is said or the deadline has passed."""
        next_at = start = time.monotonic()
        deadline = start + self._pace.deadline
        quiet_since: float | None = None
        while (now := time.monotonic()) < deadline:
            if self._is_offering:
                next_at = self._offer_due(next_at, now)
            else:
                quiet_since = quiet_since or now
                self._talker.finish()
                if self._is_settled(quiet_s=now - quiet_since):
                    break
            due_s = self._talker.tend()
            wake_at = next_at if self._is_offering else deadline
            self._watch(min(LOOK_EVERY_S, wake_at - now, *([] if due_s is None else [due_s])))
        self._watch(0.0)

    def stop(self) -> None:
        """Send nothing more."""
        self._stopped.set()

    def report(self) -> Report:
        """Say what became of the flow so far."""
        return Report(
            flow=self.flow,
            source_port=self._talker.source_port,
            offered=self._offered,
            sent=self._sent.count,
            received=self._received.count,
            delivered=self._talker.delivered,
            replies=self._talker.replies,
            dscp_seen=dict(self._received.dscp),
            rtts_ns=self._talker.rtts_ns,
            missed=self._missed(),
        )

    def close(self) -> None:
        """Close everything."""
        for tap in self._taps:
            tap.close()
        self._talker.close()

    @property
    def _is_offering(self) -> bool:
        return self._offered < self._pace.count and not self._stopped.is_set()

    def _offer_due(self, next_at: float, now: float) -> float:
        """Offer what is due now; say when the next one is."""
        while next_at <= now and self._offered < self._pace.count:
            self._talker.offer(self._offered)
            self._offered += 1
            next_at = max(next_at + self._pace.interval, now - CATCH_UP_S)
        return next_at

    def _missed(self) -> int:
        return sum(tap.missed for tap in self._taps)

    def _tap(self, netns: str, device: str, *, outgoing: bool) -> Capture:
        tap = opened_in(netns, lambda: Capture(device, outgoing=outgoing))
        self._taps.append(tap)
        return tap

    def _wanted(self, source: str | None, destination: str) -> Wanted:
        return Wanted(
            protocol=self.flow.protocol,
            family=self.flow.family,
            source=None if source is None else ip_address(source).packed,
            destination=ip_address(destination).packed,
            source_port=self._talker.source_port,
            port=self.flow.port,
        )

    def _is_settled(self, *, quiet_s: float) -> bool:
        """Whether nothing more can be expected, or it has been waited for long enough."""
        if self._talker.is_satisfied(self._offered) and self._sent.count == self._received.count:
            return True
        patience_s = self._talker.patience_s()
        if self._stopped.is_set():
            patience_s = min(patience_s or 0.0, STOP_PATIENCE_S)
        return patience_s is not None and quiet_s > patience_s

    def _watch(self, wait_s: float) -> None:
        actions = dict(self._talker.watched())
        actions |= {tap.fileno(): tap.drain for tap in self._taps}
        poller = select.poll()
        for handle in actions:
            poller.register(handle, select.POLLIN)
        for handle, _ in poller.poll(max(0.0, wait_s) * 1000):
            actions[handle]()


class Flowing:
    """A flow in the background."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._thread = threading.Thread(target=exchange.run, name="lab traffic", daemon=True)
        self._final: Report | None = None
        self._thread.start()

    @property
    def is_running(self) -> bool:
        """Whether it still sends or waits."""
        return self._thread.is_alive()

    def report(self) -> Report:
        """Say what became of the flow so far; the counts are final once it has ended."""
        return self._final or self._exchange.report()

    def stop(self) -> Report:
        """Send nothing more, wait for what is under way, and give the final report."""
        self._exchange.stop()
        return self.wait()

    def wait(self) -> Report:
        """Wait until the flow has ended by itself, and give the final report."""
        self._thread.join()
        if self._final is None:
            self._final = self._exchange.report()
            self._exchange.close()
        return self._final


def exchange(
    cloud: Cloud,
    source: Source | str,
    destination: Destination | str,
    *,
    protocol: L4 = "udp",
    family: Literal[4, 6] = 4,
    count: int = 20,
    interval: float = 0.01,
    port: int = 5432,
    dscp: int = 0,
    size: int = 64,
    ttl: int | None = None,
    distinct: bool = True,
    deadline: float | None = None,
) -> Report:
    """Send `count` packets and say what arrived. It ends early once all has arrived.

    The destination may be a VM, the Internet host, or a floating address; text is
    looked up. A TCP source that cannot connect tries again from the same port, once
    for each message at most. Raises PortInUse.
    """
    flow = flow_between(
        cloud, source, destination, protocol, family, port, dscp=dscp, size=size, ttl=ttl,
        distinct=distinct,
    )  # fmt: skip
    running = Exchange(flow, paced(count=count, interval=interval, deadline=deadline))
    try:
        running.run()
        return running.report()
    finally:
        running.close()


@contextmanager
def flowing(
    cloud: Cloud,
    source: Source | str,
    destination: Destination | str,
    *,
    protocol: L4 = "udp",
    family: Literal[4, 6] = 4,
    rate: float = 100.0,
    count: int | None = None,
    duration: float = 30.0,
    port: int = 5432,
    dscp: int = 0,
    size: int = 64,
    ttl: int | None = None,
    distinct: bool = True,
) -> Iterator[Flowing]:
    """Send `rate` packets a second in the background, for `duration` seconds at most."""
    flow = flow_between(
        cloud, source, destination, protocol, family, port, dscp=dscp, size=size, ttl=ttl,
        distinct=distinct,
    )  # fmt: skip
    most = int(rate * duration) if count is None else count
    pace = paced(count=max(1, most), interval=1.0 / rate, deadline=duration + 1.0)
    running = Flowing(Exchange(flow, pace))
    try:
        yield running
    finally:
        running.stop()


def flow_between(
    cloud: Cloud,
    source: Source | str,
    destination: Destination | str,
    protocol: L4,
    family: Literal[4, 6],
    port: int,
    *,
    dscp: int,
    size: int,
    ttl: int | None,
    distinct: bool,
) -> Flow:
    """Describe a flow, looking up ends given as text. Raises UnknownName or NotASource."""
    if family not in FAMILIES or protocol not in TALKERS:
        unknown = f"no traffic of {protocol} over IPv{family}"
        raise ValueError(unknown)
    start = cloud.end(source) if isinstance(source, str) else source
    if isinstance(start, FloatingIp):
        raise NotASource(name=start.id)
    return Flow(
        source=start,
        destination=cloud.end(destination) if isinstance(destination, str) else destination,
        protocol=protocol,
        family=family,
        port=port,
        dscp=dscp,
        size=size,
        ttl=ttl,
        distinct=distinct,
    )


def paced(*, count: int, interval: float, deadline: float | None) -> Pace:
    """Bound a load in count and time."""
    if deadline is None:
        deadline = count * interval + 3.0
    return Pace(
        count=min(count, MOST_PACKETS), interval=interval, deadline=min(deadline, LONGEST_S)
    )
