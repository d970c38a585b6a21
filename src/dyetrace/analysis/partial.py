"""What is known of the tasks so far: packets that fared alike, counted, and their path.

Partials of different packets merge in any order and any grouping with the same result.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from dyetrace.analysis.histogram import Histogram
from dyetrace.analysis.sample import Sample
from dyetrace.model.path import Path
from dyetrace.model.task import TaskId

Signature = int


@dataclass(frozen=True, slots=True)
class Alike:
    """Packets of one task that took the same way to the same end."""

    packets: int
    path: Path  # of the one that represents them
    delays: tuple[Histogram, ...]  # since the source record, one a sighting of the path
    sample: Sample

    def merged(self, other: "Alike") -> "Alike":
        """Count both; the lower start represents them, whichever came first."""
        path = min(self.path, other.path, key=lambda path: path.sightings[0].seen_ns)
        delays = tuple(
            mine.merged(theirs) for mine, theirs in zip(self.delays, other.delays, strict=True)
        )
        sample = self.sample.merged(other.sample)
        return Alike(self.packets + other.packets, path, delays, sample)


@dataclass(frozen=True, slots=True)
class Partial:
    """Packets counted by task and signature."""

    alike: Mapping[tuple[TaskId, Signature], Alike] = field(default_factory=dict)
    records: int = 0

    def merged(self, other: "Partial") -> "Partial":
        """Add the other's packets."""
        alike = dict(self.alike)
        for key, theirs in other.alike.items():
            mine = alike.get(key)
            alike[key] = mine.merged(theirs) if mine else theirs
        return Partial(alike, self.records + other.records)

    def without(self, earlier: "Partial") -> "Partial":
        """Give what has come since an earlier one of the same packets and more.

        Delays and samples stay as they are: they cannot be taken apart.
        """
        alike = {}
        for key, now in self.alike.items():
            before = earlier.alike[key].packets if key in earlier.alike else 0
            if now.packets > before:
                alike[key] = replace(now, packets=now.packets - before)
        return Partial(alike, max(self.records - earlier.records, 0))

    def of_task(self, task_id: TaskId) -> list[Alike]:
        """All of one task, the most frequent first."""
        found = [alike for (task, _), alike in self.alike.items() if task == task_id]
        return sorted(found, key=lambda alike: -alike.packets)


def merged(partials: Iterable[Partial]) -> Partial:
    """Merge any number of partials."""
    result = Partial()
    for partial in partials:
        result = result.merged(partial)
    return result
