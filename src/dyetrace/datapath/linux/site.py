"""What the place where a packet was lost looks like: routes, neighbours, links, queues, rules."""

import time
from collections.abc import Callable
from typing import TypeVar

from pyroute2 import IPRoute

from dyetrace.datapath.linux.devices import Devices, read_sysctls
from dyetrace.datapath.linux.errors import DatapathError
from dyetrace.datapath.linux.namespaces import Netns
from dyetrace.datapath.linux.routing import Keys, WayOut, look_up, neighbour_of
from dyetrace.datapath.linux.rules import (
    MOST_RULES,
    RuleListing,
    drop_rules,
    has_legacy_rules,
    most_telling,
)
from dyetrace.model.packet import FiveTuple
from dyetrace.model.site import DropRule, LinkState, Neighbour, Queue, RouteLookup, SiteEvidence

T = TypeVar("T")

WITHIN_S = 0.2


def inspect_site(
    netns: Netns,
    flow: FiveTuple,
    *,
    ifindex: int,
    came_in_by: int | None = None,
    dscp: int = 0,
    destination_mac: str = "",
    within_s: float = WITHIN_S,
) -> SiteEvidence:
    """Look around where a packet was lost; flow is the packet's own there, NAT done or not.

    ifindex is the device it was lost at (0: none). came_in_by is the port by
    which the VFD took it in, 0 if it was sent from here; None means ifindex.
    destination_mac, where known, tells which bridge port it was bound for.
    Never raises: what cannot be read is empty, and a note says why.
    """
    deadline = time.monotonic() + within_s
    survey = _Survey(
        flow=flow,
        ifindex=ifindex,
        came_in_by=ifindex if came_in_by is None else came_in_by,
        dscp=dscp,
        destination_mac=destination_mac,
        deadline=deadline,
    )
    try:
        netns.run(survey.carry_out)
    except DatapathError as error:
        survey.notes.append(str(error))
    return survey.evidence()


class _Survey:
    """One inspection, inside the namespace."""

    def __init__(
        self,
        *,
        flow: FiveTuple,
        ifindex: int,
        came_in_by: int,
        dscp: int,
        destination_mac: str,
        deadline: float,
    ) -> None:
        self.flow = flow
        self.ifindex = ifindex
        self.came_in_by = came_in_by
        self.dscp = dscp
        self.destination_mac = destination_mac
        self.deadline = deadline
        self.route: RouteLookup | None = None
        self.neighbour: Neighbour | None = None
        self.links: list[LinkState] = []
        self.queues: list[Queue] = []
        self.sysctls: dict[str, str] = {}
        self.rules: list[DropRule] = []
        self.notes: list[str] = []

    def evidence(self) -> SiteEvidence:
        """Sum up what was seen."""
        return SiteEvidence(
            route=self.route,
            neighbour=self.neighbour,
            links=tuple(self.links),
            queues=tuple(self.queues),
            sysctls=self.sysctls,
            drop_rules=tuple(self.rules),
            notes=tuple(self.notes),
        )

    def carry_out(self) -> None:
        """Look at everything, the rules last: nft needs its time meanwhile."""
        listing = self._try("rules", RuleListing)
        try:
            self._try("devices", self._look_at_devices)
            if listing is not None:
                self._try("rules", lambda: self._look_at_rules(listing))
        finally:
            if listing is not None:
                listing.stop()

    def _try(self, what: str, act: Callable[[], T]) -> T | None:
        """Do one part; an inspection must say what it can, whatever is odd."""
        try:
            return act()
        except Exception as error:  # noqa: BLE001  # noted: a half-read site is better than none
            self.notes.append(f"{what} not read: {error}")
            return None

    def _look_at_devices(self) -> None:
        with IPRoute() as ipr:
            devices = Devices(ipr)
            arrived_at = devices.bridge(self.came_in_by) or self.came_in_by
            way, mac = WayOut(route=RouteLookup(kind="none")), self.destination_mac
            out_of: tuple[int, ...] = (devices.bridge(self.came_in_by),)
            if self._is_routed(devices, arrived_at):
                keys = Keys(flow=self.flow, dscp=self.dscp, ifindex=arrived_at)
                way = self._try("route", lambda: look_up(ipr, keys)) or way
                self.route = way.route
                self.neighbour, mac = self._try("neighbour", lambda: neighbour_of(ipr, way)) or (
                    None,
                    "",
                )
                out_of = (way.ifindex,)
            port = self._port_of_bridge(devices, out_of[0], mac)
            looked_at = (self.ifindex, devices.master(self.ifindex), way.ifindex, port)
            indexes = [index for index in dict.fromkeys(looked_at) if index]
            states = (devices.state(index) for index in indexes)
            self.links = [state for state in states if state is not None]
            self.queues = self._try("queues", lambda: list(devices.queues(indexes))) or []
            self.sysctls = read_sysctls(devices.name(arrived_at), self.flow.dst.version)

    def _is_routed(self, devices: Devices, arrived_at: int) -> bool:
        """Whether the packet is one that this namespace routes, not just bridges."""
        if devices.kind(arrived_at) != "bridge":
            return True
        if self.destination_mac:
            return self.destination_mac == devices.mac(arrived_at)
        return devices.has_address(arrived_at, self.flow.dst.version)

    def _port_of_bridge(self, devices: Devices, ifindex: int, mac: str) -> int:
        if not mac or devices.kind(ifindex) != "bridge":
            return 0
        port = self._try("bridge table", lambda: devices.port_towards(ifindex, mac)) or 0
        if not port:
            self.notes.append(f"{devices.name(ifindex)} has no entry for {mac}: it floods frames")
        return port

    def _look_at_rules(self, listing: RuleListing) -> None:
        found = drop_rules(listing.text(within_s=self.deadline - time.monotonic()))
        if len(found) > MOST_RULES:
            self.notes.append(f"{len(found) - MOST_RULES} more rules can drop")
            found = most_telling(found, self.flow)[:MOST_RULES]
        self.rules = found
        if has_legacy_rules():
            self.notes.append("rules of iptables-legacy were not read: nft does not show them")
