"""A rule at a device drops what comes in by it, before all else."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from dyetrace.lab.faults import device_rules
from dyetrace.lab.faults.rule_fault import RuleFault
from dyetrace.lab.passage import Passage

if TYPE_CHECKING:
    from dyetrace.lab.cloud import Cloud


@dataclass(frozen=True, slots=True, kw_only=True)
class NetdevIngressDrop(RuleFault):
    """A rule at a device drops what comes in by it, before all else."""

    name: ClassVar[str] = "netdev_ingress_drop"
    comment: ClassVar[str] = "netdev_ingress_drop"
    hook: ClassVar[str] = "ingress"

    def inject(self, cloud: "Cloud") -> None:
        """Add a table of the device."""
        place = self.passage(cloud)
        device_rules.install(place.netns, self.name, hook=self.hook, device=place.entry)

    def family(self, place: Passage) -> str:
        """Rules of devices have a family of their own."""
        del place
        return "netdev"
