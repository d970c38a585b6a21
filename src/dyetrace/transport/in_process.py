"""The transport of the embedded mode: lists in memory."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from dyetrace.transport.log import Shipment


@dataclass(slots=True)
class _Partition:
    forgotten: int = 0
    kept: list[Shipment] = field(default_factory=list)


class InProcessLog:
    """Partitions in memory."""

    def __init__(self) -> None:
        """Start empty."""
        self._partitions: dict[int, _Partition] = defaultdict(_Partition)

    def append(self, partition: int, shipment: Shipment) -> None:
        """Add a shipment."""
        self._partitions[partition].kept.append(shipment)

    def read(self, partition: int, offset: int, limit: int) -> Sequence[Shipment]:
        """Give up to limit shipments from the offset-th on."""
        found = self._partitions[partition]
        first = max(offset - found.forgotten, 0)
        return found.kept[first : first + limit]

    def forget(self, partition: int, offset: int) -> None:
        """Let go of all before the offset-th."""
        found = self._partitions[partition]
        passed = min(max(offset - found.forgotten, 0), len(found.kept))
        del found.kept[:passed]
        found.forgotten += passed
