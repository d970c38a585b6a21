"""All that was counted, so that nothing that is added or asked for costs a look at all of it."""

from collections.abc import Collection

import numpy as np

from dyetrace.analysis.merging import merged
from dyetrace.analysis.ordered import of_tasks, ordered, without
from dyetrace.analysis.tally import Tally, nothing
from dyetrace.model.task import TaskId

MOST_ALIKE = 8  # tallies of about one size; so many are merged
SMALL = 1024  # rows: smaller ones are of about one size


class Counts:
    """Ordered tallies of few sizes: a row is merged few times, and there are few to look into."""

    def __init__(self, tally: Tally | None = None) -> None:
        """Start with what was counted before."""
        self._levels = [ordered(tally or nothing())]

    @property
    def uncounted(self) -> int:
        """How many records are open or cover others."""
        return sum(int(each.open.shape[1] + each.covering.shape[1]) for each in self._levels)

    def add(self, tally: Tally) -> None:
        """Add a tally of other packets."""
        levels = [*self._levels, ordered(tally)]
        while (alike := _alike(levels)) >= MOST_ALIKE:
            levels[-alike:] = [merged(levels[-alike:])]
        self._levels = levels

    def whole(self) -> Tally:
        """Give all of it."""
        if len(self._levels) > 1:
            self._levels = [merged(self._levels)]
        return self._levels[0]

    def of_tasks(self, tasks: Collection[TaskId]) -> Tally:
        """Give what was counted of these tasks, and what is open or covering of all."""
        wanted = np.array(sorted(tasks), dtype=np.uint64)
        return merged([of_tasks(each, wanted) for each in self._levels])

    def forget(self, tasks: Collection[TaskId]) -> None:
        """Leave out what is of these tasks only."""
        self._levels = [without(each, tasks) for each in self._levels]


def _alike(levels: list[Tally]) -> int:
    """Count the last ones that are hardly larger than the very last one."""
    most = max(2 * levels[-1].size, SMALL)
    larger = (number for number, each in enumerate(reversed(levels)) if each.size > most)
    return next(larger, len(levels))
