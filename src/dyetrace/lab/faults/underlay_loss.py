"""The underlay loses what one host sends to another."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from dyetrace.lab.faults import places, rules
from dyetrace.lab.faults.fault import Truth

if TYPE_CHECKING:
    from dyetrace.lab.cloud import Cloud


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderlayLoss:
    """The fabric drops what host `source` sends to host `destination`, one way only."""

    name: ClassVar[str] = "underlay_loss"

    source: str = ""
    destination: str = ""

    def inject(self, cloud: "Cloud") -> None:
        """Add the rule to the fabric."""
        source, destination = self._hosts(cloud)
        rules.install(
            cloud.fabric,
            "ip",
            self._table,
            hook="forward",
            rules=[f'iifname "to-{source}" oifname "to-{destination}" drop comment "dark fibre"'],
        )

    def heal(self, cloud: "Cloud") -> None:
        """Delete it."""
        rules.remove(cloud.fabric, "ip", self._table)

    def truth(self, cloud: "Cloud") -> Truth:
        """Lost between the hosts, where nobody looks."""
        places.overlay_required(cloud, self.name)
        source, destination = self._hosts(cloud)
        return Truth(
            verdict="LOST",
            host=None,
            vfd=None,
            code="UNDERLAY_LOSS",
            note=f"last seen leaving {source} for {destination}",
            objects=(f"{source} to {destination}",),
        )

    def _hosts(self, cloud: "Cloud") -> tuple[str, str]:
        first, last = cloud.example
        return (
            cloud.host(self.source or first.host).name,
            cloud.host(self.destination or last.host).name,
        )

    @property
    def _table(self) -> str:
        return rules.table_name(self.name, self.source, self.destination)
