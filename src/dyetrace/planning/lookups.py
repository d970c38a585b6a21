"""What planning asks of a cloud: a topology answers, or the atlas that a controller keeps."""

from collections.abc import Collection, Mapping
from typing import Protocol

from dyetrace.model.packet import Address
from dyetrace.model.topology import Host, Nic, Port, Topology


class Lookups(Protocol):
    """Look-ups by what users say; what each gives, Topology explains."""

    @property
    def host_by_number(self) -> Mapping[int, Host]:
        """See Topology."""

    @property
    def nics_by_name(self) -> Mapping[str, tuple[Nic, ...]]:
        """See Topology."""

    @property
    def nics_by_address(self) -> Mapping[Address, tuple[Nic, ...]]:
        """See Topology."""

    @property
    def vnic_ports(self) -> tuple[Port, ...]:
        """See Topology."""

    @property
    def vnic_ports_by_name(self) -> Mapping[str, tuple[Port, ...]]:
        """See Topology."""

    @property
    def vnic_ports_by_address(self) -> Mapping[Address, tuple[Port, ...]]:
        """See Topology."""

    @property
    def vnic_ports_by_tenant(self) -> Mapping[str, tuple[Port, ...]]:
        """See Topology."""

    @property
    def carriers(self) -> Mapping[str, tuple[int, ...]]:
        """See Topology."""

    @property
    def tenants(self) -> Collection[str]:
        """See Topology."""

    @property
    def own_addresses(self) -> Collection[Address]:
        """See Topology."""

    @property
    def has_unknown_addresses(self) -> bool:
        """See Topology."""

    @property
    def leads_outside(self) -> bool:
        """See Topology."""

    def external_ports_for(self, tenant: str | None) -> tuple[Port, ...]:
        """See Topology."""

    def is_anothers(self, address: Address, tenant: str) -> bool:
        """See Topology."""

    def around(self, tenant: str) -> Topology:
        """See Topology."""
