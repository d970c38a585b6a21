"""The embedded analyzer: works out the paths of one task's packets, in this process."""

from collections.abc import Mapping

from dyetrace.analysis.analyze import Analysis
from dyetrace.analysis.partial import Alike, Partial
from dyetrace.analyzer.sorted_records import SortedRecords
from dyetrace.model.path import Fate
from dyetrace.model.task import TaskId
from dyetrace.model.topology import Topology


class EmbeddedAnalyzer:
    """Analyses one task's records on demand, and only when there are new ones."""

    def __init__(self, *, topology: Topology, records: SortedRecords, task_id: TaskId) -> None:
        """Work for a task that is attended to."""
        self._records = records
        self._task_id = task_id
        self._analysis = Analysis(topology=topology, name_drop=records.drop_named)
        self._known: tuple[int, dict[int, int], Partial] | None = None

    def partial(self, clocks: Mapping[int, int] | None = None) -> Partial:
        """Analyse all records there are by now; clocks as in Analysis.analyze."""
        self._records.catch_up()
        version, related = self._records.version(self._task_id), dict(clocks or {})
        if self._known is None or self._known[:2] != (version, related):
            found = self._analysis.analyze(self._records.of_task(self._task_id), related)
            self._known = (version, related, found)
        return self._known[2]

    def start_anew(self) -> None:
        """Count only packets that are colored from now on."""
        self._records.start_anew(self._task_id)
        self._known = None


def settled(partial: Partial, task_id: TaskId, *, colored: int) -> bool:
    """Whether every colored packet of a task is known to have arrived or been dropped."""
    found: list[Alike] = partial.of_task(task_id)
    known = sum(alike.packets for alike in found if alike.path.fate is not Fate.VANISHED)
    return known >= colored
