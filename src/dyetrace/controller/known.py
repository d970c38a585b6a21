"""A cloud as its agents and its inventory say that it is, kept as they say otherwise."""

import gc

from dyetrace.inventory.clouds import Cloud
from dyetrace.inventory.inventory import Inventory
from dyetrace.inventory.merge import Conflict, Merging
from dyetrace.inventory.overlay import apply_inventory
from dyetrace.model.topology import Host
from dyetrace.planning.atlas import Atlas

NOWHERE = Cloud(name="", agents=())
FEW = 50


class Known:
    """The atlas of one cloud; what a host says anew costs as much as that host is large."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self.cloud = NOWHERE
        self.atlas = Atlas()
        self._merging = Merging(Inventory())
        self._seen: dict[str, Host] = {}  # as discovered
        self._namesakes: dict[str, str] = {}  # hosts left out, with what is wrong
        self._new = 0  # hosts taken in since the collector was told to leave them alone

    def serve(self, cloud: Cloud) -> None:
        """Go by this inventory from now on, and forget hosts that are not of the cloud."""
        before, self.cloud = self.cloud, cloud
        if cloud.inventory is not before.inventory or cloud.nics != before.nics:
            self._begin_anew()
        if cloud.agents is not before.agents:
            for name in self._seen.keys() - {agent.host for agent in cloud.agents}:
                self._forget(name)

    def saw(self, host: Host) -> None:
        """Take in a host as its agent found it."""
        if self._seen.get(host.name) is host:
            return
        other = self.atlas.host_by_number.get(host.number)
        if other is not None and other.name != host.name:
            self._namesakes[host.name] = (
                f"hosts {other.name} and {host.name} share the number {host.number}: rename one"
            )
            return
        self._namesakes.pop(host.name, None)
        self._seen[host.name] = host
        self._lay(host)
        self._new += 1
        if self._new > max(FEW, len(self._seen) // 4):
            # It lives long and has no cycles: to look for some takes seconds, of many hosts.
            gc.freeze()
            self._new = 0

    def number_of(self, name: str) -> int:
        """Give a host's number; 0 where it has not been seen."""
        seen = self._seen.get(name)
        return seen.number if seen else 0

    @property
    def conflicts(self) -> tuple[Conflict, ...]:
        """What inventory and agents contradict each other in."""
        return self._merging.conflicts

    @property
    def left_out(self) -> tuple[str, ...]:
        """Why some hosts are not in the atlas."""
        return tuple(self._namesakes.values())

    def _begin_anew(self) -> None:
        inventory = self.cloud.inventory
        self._merging = Merging(inventory)
        self.atlas = Atlas((*self.cloud.nics.values(), *(entry.nic for entry in inventory.nics)))
        for host in self._seen.values():
            self._lay(host)

    def _lay(self, host: Host) -> None:
        for named in self._merging.put(apply_inventory(host, self.cloud.nics)):
            self.atlas.put(named)

    def _forget(self, name: str) -> None:
        self.atlas.remove(self._seen.pop(name).number)
        for other in self._merging.remove(name):
            self.atlas.put(self._merging.named(other))
