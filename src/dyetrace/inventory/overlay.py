"""What the inventory knows of a host's ports, laid over what was discovered."""

from collections.abc import Mapping
from dataclasses import replace

from dyetrace.model.topology import Host, Nic, Port, PortKind

NicPlace = tuple[str, str, str]
"""(host, name of the network namespace, name of the host side's interface)."""


def apply_inventory(host: Host, nics: Mapping[NicPlace, Nic]) -> Host:
    """Let the inventory's names win over discovered ones.

    A port that the inventory knows is a vNIC's, whatever it looked like. What the
    inventory leaves empty stays as discovered.
    """
    if not nics:
        return host

    def laid(netns_name: str, port: Port) -> Port:
        nic = nics.get((host.name, netns_name, port.name))
        return named_port(port, nic) if nic else port

    return replace(
        host,
        vfds=tuple(
            replace(vfd, ports=tuple(laid(vfd.netns_name, port) for port in vfd.ports))
            for vfd in host.vfds
        ),
    )


def named_port(port: Port, nic: Nic) -> Port:
    """Make a port a vNIC's; what is empty in the NIC stays as discovered."""
    seen = port.nic
    return replace(
        port,
        kind=PortKind.VNIC,
        peer=None,
        nic=replace(
            nic,
            tenant=nic.tenant or (seen.tenant if seen else ""),
            mac=nic.mac or (seen.mac if seen else ""),
            addresses=nic.addresses or (seen.addresses if seen else ()),
        ),
    )
