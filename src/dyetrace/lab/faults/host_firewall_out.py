"""The sending host's own firewall drops encapsulated packets."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from dyetrace.lab.faults import rules
from dyetrace.lab.faults.fault import Truth
from dyetrace.lab.faults.placed import Placed
from dyetrace.lab.passage import Position

if TYPE_CHECKING:
    from dyetrace.lab.cloud import Cloud


@dataclass(frozen=True, slots=True, kw_only=True)
class HostFirewallOut(Placed):
    """The sending host's own firewall drops encapsulated packets."""

    name: ClassVar[str] = "host_firewall_out"

    at: Position = "source-uplink"

    def inject(self, cloud: "Cloud") -> None:
        """Add the rule."""
        leg = self.leg(cloud)
        rules.install(
            cloud.host(leg.source).vswitch,
            "ip",
            self.name,
            hook="output",
            rules=['udp dport 4789 counter drop comment "no tunnels"'],
        )

    def heal(self, cloud: "Cloud") -> None:
        """Delete it."""
        leg = self.leg(cloud)
        rules.remove(cloud.host(leg.source).vswitch, "ip", self.name)

    def truth(self, cloud: "Cloud") -> Truth:
        """Lost at the host that encapsulates."""
        leg = self.leg(cloud)
        return Truth(
            verdict="LOST",
            host=leg.source,
            vfd="vswitch",
            code="HOST_FIREWALL_DENY",
            objects=('rule "no tunnels"',),
        )
