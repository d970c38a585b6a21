"""A gateway translates a floating address to a VM that is no more."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from dyetrace.lab.faults import rules
from dyetrace.lab.faults.fault import Truth
from dyetrace.lab.faults.placed import Placed
from dyetrace.lab.faults.retrans import set_retrans
from dyetrace.lab.passage import Position

if TYPE_CHECKING:
    from dyetrace.lab.cloud import Cloud


@dataclass(frozen=True, slots=True, kw_only=True)
class StaleDnat(Placed):
    """A gateway translates a floating address to a VM that is no more."""

    name: ClassVar[str] = "stale_dnat"

    at: Position = "gateway"

    def inject(self, cloud: "Cloud") -> None:
        """Translate before the right rule does."""
        place = self.routed_passage(cloud)
        outer4, outer6 = cloud.end(self.destination or self.source).addresses
        third = 1
        rules.load(
            place.netns,
            f"table inet {self.name} {{\nchain stale {{\n"
            "type nat hook prerouting priority -110; policy accept;\n"
            f"ip daddr {outer4} dnat ip to 10.0.{third}.199\n"
            f"ip6 daddr {outer6} dnat ip6 to fd00:0:0:{third}::199\n}}\n}}\n",
        )
        set_retrans(place.netns, "net-a", 100)

    def heal(self, cloud: "Cloud") -> None:
        """Delete the rule."""
        place = self.routed_passage(cloud)
        rules.remove(place.netns, "inet", self.name)
        set_retrans(place.netns, "net-a", 1000)

    def truth(self, cloud: "Cloud") -> Truth:
        """Lost at the gateway, which looks for a VM that is not there."""
        place = self.routed_passage(cloud)
        return Truth(
            verdict="LOST",
            host=place.host,
            vfd=place.role,
            code="NEIGHBOUR_UNRESOLVED",
            objects=("10.0.1.199", "fd00:0:0:1::199"),
        )
