"""What faults have in common that are nft rules on a flow's way."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from dyetrace.lab.faults import rules
from dyetrace.lab.faults.fault import Truth, Verdict
from dyetrace.lab.faults.placed import Placed
from dyetrace.lab.passage import Passage, Position

if TYPE_CHECKING:
    from dyetrace.lab.cloud import Cloud

HEAD = "type filter hook {hook} priority {priority}; policy {policy};"


def acl_code(at: Position) -> str:
    """Say whose rule a rule is: the sender's, the receiver's, or somebody's on the way."""
    if at == "source-vswitch":
        return "TX_ACL_DENY"
    return "RX_ACL_DENY" if at == "destination-vswitch" else "FORWARD_POLICY_DROP"


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleFault(Placed):
    """Rules in a table of their own at a vSwitch, a vRouter or a gateway."""

    hook: ClassVar[str] = "forward"
    priority: ClassVar[int] = 0
    policy: ClassVar[str] = "accept"
    verdict: ClassVar[Verdict] = "LOST"
    other_verdicts: ClassVar[tuple[Verdict, ...]] = ()
    code: ClassVar[str] = ""  # empty: by the place
    comment: ClassVar[str] = ""  # of the rule that drops

    at: Position = "source-vrouter"

    def inject(self, cloud: "Cloud") -> None:
        """Add the table."""
        place = self.passage(cloud)
        head = HEAD.format(hook=self.hook, priority=self.priority, policy=self.policy)
        body = "\n".join(self.rules(place, self.where(place)))
        rules.load(
            place.netns,
            f"table {self.family(place)} {self.name} {{\n{self.others(place)}\n"
            f"chain {self.hook}_filter {{\n{head}\n{body}\n}}\n}}\n",
        )

    def heal(self, cloud: "Cloud") -> None:
        """Delete it."""
        place = self.passage(cloud)
        rules.remove(place.netns, self.family(place), self.name)

    def truth(self, cloud: "Cloud") -> Truth:
        """Lost where the rules are."""
        place = self.passage(cloud)
        return Truth(
            verdict=self.verdict,
            host=place.host,
            vfd=place.role,
            code=self.code or acl_code(self.at),
            other_verdicts=self.other_verdicts,
            objects=(self.culprit(place),),
        )

    def culprit(self, place: Passage) -> str:
        """Say how the rule is known: by its comment, or where it stands."""
        if self.comment:
            return f'rule "{self.comment}"'
        return f"(nft {self.family(place)} {self.name} {self.hook}_filter "

    def rules(self, place: Passage, where: str) -> list[str]:
        """Write the chain's rules; `where` matches the flow's devices."""
        del place
        return [f'{where} {packets} counter drop comment "{self.name}"' for packets in each()]

    def others(self, place: Passage) -> str:
        """Write what stands in the table beside the chain."""
        del place
        return ""

    def family(self, place: Passage) -> str:
        """Say which of nft's families sees the packets here."""
        return "bridge" if place.is_bridged else "inet"

    def where(self, place: Passage) -> str:
        """Match the flow's devices; at a VM's vSwitch only the VM's own."""
        entry, exit_ = f'iifname "{place.entry}"', f'oifname "{place.exit}"'
        if self.hook == "prerouting":
            return entry
        if self.hook == "postrouting":
            return exit_
        is_own = {"source-vswitch": entry, "destination-vswitch": exit_}
        return is_own.get(self.at, f"{entry} {exit_}")


def each() -> list[str]:
    """Match what flows consist of, a rule each; never ARP or neighbour discovery."""
    return rules.matches("any", None)
