"""A rule of iptables-nft drops packets."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from dyetrace.lab.faults import rules
from dyetrace.lab.faults.iptables_fault import IptablesFault

if TYPE_CHECKING:
    from dyetrace.lab.cloud import Cloud


@dataclass(frozen=True, slots=True, kw_only=True)
class IptablesDrop(IptablesFault):
    """A rule of iptables-nft drops packets."""

    name: ClassVar[str] = "iptables_drop"
    variant: ClassVar[str] = "nft"
    # Its comment is iptables' own, which nft does not show.
    objects: ClassVar[tuple[str, ...]] = (
        "(nft ip filter FORWARD handle ",
        "(nft ip6 filter FORWARD handle ",
    )

    def heal(self, cloud: "Cloud") -> None:
        """Delete the tables that were made for the rules."""
        netns = self.routed_passage(cloud).netns
        for family in ("ip", "ip6"):
            rules.remove(netns, family, "filter")
