"""What shows a cause, line by line, and how we know each."""

from collections.abc import Iterator

from dyetrace.knowledge.drop_reasons import meaning
from dyetrace.knowledge.loss import Loss, Place
from dyetrace.knowledge.objects import describe_link, describe_rule
from dyetrace.knowledge.probe import Probe
from dyetrace.knowledge.remedies import narrowest_link
from dyetrace.knowledge.signs import UNSAID, dead_link, dead_tunnel, function, looks_at_dscp
from dyetrace.model.cause import Cause, Evidence, EvidenceClass, Layer
from dyetrace.model.rule_met import walk
from dyetrace.model.site import BridgePort, Queue, RouteKind, RouteLookup

MAX_RULES = 5
"""More would bury the answer; the remedy's command shows them all."""

_BY_PROGRAMS = frozenset({"XDP_DROP", "TC_DROP"})
_ROUTED = frozenset({Layer.NETWORK, Layer.OVERLAY, Layer.UNDERLAY})


def evidence_of(cause: Cause, loss: Loss, probe: Probe | None) -> tuple[Evidence, ...]:
    """Give what was seen of the packets first, then what the site says."""
    packets = _of_packets(cause, loss, probe)
    site = (Evidence(kind=EvidenceClass.CONFIG, text=text) for text in _of_site(cause, loss))
    return (*packets, *site)


def _of_packets(cause: Cause, loss: Loss, probe: Probe | None) -> Iterator[Evidence]:
    if probe is None:
        yield Evidence(kind=EvidenceClass.INFERRED, text=_vanishing(loss))
        return
    yield Evidence(kind=EvidenceClass.OBSERVED, text=_dropping(loss, probe))
    if loss.has_left_port:
        text = f"it had been handed to {loss.port} already: the queue behind that dropped it"
        yield Evidence(kind=EvidenceClass.OBSERVED, text=text)
    if cause.layer is Layer.DEVICE:
        yield Evidence(kind=EvidenceClass.OBSERVED, text=_queue_depth(loss))
    if loss.site.dropped_by and cause.layer is Layer.SECURITY:
        rule = loss.site.dropped_by
        text = f"nftables traced packets of this flow to {describe_rule(rule)}: {rule.text}"
        yield Evidence(kind=EvidenceClass.OBSERVED, text=text)
        if len(loss.site.rules_met) > 1:  # one alone is named above
            text = f"traced: {walk(loss.site.rules_met)}"
            yield Evidence(kind=EvidenceClass.OBSERVED, text=text)
        yield from _color(loss)


def _color(loss: Loss) -> Iterator[Evidence]:
    """Say what is known of the color's part where a rule looks at the DSCP."""
    seen = loss.site.uncolored
    if seen is not None:
        text = f"of {seen.passed + seen.dropped} packets without color, {seen.dropped} died there"
        yield Evidence(kind=EvidenceClass.OBSERVED, text=text)
    elif looks_at_dscp(loss.site):
        text = "a rule looks at the DSCP: the color may have decided, no packet without it came"
        yield Evidence(kind=EvidenceClass.CONFIG, text=text)


def _dropping(loss: Loss, probe: Probe) -> str:
    where = f" in {function(loss)}" if loss.symbol else ""
    if loss.drop_reason in UNSAID:
        told = f"; what ends there: {probe.description}" if probe.is_placed else ""
        return f"the kernel freed the packet{where} without giving a reason{told}"
    said = probe.description if probe.reason == loss.drop_reason else meaning(loss.drop_reason)
    return f"the kernel freed the packet{where}: {loss.drop_reason}{f', {said}' if said else ''}"


def _vanishing(loss: Loss) -> str:
    if loss.place is Place.INSIDE_VFD:
        way_in = loss.in_port or loss.port
        return f"seen coming in{f' at {way_in}' if way_in else ''}, never leaving, no drop seen"
    if loss.place is Place.BETWEEN_VFDS:
        return f"seen leaving by {loss.port}, never coming in at {loss.next_vfd or 'the next VFD'}"
    towards = f" towards {loss.outer.dst}" if loss.outer else ""
    there = f"host {loss.next_host}" if loss.next_host else "any other host"
    return f"seen leaving host {loss.host} by {loss.port}{towards}, never coming in at {there}"


def _queue_depth(loss: Loss) -> str:
    """Say how full the queue was: "full" is the dropper's word, the depth is the fact."""
    if loss.queue_packets:
        return f"{loss.queue_packets} packets ({loss.queue_bytes} bytes) waited in the queue then"
    return (
        "no packet waited in the device's queue then: it was not full by its own count, so "
        "look for a limit below it (a shaper's rate, the ring behind it) or a device that is down"
    )


def _of_site(cause: Cause, loss: Loss) -> Iterator[str]:
    """Tell what the agent found there, as far as it bears on this cause."""
    site = loss.site
    has_vanished = loss.place is not Place.AT_VFD
    if site.route and (cause.layer in _ROUTED or has_vanished):
        yield _route(site.route, loss)
    if site.neighbour and (cause.layer is Layer.LINK or not site.neighbour.state.is_resolved):
        found = site.neighbour
        yield f"neighbour {found.address} on {found.device or 'its device'} is {found.state}"
    dead = dead_link(loss)
    known = site.links if dead is None or dead in site.links else (*site.links, dead)
    for link in known:
        if link.is_down:
            yield f"device {describe_link(link)}"
    yield from _standing_around(cause, loss)
    narrowest = narrowest_link(loss)
    if narrowest and cause.code == "PACKET_TOO_BIG":
        yield f"device {narrowest.name} has MTU {narrowest.mtu}"
    if site.queue and cause.layer is Layer.DEVICE:
        yield _queue(site.queue)
    if site.rp_filter is not None and loss.drop_reason == "IP_RPFILTER":
        yield f"rp_filter is {site.rp_filter}"
    if site.forwarding is False and cause.layer is Layer.NETWORK:
        yield "forwarding is switched off"
    for port in site.bridge_ports:
        if cause.layer is Layer.LINK and not port.may_forward:
            yield f"bridge port {port.name}: {port.state}{_permissions(port)}"
    if cause.layer is Layer.SECURITY:
        yield from _security(loss)
    yield from (f"note: {note}" for note in site.notes)


def _standing_around(cause: Cause, loss: Loss) -> Iterator[str]:
    """Tell of tunnels, programs and ports beside the packet's known way that bear on the cause."""
    tunnel = dead_tunnel(loss)
    if tunnel and cause.layer is Layer.OVERLAY:
        yield f"tunnel device {tunnel.name} of VNI {tunnel.vni} is switched off"
    if cause.code in _BY_PROGRAMS:
        yield from (f"attached: {program}" for program in loss.site.programs)
    for port in loss.site.closed_ports:
        if cause.layer is Layer.LINK:
            state = f"{port.state}{_permissions(port)}"
            yield f"bridge port {port.name}, which it may have been bound for: {state}"


def _permissions(port: BridgePort) -> str:
    return (", isolated" if port.is_isolated else "") + (", locked" if port.is_locked else "")


def _route(found: RouteLookup, loss: Loss) -> str:
    asked = loss.outer.dst if loss.outer else loss.five_tuple.dst
    if found.rule is not None:
        return f"routing {found.rule} comes before any route to {asked} ({found.error})"
    if found.kind is RouteKind.NONE:
        return f"no route to {asked}{f' ({found.error})' if found.error else ''}"
    words = [f"the route to {asked} is {found.kind}"]
    words += [str(found.prefix)] if found.prefix else []
    words += [f"via {found.gateway}"] if found.gateway else []
    words += [f"dev {found.device}"] if found.device else []
    words += [f"table {found.table}"] if found.table else []
    words += [f"but not for packets that come in like this ({found.error})"] if found.error else []
    return " ".join(words)


def _queue(found: Queue) -> str:
    limit = f", limit {found.limit}" if found.limit else ""
    return (
        f"queue {found.kind} {found.handle}".rstrip()
        + f"{limit}: {found.packets} packets waiting, {found.drops} dropped since it was set up"
    )


def _security(loss: Loss) -> Iterator[str]:
    site = loss.site
    culprit = site.culprit_rule
    if culprit and not site.dropped_by:
        yield f"the only rule here that can have dropped it: {describe_rule(culprit)}"
    elif not culprit:
        for one in site.rules[:MAX_RULES]:
            yield f"a rule that drops here: {describe_rule(one)}"
        if len(site.rules) > MAX_RULES:
            yield f"and {len(site.rules) - MAX_RULES} more rules that drop here"
    yield from map(str, site.memberships)
    if site.conntrack and site.conntrack.is_full:
        table = site.conntrack
        yield f"the connection table holds {table.entries} of {table.limit} entries"
