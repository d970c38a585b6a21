"""The receiving host's own firewall drops encapsulated packets."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from dyetrace.lab.faults import rules
from dyetrace.lab.faults.fault import Truth
from dyetrace.lab.faults.placed import Placed
from dyetrace.lab.passage import Position

if TYPE_CHECKING:
    from dyetrace.lab.cloud import Cloud


@dataclass(frozen=True, slots=True, kw_only=True)
class HostFirewallIn(Placed):
    """The receiving host's own firewall drops encapsulated packets."""

    name: ClassVar[str] = "host_firewall_in"

    at: Position = "underlay"

    def inject(self, cloud: "Cloud") -> None:
        """Add the rule."""
        leg = self.leg(cloud)
        rules.install(
            cloud.host(leg.target).vswitch,
            "ip",
            self.name,
            hook="input",
            rules=['udp dport 4789 counter drop comment "no tunnels"'],
        )

    def heal(self, cloud: "Cloud") -> None:
        """Delete it."""
        leg = self.leg(cloud)
        rules.remove(cloud.host(leg.target).vswitch, "ip", self.name)

    def truth(self, cloud: "Cloud") -> Truth:
        """Lost at the host that should decapsulate."""
        leg = self.leg(cloud)
        return Truth(
            verdict="LOST",
            host=leg.target,
            vfd="vswitch",
            code="HOST_FIREWALL_DENY",
            objects=('rule "no tunnels"',),
        )
