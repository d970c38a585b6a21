"""Delays, counted in buckets."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from dyetrace.analysis.columns import I64, U64

SUB_BUCKETS = 64  # per power of two: percentiles are right to 1.6 %
BUCKET_BITS = 16  # more than any bucket's number has
EXACT_BITS = 7  # values up to this long have a bucket each
FRACTION_BITS, BIAS = 52, 1022  # of a double (IEEE 754): its exponent is that of 0.5 <= x < 1


@dataclass(frozen=True, slots=True)
class Histogram:
    """Delays in ns, in buckets whose width grows with the value; exact extremes."""

    counts: Mapping[int, int] = field(default_factory=dict)
    max: int = 0

    @classmethod
    def of(cls, values: I64) -> "Histogram":
        """Count values, shape (n,); negative ones (clocks) count as 0."""
        values = np.maximum(values, 0)
        buckets, counts = np.unique(bucket_of(values), return_counts=True)
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


def bucket_of(values: I64) -> U64:
    """Number the buckets of values that are not negative; fewer than 2 ** BUCKET_BITS."""
    exponent = (values.astype(np.float64).view(np.int64) >> FRACTION_BITS) - (BIAS + EXACT_BITS)
    np.maximum(exponent, 0, out=exponent)
    buckets = exponent * SUB_BUCKETS
    buckets += values >> exponent
    return buckets.view(np.uint64)


def _middle(bucket: int) -> int:
    shift = max(bucket // SUB_BUCKETS - 1, 0)
    rest = bucket - shift * SUB_BUCKETS
    return (rest << shift) + ((1 << shift) >> 1)
