"""The forwarding entries a host's bridges should have."""

from typing import TYPE_CHECKING

from dyetrace.lab.description import Attachment
from dyetrace.lab.overlay import vxlan_entries

if TYPE_CHECKING:
    from dyetrace.lab.cloud import Cloud


def static_entries(cloud: "Cloud", host: str) -> list[str]:
    """Give the `bridge` lines that write all entries of a host's ports again."""
    lines = [
        f"fdb replace {each.mac} dev {each.port} master static"
        for each in cloud.description.attachments
        if each.host == host
    ]
    for network in cloud.description.networks:
        if network.vxlan:
            lines += [
                line
                for line in vxlan_entries(cloud.description, host, network)
                if line.startswith("fdb replace")
            ]
    return lines


def attachment_at(cloud: "Cloud", host: str, port: str) -> Attachment:
    """Find what is plugged into a port of a host's bridges."""
    return next(
        each for each in cloud.description.attachments if (each.host, each.port) == (host, port)
    )


def ports_beside(cloud: "Cloud", host: str, port: Attachment) -> list[str]:
    """Give all ports of the bridge that a port is in."""
    network = port.network
    ports = [
        each.port
        for each in cloud.description.attachments
        if (each.host, each.network) == (host, network)
    ]
    return [*ports, network.vxlan] if network.vxlan else ports
