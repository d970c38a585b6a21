"""Builders of what a namespace shows about itself."""

from collections.abc import Iterable
from dataclasses import replace
from ipaddress import ip_address
from itertools import count
from typing import Any

from dyetrace.datapath.linux.facts import LOOPBACK, LinkFacts, NamespaceFacts

_indexes = count(100)


def a_link(name: str = "eth0", *, addresses: Iterable[str] = (), **fields: Any) -> LinkFacts:
    fields.setdefault("ifindex", next(_indexes))
    fields.setdefault("mac", f"02:00:00:00:00:{fields['ifindex'] % 256:02x}")
    return LinkFacts(name=name, addresses=tuple(map(ip_address, addresses)), **fields)


def a_loopback(*addresses: str) -> LinkFacts:
    return a_link("lo", ifindex=1, hardware=LOOPBACK, addresses=("127.0.0.1", "::1", *addresses))


def a_namespace(*links: LinkFacts, inode: int = 1, **fields: Any) -> NamespaceFacts:
    return NamespaceFacts(inode=inode, links=(a_loopback(), *links), **fields)


def a_bridge(*ports: LinkFacts, name: str = "br0", **fields: Any) -> tuple[LinkFacts, ...]:
    """A bridge and its ports, in that order."""
    bridge = a_link(name, kind="bridge", **fields)
    return (bridge, *(replace(port, master=bridge.ifindex) for port in ports))


def a_veth(name: str, *, to: tuple[int, int] | None = None, **fields: Any) -> LinkFacts:
    """A veth whose other end is at (netns, ifindex), or out of scope."""
    return a_link(name, kind="veth", lower=7, lower_nsid=3, peer=to, **fields)


def an_endpoint(
    inode: int,
    *,
    name: str,
    ifindex: int = 2,
    addresses: Iterable[str] = ("10.0.0.1",),
    **fields: Any,
) -> NamespaceFacts:
    """A VM or container: one veth, nothing forwarded."""
    return a_namespace(
        a_link("eth0", kind="veth", ifindex=ifindex, addresses=addresses, lower=9, lower_nsid=0),
        inode=inode,
        name=name,
        **fields,
    )


def a_vxlan(
    *, local: str | None = None, carrier: int = 0, name: str = "vx7", **fields: Any
) -> LinkFacts:
    vtep = ip_address(local) if local else None
    return a_link(name, kind="vxlan", vtep=vtep, carrier=carrier, **fields)
