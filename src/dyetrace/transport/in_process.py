"""The transport of the embedded mode: lists in memory, for one task's life."""

from collections import defaultdict
from collections.abc import Sequence

from dyetrace.transport.log import Shipment


class InProcessLog:
    """Partitions in memory."""

    def __init__(self) -> None:
        """Start empty."""
        self._partitions: dict[int, list[Shipment]] = defaultdict(list)

    def append(self, partition: int, shipment: Shipment) -> None:
        """Add a shipment."""
        self._partitions[partition].append(shipment)

    def read(self, partition: int, offset: int, limit: int) -> Sequence[Shipment]:
        """Give up to limit shipments from the offset-th on."""
        return self._partitions[partition][offset : offset + limit]
