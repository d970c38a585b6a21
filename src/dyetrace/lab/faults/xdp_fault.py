"""What faults have in common that are XDP programs in front of a device."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from dyetrace.lab import commands, programs
from dyetrace.lab.faults.fault import Truth
from dyetrace.lab.faults.placed import Placed
from dyetrace.lab.passage import Position

if TYPE_CHECKING:
    from dyetrace.lab.cloud import Cloud

PROGRAM = "lab_guard"


@dataclass(frozen=True, slots=True, kw_only=True)
class XdpFault(Placed):
    """An XDP program drops what comes in by a VFD's device; in the underlay, by an uplink."""

    mode: ClassVar[str]  # as `ip link set dev DEVICE MODE off` has it
    flags: ClassVar[int]  # XDP_FLAGS_*

    at: Position = "source-vrouter"

    def inject(self, cloud: "Cloud") -> None:
        """Attach the program."""
        netns, device, _, _ = self._place(cloud)
        program = programs.load(programs.XDP, PROGRAM, programs.drop_but_arp())
        programs.attach_xdp(netns, device, program, flags=self.flags)

    def heal(self, cloud: "Cloud") -> None:
        """Take it off."""
        netns, device, _, _ = self._place(cloud)
        commands.ip(netns, [f"link set dev {device} {self.mode} off"])

    def truth(self, cloud: "Cloud") -> Truth:
        """Lost where the program is."""
        _, device, host, vfd = self._place(cloud)
        return Truth(
            verdict="LOST",
            host=host,
            vfd=vfd,
            code="XDP_DROP",
            objects=(f"program {PROGRAM} ",),
            note=f"at {device}",
        )

    def _place(self, cloud: "Cloud") -> tuple[str, str, str, str]:
        """Give the namespace, the device, the host and the VFD."""
        if self.at == "underlay":
            host = cloud.host(self.leg(cloud).target)
            return host.vswitch, "uplink0", host.name, "vswitch"
        place = self.passage(cloud)
        return place.netns, place.entry, place.host, place.role
