"""What is known of the tasks so far: packets that fared alike, counted.

Partials of different packets merge in any order and any grouping with the
same result, so records can be analysed wherever and whenever they arrive.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from dyetrace.analysis.columns import I64
from dyetrace.analysis.sample import Sample
from dyetrace.model.path import Path
from dyetrace.model.task import TaskId

Signature = int

SUB_BUCKETS = 64  # per power of two: percentiles are right to 1.6 %


@dataclass(frozen=True, slots=True)
class Histogram:
    """Delays in ns, in buckets whose width grows with the value; exact extremes."""

    counts: Mapping[int, int] = field(default_factory=dict)
    max: int = 0

    @classmethod
    def of(cls, values: I64) -> "Histogram":
        """Count values, shape (n,); negative ones (clocks) count as 0."""
        values = np.maximum(values, 0)
        buckets, counts = np.unique(_bucket(values), return_counts=True)
        return cls(
            dict(zip(buckets.tolist(), counts.tolist(), strict=True)),
            int(values.max(initial=0)),
        )

    def merged(self, other: "Histogram") -> "Histogram":
        """Add the other's counts."""
        counts = dict(self.counts)
        for bucket, count in other.counts.items():
            counts[bucket] = counts.get(bucket, 0) + count
        return Histogram(counts, max(self.max, other.max))

    def quantile(self, share: float) -> int:
        """Give the value below which this share of all lies, in ns."""
        total = sum(self.counts.values())
        rank, passed = share * total, 0
        for bucket in sorted(self.counts):
            passed += self.counts[bucket]
            if passed >= rank:
                return min(_middle(bucket), self.max)
        return self.max


def _bucket(values: I64) -> I64:
    exponent = np.frexp(np.maximum(values, 1).astype(np.float64))[1].astype(np.int64)
    shift = np.maximum(exponent - 7, 0)
    bucket: I64 = shift * SUB_BUCKETS + (values >> shift)
    return bucket


def _middle(bucket: int) -> int:
    shift = max(bucket // SUB_BUCKETS - 1, 0)
    rest = bucket - shift * SUB_BUCKETS
    return (rest << shift) + ((1 << shift) >> 1)


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
