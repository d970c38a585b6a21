"""The clock that an agent tells: its host's monotonic one, shifted where a test wants that.

All hosts of the lab are one machine, so their clocks agree to the nanosecond; those of
real hosts do not agree at all.
"""

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Self

from dyetrace.datapath.driver import Batch
from dyetrace.errors import InvalidRequest
from dyetrace.model.inspection import Inspection

VARIABLE = "DYETRACE_AGENT_CLOCK_OFFSET_S"
SECOND_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class ToldClock:
    """What controllers are told of the time here; leases and limits run by the true clock."""

    offset_ns: int = 0

    @classmethod
    def from_environment(cls) -> Self:
        """Read the offset that a test has set; raises InvalidRequest."""
        text = os.environ.get(VARIABLE, "0")
        try:
            return cls(round(float(text) * SECOND_NS))
        except (ValueError, OverflowError) as error:
            raise InvalidRequest(f"{VARIABLE}={text}: give a number of seconds") from error

    def now_ns(self) -> int:
        """Tell the time."""
        return time.monotonic_ns() + self.offset_ns

    def batch(self, batch: Batch) -> Batch:
        """Tell when records were seen."""
        if not self.offset_ns:
            return batch
        records = batch.records.copy()
        records["seen_ns"] += self.offset_ns
        return replace(batch, records=records)

    def inspections(self, taken: Iterable[Inspection]) -> tuple[Inspection, ...]:
        """Tell when inspections were taken."""
        return tuple(
            replace(
                each,
                seen_ns=each.seen_ns + self.offset_ns,
                taken_ns=each.taken_ns + self.offset_ns,
            )
            for each in taken
        )
