"""The embedded analyzer: works out the paths of one task's packets, in this process."""

from collections import Counter
from collections.abc import Mapping

from dyetrace.analysis.analyze import Analysis
from dyetrace.analysis.partial import Partial
from dyetrace.analyzer.sorted_records import SortedRecords
from dyetrace.model.task import TaskId
from dyetrace.model.topology import Topology
from dyetrace.wire.messages import Written


class EmbeddedAnalyzer:
    """Analyses one task's records on demand, and only when there are new ones."""

    def __init__(self, *, topology: Topology, records: SortedRecords, task_id: TaskId) -> None:
        """Work for a task that is attended to."""
        self._records = records
        self._task_id = task_id
        self._analysis = Analysis(topology=topology, name_drop=records.drop_named)
        self._known: tuple[int, dict[int, int], Partial] | None = None
        self._lost_before = Counter[int]()

    async def begin(self) -> None:
        """Count losses from now on."""
        self._lost_before = Counter(self._records.lost)

    async def catch_up(self, written: Mapping[int, Written]) -> None:
        """What agents have sent is here."""

    async def partial(self, clocks: Mapping[int, int]) -> Partial:
        """Analyse all records there are by now; clocks as in Analysis.analyze."""
        self._records.catch_up()
        version, related = self._records.version(self._task_id), dict(clocks)
        if self._known is None or self._known[:2] != (version, related):
            found = self._analysis.analyze(self._records.of_task(self._task_id), related)
            self._known = (version, related, found)
        return self._known[2]

    def know(self, topology: Topology) -> None:
        """Go by a topology that has more hosts."""
        self._analysis = Analysis(topology=topology, name_drop=self._records.drop_named)
        self._known = None

    async def start_anew(self) -> None:
        """Count only packets that are colored from now on."""
        self._records.start_anew(self._task_id)
        self._known = None

    def lost(self) -> Mapping[int, int]:
        """Count the records that could not be kept or read, by host."""
        return self._records.lost - self._lost_before
