"""A security rule at a VM's port drops its packets."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from dyetrace.lab.faults import places, rules
from dyetrace.lab.faults.fault import Truth

if TYPE_CHECKING:
    from dyetrace.lab.cloud import Cloud
    from dyetrace.lab.ends import Vm


@dataclass(frozen=True, slots=True, kw_only=True)
class AclDeny:
    """A security rule at a VM's port drops its packets (rx: to the VM, tx: from it)."""

    name: ClassVar[str] = "acl_deny"

    direction: Literal["rx", "tx"] = "rx"
    vm: str = ""
    protocol: Literal["any", "udp", "tcp", "icmp"] = "any"
    port: int | None = None

    def inject(self, cloud: "Cloud") -> None:
        """Add the rule to the vSwitch."""
        vm = self._vm(cloud)
        where = f'{"oifname" if self.direction == "rx" else "iifname"} "{vm.port}"'
        comment = self._comment(cloud)
        rules.install(
            vm.port_netns,
            "bridge",
            self._table,
            hook="forward",
            rules=[
                f'{where} {packets} counter drop comment "{comment}"'
                for packets in rules.matches(self.protocol, self.port)
            ],
        )

    def heal(self, cloud: "Cloud") -> None:
        """Delete the rule."""
        rules.remove(self._vm(cloud).port_netns, "bridge", self._table)

    def truth(self, cloud: "Cloud") -> Truth:
        """Lost at the VM's vSwitch."""
        return Truth(
            verdict="LOST",
            host=self._vm(cloud).host,
            vfd="vswitch",
            code="RX_ACL_DENY" if self.direction == "rx" else "TX_ACL_DENY",
            objects=(f'rule "{self._comment(cloud)}"',),
        )

    def _comment(self, cloud: "Cloud") -> str:
        way = "to" if self.direction == "rx" else "from"
        port = f"/{self.port}" if self.port else ""
        return f"deny {self.protocol}{port} {way} {self._vm(cloud).id}"

    def _vm(self, cloud: "Cloud") -> "Vm":
        find = places.destination if self.direction == "rx" else places.source
        return find(cloud, self.vm)

    @property
    def _table(self) -> str:
        return rules.table_name(self.name, self.direction, self.vm, self.protocol, self.port)
