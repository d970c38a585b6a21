"""What stands around a place of loss: closed bridge ports, dead devices, tunnels, programs."""

from collections.abc import Collection, Iterator
from dataclasses import replace

from pyroute2 import IPRoute

from dyetrace.datapath.linux.devices import Devices
from dyetrace.datapath.linux.programs_on import programs_on
from dyetrace.model.site import BridgePort, Link, Program, SiteEvidence, Tunnel

NUMBER_OF_NETWORK = {"vxlan": "IFLA_VXLAN_ID", "geneve": "IFLA_GENEVE_ID"}
LOOPBACK = "lo"
MOST = 16  # of a kind: more would bury the answer


def with_surroundings(  # noqa: PLR0913 - what is known of the packet's way
    found: SiteEvidence,
    ipr: IPRoute,
    devices: Devices,
    *,
    concerned: Collection[int],
    came_in_by: int,
    knows_way_out: bool,
) -> SiteEvidence:
    """Add what may bear on a loss without being on the packet's known way.

    concerned are the devices on that way. knows_way_out: whether the bridge port that
    the packet was bound for is among them; if not, every closed port may have been it.
    """
    bridge = devices.bridge(came_in_by)
    closed = [] if knows_way_out or not bridge else list(_closed_ports(devices, bridge, came_in_by))
    ports = [port for _, port in closed]
    dead = dict.fromkeys((*_dead_with_address(ipr, devices), *(index for index, _ in closed)))
    return replace(
        found,
        closed_ports=tuple(ports[:MOST]),
        idle_links=tuple(_down(devices, (each for each in dead if each not in concerned)))[:MOST],
        tunnels=tuple(_tunnels(devices))[:MOST],
        programs=tuple(_programs(ipr, devices, (came_in_by, *concerned)))[:MOST],
    )


def tunnel_of(devices: Devices, vni: int) -> int:
    """Find the tunnel that decapsulates a VNI's packets; 0 if there is none, or the VNI is 0."""
    for index in devices.all() if vni else ():
        name = NUMBER_OF_NETWORK.get(devices.kind(index), "")
        if name and devices.detail(index, name) == vni:
            return index
    return 0


def _closed_ports(
    devices: Devices, bridge: int, came_in_by: int
) -> Iterator[tuple[int, BridgePort]]:
    """Yield the ports of a bridge that would not take a frame that came in by one of them."""
    came_by = devices.bridge_port(came_in_by)
    destinations = devices.ports_with_entries(bridge)
    for index in devices.ports_of(bridge):
        port = devices.bridge_port(index)
        if port is None or index == came_in_by:
            continue
        is_isolated = port.is_isolated and came_by is not None and came_by.is_isolated
        if is_isolated or (port.state != "forwarding" and index in destinations):
            yield index, port


def _dead_with_address(ipr: IPRoute, devices: Devices) -> Iterator[int]:
    """Yield the devices with addresses: what they led to is gone from the routes if down."""
    for message in ipr.get_addr():
        if devices.name(message["index"]) != LOOPBACK:
            yield message["index"]


def _down(devices: Devices, indexes: Iterator[int]) -> Iterator[Link]:
    for index in indexes:
        state = devices.state(index)
        if state is not None and state.is_down:
            yield state


def _tunnels(devices: Devices) -> Iterator[Tunnel]:
    for index in devices.all():
        kind = devices.kind(index)
        number = devices.detail(index, NUMBER_OF_NETWORK.get(kind, ""))
        state = devices.state(index)
        if isinstance(number, int) and state is not None:
            yield Tunnel(name=state.name, vni=number, is_up=state.is_up)


def _programs(ipr: IPRoute, devices: Devices, indexes: Collection[int]) -> Iterator[Program]:
    for index in dict.fromkeys(indexes):
        link = devices.link(index)
        if link is not None:
            yield from programs_on(ipr, link)
