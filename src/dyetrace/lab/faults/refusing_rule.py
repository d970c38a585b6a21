"""A policy rule that refuses packets to a receiver: the kinds differ in one word."""

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from dyetrace.lab import commands
from dyetrace.lab.errors import CommandFailed
from dyetrace.lab.faults.fault import Truth
from dyetrace.lab.faults.placed import Placed
from dyetrace.lab.passage import Position

if TYPE_CHECKING:
    from dyetrace.lab.cloud import Cloud


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusingRule(Placed):
    """A policy rule refuses packets to a receiver."""

    kind: ClassVar[str]  # what `ip rule` calls it

    at: Position = "source-vrouter"

    def inject(self, cloud: "Cloud") -> None:
        """Add the rules."""
        place = self.routed_passage(cloud)
        v4, v6 = place.addresses
        for family, prefix in (("-4", f"{v4}/32"), ("-6", f"{v6}/128")):
            rule = f"rule add priority 77 to {prefix} {self.kind}"
            commands.run(("ip", family, "-netns", place.netns, *rule.split()))

    def heal(self, cloud: "Cloud") -> None:
        """Delete them."""
        place = self.routed_passage(cloud)
        for family in ("-4", "-6"):
            with contextlib.suppress(CommandFailed):
                commands.run(
                    ("ip", family, "-netns", place.netns, "rule", "delete", "priority", "77")
                )

    def truth(self, cloud: "Cloud") -> Truth:
        """Lost where the rules are."""
        place = self.routed_passage(cloud)
        return Truth(
            verdict="LOST",
            host=place.host,
            vfd=place.role,
            code="POLICY_RULE_BLOCKS",
            objects=("ip rule 77:",),
        )
