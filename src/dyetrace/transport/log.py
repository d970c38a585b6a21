"""The seam: what every transport of records can do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipment:
    """One blob of records as an agent sent it, with the names it needs to be read."""

    host: int  # Host.number
    blob: bytes
    records: int = 0  # how many its sender put in
    drop_names: Mapping[int, str] = field(default_factory=dict)
    symbols: Mapping[int, str] = field(default_factory=dict)


class RecordLog(Protocol):
    """Shipments in partitions, each in the order they were appended."""

    def append(self, partition: int, shipment: Shipment) -> None:
        """Add a shipment; it is kept once this returns."""

    def read(self, partition: int, offset: int, limit: int) -> Sequence[Shipment]:
        """Give up to limit shipments of a partition, from the offset-th on."""

    def forget(self, partition: int, offset: int) -> None:
        """Let go of all shipments before the offset-th: nobody reads them any more."""
