"""Name the very object at fault: the rule, route, neighbour, link or queue.

Each function names one kind, or gives "" where nothing is known of it.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.remedies import narrowest_link
from dyetrace.knowledge.signs import dead_link, dead_tunnel, is_route_drop
from dyetrace.model.packet import protocol_name
from dyetrace.model.site import Link, RouteKind, SecurityRule


def nothing(loss: Loss) -> str:
    """Name nothing: the cause's title says all there is."""
    del loss
    return ""


def rule(loss: Loss) -> str:
    """Name the security rule, or say among which it is to be found."""
    culprit, rules = loss.site.culprit_rule, loss.site.rules
    if culprit:
        return describe_rule(culprit)
    if not rules:
        return ""
    chains = sorted({f"{one.family} {one.table} {one.chain}" for one in rules})
    return f"one of {len(rules)} rules in nft {', '.join(chains)}"


def describe_rule(one: SecurityRule) -> str:
    """Write a rule as its author knows it: by comment, else by text; and where it stands."""
    name = f'rule "{one.comment or one.text}"' if one.comment or one.text else "rule"
    return f"{name} ({one})"


def route(loss: Loss) -> str:
    """Name the route that the packet met, or the address that none leads to."""
    found = loss.site.route
    if found is None or found.kind is RouteKind.NONE or found.prefix is None:
        return str(loss.outer.dst if loss.outer else loss.five_tuple.dst)
    table = f" in table {found.table}" if found.table else ""
    return f"{found.kind} {found.prefix}{table}"


def neighbour(loss: Loss) -> str:
    """Name the next hop and its state."""
    found = loss.site.neighbour
    if found is None:
        return ""
    return f"{found.address}{f' on {found.device}' if found.device else ''} ({found.state})"


def routing_rule(loss: Loss) -> str:
    """Name the routing rule that refused, else what was to be reached."""
    found = loss.site.route
    return f"ip {found.rule}" if found and found.rule else service(loss)


def tunnel(loss: Loss) -> str:
    """Name the tunnel device that is down."""
    dead = dead_tunnel(loss)
    return f"{dead.name} (switched off)" if dead else link(loss)


def link(loss: Loss) -> str:
    """Name the device that is down, else the port where the packet was."""
    dead = dead_link(loss)
    return describe_link(dead) if dead else loss.port


def describe_link(found: Link) -> str:
    """Write a device with its state."""
    if not found.is_up:
        return f"{found.name} (switched off)"
    return f"{found.name} ({'up' if found.has_carrier else 'no carrier'})"


def queue(loss: Loss) -> str:
    """Name the queue that refused the packet."""
    found = loss.site.queue
    if found is None:
        return loss.port
    handle = f" {found.handle}" if found.handle else ""
    limit = f", limit {found.limit}" if found.limit else ""
    return f"{found.kind}{handle} on {found.device or loss.port}{limit}"


def device(loss: Loss) -> str:
    """Name the port where it happened, or the device that is no port."""
    return loss.port or next((link.name for link in loss.site.links), "")


def xdp_program(loss: Loss) -> str:
    """Name the XDP program of the device."""
    return program(loss, "xdp")


def tc_program(loss: Loss) -> str:
    """Name the program or filter of the hook that the packet passed."""
    return program(loss, f"tc {loss.drop_reason.partition('_')[2].lower()}")


def program(loss: Loss, hook: str) -> str:
    """Name what stands at a hook of the device, else the device."""
    found = [each for each in loss.site.programs if each.hook.startswith(hook)]
    here = [each for each in found if each.device == loss.port] or found
    return " or ".join(map(str, here)) or loss.port


def narrow_device(loss: Loss) -> str:
    """Name the device whose MTU the packet exceeds."""
    found = narrowest_link(loss)
    return f"MTU {found.mtu} of {found.name}" if found else loss.port


def reverse_path_filter(loss: Loss) -> str:
    """Name the setting, and the source that it refused."""
    value = loss.site.rp_filter
    where = f"rp_filter={value}" if value is not None else "rp_filter"
    return f"{where} refuses {loss.five_tuple.src}{f' from {loss.port}' if loss.port else ''}"


def forwarding(loss: Loss) -> str:
    """Name the setting that keeps the VFD from forwarding, if that is what it is."""
    if loss.site.forwarding is False and is_route_drop(loss):
        return f"{'ipv4' if loss.five_tuple.dst.version == 4 else 'ipv6'} forwarding is 0"  # noqa: PLR2004 - IP's own number
    return str(loss.five_tuple.dst)


def circle(loss: Loss) -> str:
    """Name the VFDs that route to each other, the last one back to the first."""
    return " -> ".join((*loss.circle, *loss.circle[:1]))


def hop_limit(loss: Loss) -> str:
    """Name the TTL it arrived with."""
    return f"it came with {loss.ttl}"


def connection_table(loss: Loss) -> str:
    """Say how full the connection table is."""
    table = loss.site.conntrack
    return f"{table.entries} of {table.limit} connections" if table else ""


def bridge_port(loss: Loss) -> str:
    """Name the bridge port that may not forward."""
    for port in (*loss.site.bridge_ports, *loss.site.closed_ports):
        if port.state != "forwarding":
            return f"{port.name} is {port.state}"
        if port.is_locked:
            return f"{port.name} is locked"
    isolated = [port.name for port in loss.site.bridge_ports if port.is_isolated]
    if len(isolated) == 1:  # which of the others it was bound for is not known
        isolated += [port.name for port in loss.site.closed_ports if port.is_isolated]
    return f"{', '.join(isolated)} isolated from each other" if len(isolated) > 1 else loss.port


def service(loss: Loss) -> str:
    """Name what was to be reached, as users say it: tcp/5432 at 10.0.0.2."""
    flow = loss.five_tuple
    number = f"/{flow.dst_port}" if flow.dst_port else ""
    return f"{protocol_name(flow.protocol)}{number} at {flow.dst}"


def sender(loss: Loss) -> str:
    """Name the address the packets come from."""
    return str(loss.five_tuple.src)


def loopback_address(loss: Loss) -> str:
    """Name the address that should never have left its host."""
    flow = loss.five_tuple
    return str(flow.dst if flow.dst.is_loopback else flow.src)


def receiver(loss: Loss) -> str:
    """Name the address the packets go to."""
    return str(loss.five_tuple.dst)


def way_in(loss: Loss) -> str:
    """Name the bridge port where they came in: the tunnel's, if they came by an uplink."""
    ports = [port.name for port in loss.site.bridge_ports]
    return loss.in_port if loss.in_port in ports or not ports else ports[0]


def far_end(loss: Loss) -> str:
    """Name the VTEP or SID that the packet was sent to, or the device that was to do that."""
    return str(loss.outer.dst) if loss.outer else device(loss)


def segment(loss: Loss) -> str:
    """Name the VNI and who sent it."""
    outer = loss.outer
    return f"VNI {outer.vni} from {outer.src}" if outer else ""


def wire(loss: Loss) -> str:
    """Name the stretch of underlay between two hosts."""
    if loss.next_host:
        return f"{loss.host} to {loss.next_host}"
    return f"{loss.host} to {loss.outer.dst}" if loss.outer else loss.port


def joint(loss: Loss) -> str:
    """Name the link between two VFDs of one host."""
    return f"{loss.port} to {loss.next_vfd}" if loss.next_vfd else loss.port


def passage(loss: Loss) -> str:
    """Name where the packet was last seen going in."""
    where = loss.in_port or loss.port
    return f"after {where}" if where else ""
