"""A rule at a device drops what is about to leave by it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from dyetrace.lab.faults import device_rules
from dyetrace.lab.faults.rule_fault import RuleFault
from dyetrace.lab.passage import Passage

if TYPE_CHECKING:
    from dyetrace.lab.cloud import Cloud


@dataclass(frozen=True, slots=True, kw_only=True)
class NetdevEgressDrop(RuleFault):
    """A rule at a device drops what is about to leave by it."""

    name: ClassVar[str] = "netdev_egress_drop"
    comment: ClassVar[str] = "netdev_egress_drop"
    hook: ClassVar[str] = "egress"

    def inject(self, cloud: "Cloud") -> None:
        """Add a table of the device."""
        place = self.passage(cloud)
        device_rules.install(place.netns, self.name, hook=self.hook, device=place.exit)

    def family(self, place: Passage) -> str:
        """Rules of devices have a family of their own."""
        del place
        return "netdev"
