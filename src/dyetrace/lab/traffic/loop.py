"""One flow under way."""

import select
import threading
import time
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from typing import Final

from dyetrace.lab.traffic.capture import Capture, Wanted
from dyetrace.lab.traffic.flow import L4, Flow, Pace, Report, Talker, opened_in
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
# Who stops a flow early does not wait for TCP to repeat what was lost.
STOP_PATIENCE_S = 0.3


class FlowLoop:
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
