"""Which devices of a VFD are its edge ports, and what is on their other side. Pure."""

from collections.abc import Mapping

from dyetrace.datapath.linux.facts import (
    ETHERNET,
    LOOPBACK,
    NO_HEADER,
    PAIRS,
    PPP,
    RAW_IP,
    LinkFacts,
    NamespaceFacts,
)
from dyetrace.model.packet import Address
from dyetrace.model.topology import PortKind

PARSABLE = frozenset({ETHERNET, NO_HEADER, RAW_IP, PPP})

Namespaces = Mapping[int, NamespaceFacts]
"""All namespaces of a host in scope, by inode number."""


def port_kind(link: LinkFacts, here: NamespaceFacts, scope: Namespaces) -> PortKind | None:
    """Say what is on the other side of a device; None: it is no edge port."""
    if link.hardware not in PARSABLE:
        return None
    if link.kind == "tun":
        return PortKind.VNIC if link.holder or _is_bridged(link, here) else None
    if link.kind == "macvtap":
        return PortKind.VNIC
    if link.kind in PAIRS:
        return _pair_kind(link, here, scope)
    if not link.kind or link.stands_on_other_namespace:
        return PortKind.EXTERNAL if leads_outside(link, here) else PortKind.UPLINK
    return None


def leads_outside(link: LinkFacts, here: NamespaceFacts) -> bool:
    """Whether a device that leads off this host leads out of the cloud, not to its underlay.

    A routing namespace's default route leads outside; the underlay is where
    tunnels and SRv6 go. Where a namespace has both, the default route's device
    counts as outside only if all tunnels are known to leave by others.
    """
    if not here.is_router or here.carries_srv6:
        return False
    if set(here.vteps).intersection(addresses_above(link.ifindex, here)):
        return False
    if not any(link.ifindex in here.beneath(device) for device in here.default_devices):
        return False
    carriers = [_carriers(tunnel, here) for tunnel in here.tunnels]
    return all(devices and link.ifindex not in devices for devices in carriers)


def port_addresses(link: LinkFacts, kind: PortKind, here: NamespaceFacts) -> tuple[Address, ...]:
    """List a port's own addresses; an uplink's include the VTEPs', wherever they are."""
    if kind in {PortKind.VNIC, PortKind.LINK}:
        found = link.addresses
    else:
        found = addresses_above(link.ifindex, here)
    if kind is PortKind.UPLINK:
        found += here.vteps
    return without_link_local(found)


def addresses_above(ifindex: int, here: NamespaceFacts) -> tuple[Address, ...]:
    """List the addresses of a device and of all that stand on it."""
    above = here.above(ifindex)
    return tuple(
        address for link in here.links if link.ifindex in above for address in link.addresses
    )


def without_link_local(addresses: tuple[Address, ...]) -> tuple[Address, ...]:
    """Leave out addresses that every link repeats: they name nobody."""
    return tuple(
        dict.fromkeys(
            address
            for address in addresses
            if not address.is_link_local and not address.is_loopback
        )
    )


def _pair_kind(link: LinkFacts, here: NamespaceFacts, scope: Namespaces) -> PortKind | None:
    other = scope.get(link.peer[0]) if link.peer else None
    if link.peer and link.peer[0] == here.inode:
        return None  # both ends are this VFD's: packets do not leave it
    if other is not None:
        return PortKind.LINK if other.is_vfd else PortKind.VNIC
    return PortKind.EXTERNAL if leads_outside(link, here) else PortKind.UPLINK


def _is_bridged(link: LinkFacts, here: NamespaceFacts) -> bool:
    master = here.link_by_index.get(link.master)
    return master is not None and master.kind == "bridge"


def _carriers(tunnel: LinkFacts, here: NamespaceFacts) -> frozenset[int]:
    """Find the devices that a tunnel's packets leave by; empty: not known."""
    if tunnel.carrier:
        return here.beneath(tunnel.carrier)
    holders = [
        link
        for link in here.links
        if tunnel.vtep is not None
        and tunnel.vtep in link.addresses
        and not link.is_overlay_tunnel
        and not (link.hardware == LOOPBACK or link.kind == "dummy")  # reachable by any device
    ]
    return frozenset().union(*(here.beneath(holder.ifindex) for holder in holders))
