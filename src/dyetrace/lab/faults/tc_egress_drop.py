"""A tc filter at a device drops what is about to leave by it."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from dyetrace.lab.faults.dropping_filter import DroppingFilter


@dataclass(frozen=True, slots=True, kw_only=True)
class TcEgressDrop(DroppingFilter):
    """A tc filter at a device drops what is about to leave by it."""

    name: ClassVar[str] = "tc_egress_drop"
    hook: ClassVar[Literal["ingress", "egress"]] = "egress"
