"""A rule at a VM's port drops a share of its packets, chosen at random."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from dyetrace.lab.faults import places, rules
from dyetrace.lab.faults.fault import Truth

if TYPE_CHECKING:
    from dyetrace.lab.cloud import Cloud
    from dyetrace.lab.ends import Vm


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomLoss:
    """A rule at a VM's port drops a share of its packets, chosen at random."""

    name: ClassVar[str] = "random_loss"

    direction: Literal["rx", "tx"] = "rx"
    vm: str = ""
    percent: int = 30

    def inject(self, cloud: "Cloud") -> None:
        """Add the rule to the vSwitch."""
        vm = self._vm(cloud)
        where = f'{"oifname" if self.direction == "rx" else "iifname"} "{vm.port}"'
        chance = f"numgen random mod 100 < {self.percent}"
        rules.install(
            vm.port_netns,
            "bridge",
            self._table,
            hook="forward",
            rules=[
                f'{where} {packets} {chance} counter drop comment "{self.percent} % loss"'
                for packets in rules.matches("any", None)
            ],
        )

    def heal(self, cloud: "Cloud") -> None:
        """Delete the rule."""
        rules.remove(self._vm(cloud).port_netns, "bridge", self._table)

    def truth(self, cloud: "Cloud") -> Truth:
        """Partly lost at the VM's vSwitch."""
        return Truth(
            verdict="PARTIAL",
            host=self._vm(cloud).host,
            vfd="vswitch",
            code="RX_ACL_DENY" if self.direction == "rx" else "TX_ACL_DENY",
            other_verdicts=("LOST", "DELIVERED"),
            note="a few packets may all be lost, or all pass, by chance",
            objects=(f'rule "{self.percent} % loss"',),
        )

    def _vm(self, cloud: "Cloud") -> "Vm":
        find = places.destination if self.direction == "rx" else places.source
        return find(cloud, self.vm)

    @property
    def _table(self) -> str:
        return rules.table_name(self.name, self.direction, self.vm)
