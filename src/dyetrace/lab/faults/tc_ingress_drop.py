"""A tc filter at a device drops what comes in by it."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from dyetrace.lab.faults.dropping_filter import DroppingFilter


@dataclass(frozen=True, slots=True, kw_only=True)
class TcIngressDrop(DroppingFilter):
    """A tc filter at a device drops what comes in by it."""

    name: ClassVar[str] = "tc_ingress_drop"
    hook: ClassVar[Literal["ingress", "egress"]] = "ingress"
