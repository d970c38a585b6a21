"""Build losses: what does not matter to a test has a default."""

from ipaddress import ip_address
from typing import Any

from dyetrace.knowledge.loss import Loss, Place
from dyetrace.model.packet import Encapsulation, FiveTuple, Outer, Protocol
from dyetrace.model.site import SiteEvidence
from dyetrace.model.topology import PortKind, VfdKind


def a_flow(
    src: str = "10.0.1.2",
    dst: str = "10.0.2.2",
    protocol: int = Protocol.TCP,
    src_port: int = 40000,
    dst_port: int = 5432,
) -> FiveTuple:
    """Give a TCP flow to a database."""
    return FiveTuple(
        src=ip_address(src),
        dst=ip_address(dst),
        protocol=protocol,
        src_port=src_port,
        dst_port=dst_port,
    )


def an_outer(
    encapsulation: Encapsulation = Encapsulation.VXLAN,
    src: str = "172.31.1.1",
    dst: str = "172.31.2.1",
    vni: int = 7,
) -> Outer:
    """Give a VXLAN header."""
    return Outer(encapsulation=encapsulation, src=ip_address(src), dst=ip_address(dst), vni=vni)


def a_loss(**known: Any) -> Loss:
    """Give a loss at a vRouter; loose fields of the site go into its evidence."""
    site = {name: known.pop(name) for name in SiteEvidence.__slots__ if name in known}
    facts: dict[str, Any] = {
        "place": Place.AT_VFD,
        "host": "cn-12",
        "netns": "vrouter-7",
        "vfd": "vrouter-7",
        "vfd_kind": VfdKind.VROUTER,
        "port": "to-b",
        "port_kind": PortKind.LINK,
        "in_port": "to-a",
        "five_tuple": a_flow(),
        "ttl": 64,
        "site": SiteEvidence(**site),
    }
    return Loss(**(facts | known))


def a_vanishing(place: Place, **known: Any) -> Loss:
    """Give a loss without a drop."""
    return a_loss(place=place, **known)
