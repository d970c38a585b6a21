"""What the place where a packet was lost looks like: routes, neighbours, links, queues, rules."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from pyroute2 import IPRoute

from dyetrace.datapath.linux.decisions import Question, with_decisions
from dyetrace.datapath.linux.devices import (
    IPV4,
    Devices,
    backlog,
    bridge_calls_ip,
    connection_table,
    forwards,
    most_in_the_way,
    reverse_path_filter,
)
from dyetrace.datapath.linux.errors import DatapathError
from dyetrace.datapath.linux.legacy_counts import has_legacy_rules, legacy_counts, risen
from dyetrace.datapath.linux.legacy_rules import legacy_listing, legacy_suspects
from dyetrace.datapath.linux.namespaces import Netns
from dyetrace.datapath.linux.route_query import Keys
from dyetrace.datapath.linux.routing import look_up, neighbour_of
from dyetrace.datapath.linux.rule_traces import place_of, rules_met
from dyetrace.datapath.linux.rule_watches import Traced
from dyetrace.datapath.linux.ruleset import Chain, RuleListing, parse_ruleset
from dyetrace.datapath.linux.set_membership import memberships
from dyetrace.datapath.linux.surroundings import tunnel_of, with_surroundings
from dyetrace.datapath.linux.suspects import (
    MOST_RULES,
    Passage,
    outer_flow,
    rewriters,
    rule_at,
    suspects,
)
from dyetrace.model.packet import FiveTuple, Outer
from dyetrace.model.policy import Receiver
from dyetrace.model.site import RouteKind, SiteEvidence

T = TypeVar("T")

# Usually some ten ms; more where many namespaces come and go, as the kernel has one lock for all.
WITHIN_S = 1.5
MOST_QUEUES = 32  # a shaper may have a class for each of its users


def inspect_site(  # noqa: PLR0913 - what a drop's record holds
    netns: Netns,
    flow: FiveTuple,
    *,
    ifindex: int,
    came_in_by: int = 0,
    bound_for: int = 0,
    dscp: int = 0,
    destination_mac: str = "",
    receiver_mac: str = "",
    homes: tuple[Receiver, ...] = (),
    came_as: FiveTuple | None = None,
    outer: Outer | None = None,
    in_vni: int = 0,
    is_loss: bool = True,
    traced: Traced = Traced(),  # noqa: B008 - frozen
    lists_rules: bool = True,
    within_s: float = WITHIN_S,
) -> SiteEvidence:
    """Look around where a packet was lost; flow is the packet's own there.

    ifindex is the device it was lost at (0: none), came_in_by the port by which
    the VFD took it in (0: the same), bound_for the port of its receiver, where
    that is a port of this VFD (0: not). destination_mac, where known, tells a
    bridged packet from a routed one, and which port it was bound for; came_as is what
    it was before the VFD translated it, outer its outer header where it was seen,
    in_vni the VNI that it came in by, receiver_mac that of the vNIC at bound_for;
    homes the vNICs that may be its receiver's, where several have its address;
    is_loss: whether to look around for what may have been in its way; traced is
    what nftables told of the rules it met. lists_rules: whether to look for rules
    that can have dropped it. Never raises: what cannot be read stays empty, and the
    notes say why.
    """
    inspection = _Inspection(
        flow=flow,
        ifindex=ifindex,
        came_in_by=came_in_by or ifindex,
        bound_for=bound_for,
        dscp=dscp,
        destination_mac=destination_mac,
        receiver_mac=receiver_mac,
        homes=homes,
        came_as=came_as,
        outer=outer,
        in_vni=in_vni,
        is_loss=is_loss,
        traced=traced,
        lists_rules=lists_rules,
        within_s=within_s,
        deadline=time.monotonic() + within_s,
    )
    try:
        netns.run(inspection.carry_out)
    except DatapathError as error:
        inspection.notes.append(str(error))
    return replace(inspection.found, notes=(*inspection.notes, *traced.notes))


@dataclass(slots=True, kw_only=True)
class _Inspection:
    """One look around, inside the namespace."""

    flow: FiveTuple
    ifindex: int
    came_in_by: int
    bound_for: int
    dscp: int
    destination_mac: str
    receiver_mac: str
    homes: tuple[Receiver, ...]
    came_as: FiveTuple | None
    outer: Outer | None
    in_vni: int
    is_loss: bool
    traced: Traced
    lists_rules: bool
    within_s: float
    deadline: float
    notes: list[str] = field(default_factory=list)
    found: SiteEvidence = field(default_factory=SiteEvidence)
    passage: Passage = Passage.FORWARDED
    _leaves_by: int = 0
    _concerned: list[int] = field(default_factory=list)  # devices, by ifindex

    def carry_out(self) -> None:
        """Look at everything, at the rules last: nft needs its time meanwhile."""
        listing = self._try("rules", RuleListing) if self.lists_rules else None
        try:
            self._try("devices", self._look_at_devices)
            self._look_at_traced(())
            if listing is not None:
                self._try("rules", lambda: self._look_at_rules(listing))
                self._try("rules of iptables-legacy", self._look_at_legacy_rules)
            if self.is_loss:
                self._try("sets", self._look_into_sets)
        finally:
            if listing is not None:
                listing.stop()

    def _try(self, what: str, look: Callable[[], T]) -> T | None:
        """Do one part; an inspection must say what it can, whatever is odd."""
        try:
            return look()
        except Exception as error:  # noqa: BLE001 - noted: half a site is better than none
            self.notes.append(f"{what} could not be read: {error}")
            return None

    def _look_at_devices(self) -> None:
        with IPRoute() as ipr:
            devices = Devices(ipr)
            # What came in encapsulated came to this namespace's own by the tunnel.
            self.came_in_by = tunnel_of(devices, self.in_vni) or self.came_in_by
            came_to = self._came_to(devices)
            self._find_receiver(devices, came_to)
            self._concerned = [self.ifindex, devices.master(self.ifindex), self.bound_for]
            if self._is_routed(devices, came_to):
                self._try("routes", lambda: self._look_at_routes(ipr, devices, came_to))
            else:
                self.passage = Passage.BRIDGED
                self._follow_bridge(devices, came_to, self.destination_mac)
                self._try("underlay routes", lambda: self._look_at_underlay(ipr))
            self._look_at_concerned(devices)
            if self.is_loss:
                self._try("surroundings", lambda: self._look_around(ipr, devices))
            self.found = replace(self.found, conntrack=connection_table())
            self._try("decisions", lambda: self._look_at_decisions(ipr, devices))

    def _find_receiver(self, devices: Devices, came_to: int) -> None:
        """Of several tenants' vNICs with the address, take the one on the packet's bridge."""
        here = [home for home in self.homes if devices.bridge(home.port[2]) == came_to]
        if not self.bound_for and len(here) == 1:
            self.bound_for, self.receiver_mac = here[0].port[2], here[0].mac

    def _came_to(self, devices: Devices) -> int:
        """Find the bridge it is in: of its port, or of where it was lost or bound for.

        A packet that was encapsulated came in by no port of that bridge. A bridge
        with an address may instead be where the packet was routed to.
        """
        if bridge := devices.bridge(self.came_in_by):
            return bridge
        bridges = (devices.bridge(index) for index in (self.ifindex, self.bound_for) if index)
        version = self.flow.dst.version
        pure = (each for each in bridges if each and not devices.has_address(each, version))
        return next(pure, self.came_in_by)

    def _is_routed(self, devices: Devices, came_to: int) -> bool:
        """Whether the packet is one that this namespace routes, not just bridges."""
        if devices.kind(came_to) != "bridge":
            return True
        if self.destination_mac:
            return self.destination_mac == devices.mac(came_to)
        return devices.has_address(came_to, self.flow.dst.version)

    def _look_at_routes(self, ipr: IPRoute, devices: Devices, came_to: int) -> None:
        device, version = devices.name(came_to), self.flow.dst.version
        self.found = replace(
            self.found,
            rp_filter=reverse_path_filter(device) if version == IPV4 else None,
            forwarding=forwards(device, version),
        )
        way = look_up(ipr, Keys(flow=self.flow, dscp=self.dscp, ifindex=came_to))
        self.found = replace(self.found, route=way.route)
        if way.route.kind is RouteKind.LOCAL:
            self.passage = Passage.DELIVERED
            return
        self._concerned.append(way.ifindex)
        self._leaves_by = way.ifindex
        neighbour = neighbour_of(ipr, way)
        self.found = replace(self.found, neighbour=neighbour)
        self._follow_bridge(devices, way.ifindex, neighbour.mac if neighbour else "")

    def _look_at_underlay(self, ipr: IPRoute) -> None:
        """Look up the way of the outer packet, if there is one: this host sends it itself."""
        if self.outer is None:
            return
        way = look_up(ipr, Keys(flow=outer_flow(self.outer)))
        if way.route.kind is not RouteKind.LOCAL:
            self.found = replace(self.found, route=way.route, neighbour=neighbour_of(ipr, way))

    def _follow_bridge(self, devices: Devices, bridge: int, mac: str) -> None:
        """Find the port by which a bridge sends frames to a MAC address."""
        if not mac or devices.kind(bridge) != "bridge":
            return
        port = self._try("bridge table", lambda: devices.port_towards(bridge, mac))
        if port:
            self._concerned.append(port)
        elif port == 0:
            self.notes.append(f"{devices.name(bridge)} does not know {mac}: it sends to all ports")

    def _look_at_concerned(self, devices: Devices) -> None:
        indexes = [index for index in dict.fromkeys(self._concerned) if index]
        ports = dict.fromkeys((self.came_in_by, *indexes))
        queues = self._try("queues", lambda: tuple(devices.queues(indexes))) or ()
        states = (devices.state(index) for index in indexes)
        bridge_ports = (devices.bridge_port(index) for index in ports)
        self.found = replace(
            self.found,
            links=tuple(state for state in states if state is not None),
            bridge_ports=tuple(port for port in bridge_ports if port is not None),
            queue=most_in_the_way(queues),
            queues=queues[:MOST_QUEUES],
            backlog=backlog(),
        )

    def _look_around(self, ipr: IPRoute, devices: Devices) -> None:
        concerned = [index for index in dict.fromkeys(self._concerned) if index]
        bridge = devices.bridge(self.came_in_by)
        ways_out = (index for index in concerned if index != self.came_in_by)
        self.found = with_surroundings(
            self.found,
            ipr,
            devices,
            concerned=concerned,
            came_in_by=self.came_in_by,
            knows_way_out=any(devices.master(index) == bridge for index in ways_out),
        )

    def _look_at_decisions(self, ipr: IPRoute, devices: Devices) -> None:
        neighbour = self.found.neighbour
        asked = Question(
            flow=self.came_as or self.flow,
            outer=self.outer,
            came_in_by=self.came_in_by,
            leaves_by=self._leaves_by or self.bound_for,
            mac=(neighbour.mac if neighbour else "") or self.destination_mac or self.receiver_mac,
            zones=self.traced.zones,
        )
        self.found = with_decisions(self.found, ipr, devices, asked)

    def _look_at_rules(self, listing: RuleListing) -> None:
        # Where the rest took long, nft had to wait for the same lock: it may be about to tell.
        left_s = self.deadline - time.monotonic()
        text = listing.text(within_s=max(left_s, self.within_s / 2))
        chains = parse_ruleset(text)
        way = {
            "crosses_bridge": bool(self.found.bridge_ports),
            "bridge_calls_ip": bridge_calls_ip(self.flow.dst.version),
        }
        flow, passage = self._as_rules_see_it()
        rules = suspects(chains, flow, passage, **way)
        if len(rules) == MOST_RULES:
            self.notes.append(f"only {MOST_RULES} of the rules that can drop are shown")
        self.found = replace(
            self.found,
            rules=tuple(rules),
            rewriters=tuple(rewriters(chains, self.flow, self.passage, **way)),
        )
        self._look_at_traced(chains)

    def _look_at_legacy_rules(self) -> None:
        if has_legacy_rules():
            flow, passage = self._as_rules_see_it()
            listing = legacy_listing(flow.dst.version, within_s=WITHIN_S)
            rules = legacy_suspects(listing, flow, passage)
            self.found = replace(self.found, rules=(*self.found.rules, *rules))
            self.notes += risen(self.traced.legacy, legacy_counts())

    def _as_rules_see_it(self) -> tuple[FiveTuple, Passage]:
        """Say what meets rules: of an encapsulated packet the outer one, and the host's own."""
        if self.outer is not None:
            return outer_flow(self.outer), Passage.TUNNELLED
        return self.flow, self.passage

    def _look_at_traced(self, now: Sequence[Chain]) -> None:
        """Describe the rules met by what they are now; those that are gone by what they were."""
        steps, before = self.traced.steps, self.traced.before
        place = place_of(steps)
        culprit = rule_at(place, now) if place else None
        if place and culprit and not culprit.text:
            culprit = rule_at(place, before)
        met = rules_met(steps, before, now)
        self.found = replace(self.found, rules_met=met, dropped_by=culprit)

    def _look_into_sets(self) -> None:
        """Ask the sets of the rule that dropped it which of their elements it is."""
        if (culprit := self.found.culprit_rule) is not None:
            flow, _ = self._as_rules_see_it()
            flows = dict.fromkeys((flow, self.came_as or flow))  # after translation, and before
            found = (memberships(culprit, each) for each in flows)
            self.found = replace(self.found, memberships=next(filter(None, found), ()))
