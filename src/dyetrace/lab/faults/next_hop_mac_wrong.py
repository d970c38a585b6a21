"""A router takes another VM's MAC address for the receiver's."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from dyetrace.lab import commands
from dyetrace.lab.ends import Vm
from dyetrace.lab.faults import places
from dyetrace.lab.faults.fault import Truth
from dyetrace.lab.faults.placed import Placed
from dyetrace.lab.passage import Position

if TYPE_CHECKING:
    from dyetrace.lab.cloud import Cloud


@dataclass(frozen=True, slots=True, kw_only=True)
class NextHopMacWrong(Placed):
    """A router takes another VM's MAC address for the receiver's."""

    name: ClassVar[str] = "next_hop_mac_wrong"

    at: Position = "source-vrouter"

    def inject(self, cloud: "Cloud") -> None:
        """Pin the neighbour wrongly."""
        place = self.routed_passage(cloud)
        wrong = self._wrong(cloud)
        lines = [
            f"neighbour replace {address} lladdr {wrong.mac} dev {place.exit} nud permanent"
            for address in place.addresses
        ]
        commands.ip(place.netns, lines)

    def heal(self, cloud: "Cloud") -> None:
        """Pin it rightly."""
        place = self.routed_passage(cloud)
        right = places.destination(cloud, self.destination)
        lines = [
            f"neighbour replace {address} lladdr {right.mac} dev {place.exit} nud permanent"
            for address in place.addresses
        ]
        commands.ip(place.netns, lines)

    def truth(self, cloud: "Cloud") -> Truth:
        """Delivered to another VM by the vSwitch of that VM."""
        self.routed_passage(cloud)
        wrong = self._wrong(cloud)
        return Truth(
            verdict="LOST",
            host=wrong.host,
            vfd="vswitch",
            code="MISDELIVERED",
            objects=(self._wrong(cloud).port,),
        )

    def _wrong(self, cloud: "Cloud") -> Vm:
        right = places.destination(cloud, self.destination)
        return next(
            vm
            for vm in cloud.vms
            if (vm.tenant, vm.network) == (right.tenant, right.network) and vm.id != right.id
        )
