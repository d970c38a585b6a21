"""What faults have in common that are rules of iptables."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from dyetrace.lab import commands
from dyetrace.lab.errors import CommandFailed
from dyetrace.lab.faults.fault import Truth
from dyetrace.lab.faults.placed import Placed
from dyetrace.lab.passage import Position

if TYPE_CHECKING:
    from dyetrace.lab.cloud import Cloud

NOT_THERE = "does a matching rule exist"


@dataclass(frozen=True, slots=True, kw_only=True)
class IptablesFault(Placed):
    """A rule of iptables drops packets to a receiver on their way through a router."""

    variant: ClassVar[str]  # of iptables: nft or legacy
    objects: ClassVar[tuple[str, ...]]  # how the rule can be known

    at: Position = "source-vrouter"

    def inject(self, cloud: "Cloud") -> None:
        """Add the rules."""
        self._tell(cloud, "-I")

    def heal(self, cloud: "Cloud") -> None:
        """Delete them."""
        try:
            self._tell(cloud, "-D")
        except CommandFailed as error:
            if NOT_THERE not in error.output:
                raise

    def truth(self, cloud: "Cloud") -> Truth:
        """Lost where the rules are."""
        place = self.routed_passage(cloud)
        return Truth(
            verdict="LOST",
            host=place.host,
            vfd=place.role,
            code="FORWARD_POLICY_DROP",
            objects=self.objects,
        )

    def _tell(self, cloud: "Cloud", verb: str) -> None:
        place = self.routed_passage(cloud)
        for program, address in zip(("iptables", "ip6tables"), place.addresses, strict=True):
            rule = f"FORWARD -d {address} -m comment --comment {self.name} -j DROP"
            commands.run(
                (
                    *("ip", "netns", "exec", place.netns, f"{program}-{self.variant}"),
                    *("-w", verb, *rule.split()),
                )
            )
