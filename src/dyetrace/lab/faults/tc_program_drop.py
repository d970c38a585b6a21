"""An eBPF program at a device's tc hook drops packets."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from dyetrace.lab import commands, programs
from dyetrace.lab.faults.fault import Truth
from dyetrace.lab.faults.placed import Placed
from dyetrace.lab.passage import Position

if TYPE_CHECKING:
    from dyetrace.lab.cloud import Cloud

PROGRAM = "lab_policy"
EGRESS = 0xFFFFFFF3


@dataclass(frozen=True, slots=True, kw_only=True)
class TcProgramDrop(Placed):
    """An eBPF program at a device's tc hook drops what is about to leave by it."""

    name: ClassVar[str] = "tc_program_drop"

    at: Position = "source-vrouter"

    def inject(self, cloud: "Cloud") -> None:
        """Attach the program."""
        place = self.passage(cloud)
        commands.tc(place.netns, [f"qdisc replace dev {place.exit} clsact"])
        program = programs.load(programs.TC, PROGRAM, programs.drop_all(programs.TC_SHOT))
        programs.attach_tc(place.netns, place.exit, program, name=PROGRAM, parent=EGRESS)

    def heal(self, cloud: "Cloud") -> None:
        """Take it off."""
        place = self.passage(cloud)
        commands.tc(place.netns, [f"qdisc delete dev {place.exit} clsact"], tolerant=True)

    def truth(self, cloud: "Cloud") -> Truth:
        """Lost where the program is."""
        place = self.passage(cloud)
        return Truth(
            verdict="LOST",
            host=place.host,
            vfd=place.role,
            code="TC_DROP",
            objects=(f"tc egress program {PROGRAM} ",),
        )
