"""What an inventory knows: networks, hosts with their VFDs, and NICs."""

from dataclasses import dataclass

from dyetrace.model.packet import Address, Network
from dyetrace.model.topology import Nic, VfdKind


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkEntry:
    """A tenant's network; its addresses mean something within it only."""

    name: str
    tenant: str
    vni: int | None = None
    prefixes: tuple[Network, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class VfdEntry:
    """A VFD as the provider names it."""

    name: str
    namespace: str = ""  # empty: the host's own
    kind: VfdKind | None = None
    tenants: tuple[str, ...] = ()  # whose packets it forwards; empty: anybody's


@dataclass(frozen=True, slots=True, kw_only=True)
class HostEntry:
    """A host, as its agent calls it, and what it should have."""

    name: str
    underlay: tuple[Address, ...] = ()
    vfds: tuple[VfdEntry, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NicEntry:
    """A NIC, the network it is in, and where it should be, as far as that is known."""

    nic: Nic
    network: str = ""
    host: str = ""
    namespace: str = ""
    port: str = ""  # the name of the host side's interface
