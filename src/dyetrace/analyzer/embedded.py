"""The embedded analyzer: reads one partition in-process, answers when asked."""

from collections.abc import Mapping

import numpy as np

from dyetrace.analysis.analyze import Analysis
from dyetrace.analysis.partial import Alike, Partial
from dyetrace.model.path import Fate
from dyetrace.model.record import RECORD, Record, RecordArray
from dyetrace.model.task import TaskId
from dyetrace.model.topology import Topology
from dyetrace.transport.log import RecordLog
from dyetrace.wire import blobs

READ_AT_ONCE = 1000
UNKNOWN_REASON = "NOT_SPECIFIED"


class EmbeddedAnalyzer:
    """Collects one task's records and works out their packets' paths on demand."""

    def __init__(self, *, topology: Topology, log: RecordLog, partition: int = 0) -> None:
        """Attach to the record log, from its beginning."""
        self._log = log
        self._partition = partition
        self._offset = 0
        self._batches: list[RecordArray] = []
        self._names: dict[tuple[int, int], str] = {}
        self._symbols: dict[tuple[int, int], str] = {}
        self._analysis = Analysis(topology=topology, name_drop=self._name_drop)
        self.unreadable_blobs = 0

    def catch_up(self) -> int:
        """Read what has been appended; returns the number of records."""
        taken = 0
        while shipments := self._log.read(self._partition, self._offset, READ_AT_ONCE):
            self._offset += len(shipments)
            for shipment in shipments:
                for number, name in shipment.drop_names.items():
                    self._names[shipment.host, number] = name
                for address, name in shipment.symbols.items():
                    self._symbols[shipment.host, address] = name
                try:
                    batch = blobs.unpack(shipment.blob)
                except blobs.BadBlob:
                    self.unreadable_blobs += 1
                    continue
                self._batches.append(batch)
                taken += len(batch)
        return taken

    def partial(self, clocks: Mapping[int, int] | None = None) -> Partial:
        """Analyse all records there are; clocks as in Analysis.analyze."""
        if len(self._batches) > 1:
            self._batches = [np.concatenate(self._batches)]
        records = self._batches[0] if self._batches else np.zeros(0, dtype=RECORD)
        return self._analysis.analyze(records, clocks)

    def _name_drop(self, record: Record) -> tuple[str, str]:
        return (
            self._names.get((record.host, record.drop_reason), UNKNOWN_REASON),
            self._symbols.get((record.host, record.call_site), ""),
        )


def settled(partial: Partial, task_id: TaskId, *, colored: int) -> bool:
    """Whether every colored packet of a task is known to have arrived or been dropped."""
    found: list[Alike] = partial.of_task(task_id)
    known = sum(alike.packets for alike in found if alike.path.fate is not Fate.VANISHED)
    return known >= colored
