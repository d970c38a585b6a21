"""A router has forwarding switched off."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from dyetrace.lab import commands
from dyetrace.lab.faults.fault import Truth
from dyetrace.lab.faults.placed import Placed
from dyetrace.lab.passage import Position

if TYPE_CHECKING:
    from dyetrace.lab.cloud import Cloud


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardingOff(Placed):
    """A router has forwarding switched off."""

    name: ClassVar[str] = "forwarding_off"

    at: Position = "source-vrouter"

    def inject(self, cloud: "Cloud") -> None:
        """Switch it off."""
        place = self.routed_passage(cloud)
        commands.set_sysctls(
            place.netns,
            [("net/ipv4/ip_forward", "0"), ("net/ipv6/conf/all/forwarding", "0")],
        )

    def heal(self, cloud: "Cloud") -> None:
        """Switch it on."""
        place = self.routed_passage(cloud)
        commands.set_sysctls(
            place.netns,
            [
                ("net/ipv4/ip_forward", "1"),
                ("net/ipv6/conf/all/forwarding", "1"),
            ],
        )

    def truth(self, cloud: "Cloud") -> Truth:
        """Lost at the router."""
        place = self.routed_passage(cloud)
        return Truth(
            verdict="LOST",
            host=place.host,
            vfd=place.role,
            code="FORWARDING_OFF",
            objects=("forwarding is 0",),
        )
