"""A vSwitch's port is rate limited, and its queue has hardly any room."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from dyetrace.lab import commands
from dyetrace.lab.faults import places
from dyetrace.lab.faults.fault import Truth

if TYPE_CHECKING:
    from dyetrace.lab.cloud import Cloud


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueFull:
    """A vSwitch's port (a VM's, or the uplink of `host`) has a tiny queue behind a rate limit."""

    name: ClassVar[str] = "queue_full"

    at: Literal["vm", "uplink"] = "vm"
    destination: str = ""
    host: str = ""
    rate_bits: int = 8_000
    # Larger packets than this never pass; smaller ones pass while there are tokens.
    burst_bytes: int = 300
    limit_bytes: int = 300

    def inject(self, cloud: "Cloud") -> None:
        """Put a token bucket in front of the port."""
        netns, device, _ = self._place(cloud)
        bucket = f"rate {self.rate_bits}bit burst {self.burst_bytes} limit {self.limit_bytes}"
        commands.tc(netns, [f"qdisc replace dev {device} root tbf {bucket}"])

    def heal(self, cloud: "Cloud") -> None:
        """Take it away."""
        netns, device, _ = self._place(cloud)
        commands.tc(netns, [f"qdisc delete dev {device} root"], tolerant=True)

    def truth(self, cloud: "Cloud") -> Truth:
        """Mostly lost at the vSwitch."""
        _, device, host = self._place(cloud)
        return Truth(
            verdict="PARTIAL",
            host=host,
            vfd="vswitch",
            code="QUEUE_FULL",
            other_verdicts=("LOST",),
            note="the first packets and a slow trickle pass; larger ones than the burst never do",
            objects=(f" on {device}",),
        )

    def _place(self, cloud: "Cloud") -> tuple[str, str, str]:
        """Give the namespace, the port and the host."""
        if self.at == "vm":
            vm = places.destination(cloud, self.destination)
            return vm.port_netns, vm.port, vm.host
        places.overlay_required(cloud, self.name)
        host = cloud.host(self.host or cloud.example[0].host)
        return host.vswitch, "uplink0", host.name
