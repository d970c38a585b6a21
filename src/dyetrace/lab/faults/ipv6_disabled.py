"""A router's port has IPv6 switched off. IPv6 only."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from dyetrace.lab import commands
from dyetrace.lab.faults.fault import Truth
from dyetrace.lab.faults.placed import Placed
from dyetrace.lab.overlay import neighbour_lines
from dyetrace.lab.passage import Position

if TYPE_CHECKING:
    from dyetrace.lab.cloud import Cloud


@dataclass(frozen=True, slots=True, kw_only=True)
class Ipv6Disabled(Placed):
    """A router's port has IPv6 switched off. IPv6 only."""

    name: ClassVar[str] = "ipv6_disabled"

    at: Position = "source-vrouter"

    def inject(self, cloud: "Cloud") -> None:
        """Switch it off."""
        place = self.routed_passage(cloud)
        commands.set_sysctls(place.netns, [(f"net/ipv6/conf/{place.entry}/disable_ipv6", "1")])

    def heal(self, cloud: "Cloud") -> None:
        """Switch it on, with the addresses that went."""
        place = self.routed_passage(cloud)
        commands.set_sysctls(place.netns, [(f"net/ipv6/conf/{place.entry}/disable_ipv6", "0")])
        port = next(
            each
            for each in cloud.description.attachments
            if (each.host, each.role, each.device) == (place.host, place.role, place.entry)
        )
        _, address = port.interfaces
        commands.ip(
            place.netns,
            [
                f"address replace {address} dev {place.entry} nodad",
                *neighbour_lines(cloud.description, port),
            ],
        )

    def truth(self, cloud: "Cloud") -> Truth:
        """Lost at the router."""
        place = self.routed_passage(cloud)
        return Truth(
            verdict="LOST",
            host=place.host,
            vfd=place.role,
            code="IPV6_DISABLED",
            families=(6,),
            objects=(place.entry,),
        )
