"""Medians, spreads and how sure they are."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median, quantiles

RESAMPLES = 4000
SEED = 20200810  # a bench's interval must not change when nothing else does


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """A sample in a few numbers."""

    median: float
    low: float
    high: float
    spread: str  # what low and high are
    samples: int


def quartiles(values: Sequence[float]) -> Summary:
    """The median and the half of all values around it."""
    low, _, high = quantiles(values, n=4, method="inclusive")
    return Summary(
        median=median(values), low=low, high=high, spread="quartiles", samples=len(values)
    )


def extremes(values: Sequence[float]) -> Summary:
    """The median and all values; the highest of fewer than a hundred stands for the p99."""
    return Summary(
        median=median(values),
        low=min(values),
        high=max(values),
        spread="min..max",
        samples=len(values),
    )


def once(value: float) -> Summary:
    """A value that there is but one of, such as a peak."""
    return Summary(median=value, low=value, high=value, spread="only", samples=1)


def bootstrapped(values: Sequence[float]) -> Summary:
    """The median and its 95 % confidence interval (percentile bootstrap, Efron 1979)."""
    draw = random.Random(SEED)
    medians = sorted(median(draw.choices(values, k=len(values))) for _ in range(RESAMPLES))
    return Summary(
        median=median(values),
        low=medians[int(0.025 * RESAMPLES)],
        high=medians[int(0.975 * RESAMPLES)],
        spread="95 % CI",
        samples=len(values),
    )
