"""What faults have in common that give packets an address that no router takes. IPv4 only."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from dyetrace.lab.faults import places, rules
from dyetrace.lab.faults.fault import Truth
from dyetrace.lab.faults.placed import Placed
from dyetrace.lab.passage import Position

if TYPE_CHECKING:
    from dyetrace.lab.cloud import Cloud


@dataclass(frozen=True, slots=True, kw_only=True)
class MartianFault(Placed):
    """The sender's vSwitch rewrites an address, so that its vRouter refuses the packets."""

    which: ClassVar[str]  # saddr or daddr
    address: ClassVar[str]
    code: ClassVar[str]

    at: Position = "source-vrouter"

    def inject(self, cloud: "Cloud") -> None:
        """Add the rules to the vSwitch."""
        vm = places.source(cloud, self.source)
        rules.install(
            vm.port_netns,
            "bridge",
            self.name,
            hook="prerouting",
            rules=[
                f'iifname "{vm.port}" ip protocol {each} ip {self.which} set {self.address}'
                for each in ("icmp", "udp", "tcp")
            ],
        )

    def heal(self, cloud: "Cloud") -> None:
        """Delete them."""
        rules.remove(places.source(cloud, self.source).port_netns, "bridge", self.name)

    def truth(self, cloud: "Cloud") -> Truth:
        """Lost at the vRouter."""
        place = self.routed_passage(cloud)
        return Truth(
            verdict="LOST",
            host=place.host,
            vfd=place.role,
            code=self.code,
            families=(4,),
            objects=(self.address,),
        )
