"""How the members of a tenant's network find each other across hosts."""

from dyetrace.lab.description import Attachment, CloudDescription, NetworkDescription

VXLAN_PORT = 4789
ALL_ELSE = "00:00:00:00:00:00"  # broadcasts, and whoever is not known


def vxlan_links(
    description: CloudDescription, host: str, network: NetworkDescription, *, vni: int
) -> list[str]:
    """Give the `ip` lines that make a network's VXLAN device on a host."""
    device = f"name {network.vxlan} mtu {description.mtu}"
    local = description.underlay_address(host)
    return [
        f"link add {device} type vxlan id {vni} local {local} dstport {VXLAN_PORT}",
        f"link set dev {network.vxlan} master {network.bridge} up",
    ]


def vxlan_entries(
    description: CloudDescription, host: str, network: NetworkDescription
) -> list[str]:
    """Give the `bridge` lines that fill a VXLAN device's tables.

    Broadcasts go to all other hosts. The members of the network are known from the
    start, as a cloud's controller would have it: with a distributed router frames
    come back another way than they went, so bridges would never learn and flood
    forever. Learning stays on for whatever else appears.
    """
    others = [description.underlay_address(other) for other in description.hosts if other != host]
    lines = [f"fdb append {ALL_ELSE} dev {network.vxlan} dst {vtep}" for vtep in others]
    for attachment in description.attachments:
        if attachment.network == network and attachment.host != host:
            vtep = description.underlay_address(attachment.host)
            lines.append(f"fdb replace {attachment.mac} dev {network.vxlan} self dst {vtep} static")
            lines.append(f"fdb replace {attachment.mac} dev {network.vxlan} master static")
    return lines


def neighbour_lines(description: CloudDescription, port: Attachment) -> list[str]:
    """Tell a router the members of a network, as a cloud's controller does.

    Its neighbours then never expire, so an underlay fault stays an underlay fault
    instead of turning into an unresolved neighbour half a minute later.
    """
    return [
        f"neighbour replace {address} lladdr {member.mac} dev {port.device} nud permanent"
        for member in description.attachments
        if member.network == port.network and member != port
        for address in member.addresses
    ]
