"""What a fault is, and what it declares to be true about itself."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

if TYPE_CHECKING:
    from dyetrace.lab.cloud import Cloud

Verdict = Literal["LOST", "PARTIAL", "DELIVERED"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What is wrong, declared by who broke it and never taken from a diagnosis."""

    verdict: Verdict
    host: str | None  # None where no host is to blame: the underlay
    vfd: str | None
    code: str
    families: tuple[int, ...] = (4, 6)
    other_verdicts: tuple[Verdict, ...] = ()  # just as true, depending on the load
    # What is at fault: one of these must be in what a diagnosis names. Empty: not compared.
    objects: tuple[str, ...] = ()
    note: str = ""


class Fault(Protocol):
    """One way to break a cloud. A frozen dataclass whose fields have defaults.

    A field left empty means the place where the cloud's example flow passes.
    """

    name: ClassVar[str]
    __dataclass_fields__: ClassVar[dict[str, Any]]

    def inject(self, cloud: "Cloud") -> None:
        """Break it."""

    def heal(self, cloud: "Cloud") -> None:
        """Make it as it was, also where `inject` got only halfway."""

    def truth(self, cloud: "Cloud") -> Truth:
        """Say what a diagnosis should find. Raises FaultNotApplicable or UnknownName."""
