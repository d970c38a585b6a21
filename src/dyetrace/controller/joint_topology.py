"""The topology of all hosts together, made once and shared by all tasks that find them so."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from dyetrace.inventory.clouds import Cloud
from dyetrace.inventory.merge import Conflict, merge
from dyetrace.inventory.overlay import apply_inventory
from dyetrace.model.topology import Host, Topology


@dataclass(slots=True)
class JointTopology:
    """The last one that was made, with what it was made of."""

    _cloud: Cloud | None = None
    _hosts: tuple[Host, ...] = ()
    _made: tuple[Topology, tuple[Conflict, ...]] = field(default_factory=lambda: (Topology(), ()))

    def of(self, cloud: Cloud, hosts: Sequence[Host]) -> tuple[Topology, tuple[Conflict, ...]]:
        """Lay the inventory over the hosts, and say in what they contradict each other.

        Hosts are the same as before if they are the same objects: a host that has not
        changed is not told anew.
        """
        if not self._is_known(cloud, hosts):
            self._cloud, self._hosts = cloud, tuple(hosts)
            named = (apply_inventory(host, cloud.nics) for host in hosts)
            merged = merge(cloud.inventory, (host for host in named if host.number))
            nics = (*cloud.nics.values(), *(entry.nic for entry in cloud.inventory.nics))
            self._made = (Topology(hosts=merged.hosts, nics=nics), merged.conflicts)
        return self._made

    def _is_known(self, cloud: Cloud, hosts: Sequence[Host]) -> bool:
        known = self._cloud
        return (
            known is not None
            and known.inventory is cloud.inventory
            and known.nics == cloud.nics
            and len(self._hosts) == len(hosts)
            and all(mine is theirs for mine, theirs in zip(self._hosts, hosts, strict=True))
        )
