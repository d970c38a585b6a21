"""Records that come when their packet is over: told, and never taken for another packet."""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from dyetrace.analysis.columns import I64, U64, Columns, Mask, chosen_of, ranges
from dyetrace.analysis.packets import DIGEST, HOST, SEEN, TASK, Arranged, arrange

NAMES = (DIGEST, SEEN, HOST, TASK)
"""What names a source record, and so the packet; the task is zero where it had none."""

PIECES = 16  # of the memory: what was over within one is looked up together
FILTER_BITS = 21
PROBES = (np.uint64(0), np.uint64(FILTER_BITS))  # which bits of a digest are looked up
MARK = np.uint64((1 << FILTER_BITS) - 1)

Name = tuple[int, int, int]


@dataclass(slots=True)
class Over:
    """Packets that were over at about one time: (4, p), by NAMES, sorted by digest."""

    at_ns: int
    names: U64


class Latecomers:
    """Remembers for a while which packets were over."""

    def __init__(self, *, memory_ns: int) -> None:
        """Start without a memory."""
        self._memory_ns = memory_ns
        self._over: list[Over] = []
        self._fresh: list[U64] = []
        self._marked = np.zeros(1 << FILTER_BITS, dtype=bool)
        self.repeated = 0  # source records that came again when their packet was over

    def sift(self, arranged: Arranged) -> tuple[Arranged, dict[int, int]]:
        """Leave out records of packets that were over; also tell how many, by task."""
        digest = arranged.columns[DIGEST][arranged.order[arranged.start]]
        maybe = np.flatnonzero(self._is_marked(digest))
        known = np.zeros(len(maybe), dtype=bool)
        for over in self._over if len(maybe) else ():
            known |= _are_named(over.names, digest[maybe])
        hits = maybe[known]
        if len(hits) == 0:
            return arranged, {}
        rows = arranged.order[ranges(arranged.start[hits], arranged.count[hits])]
        late, leave = self._judged(chosen_of(arranged.columns, rows))
        return arrange(np.delete(arranged.columns, rows[leave], axis=1)), late

    def remember(self, arranged: Arranged) -> None:
        """Remember that these packets, with or without a source record, are over."""
        named = np.flatnonzero(arranged.task)
        sourceless = arranged.start[arranged.sources == 0]
        rows = arranged.order[np.concatenate([named, sourceless])]
        self._fresh.append(np.stack([arranged.columns[word][rows] for word in NAMES]))

    def advance(self, at_ns: int) -> None:
        """What was remembered since the last time was over now; forget what is long over."""
        names = [fresh for fresh in self._fresh if fresh.shape[1]]
        self._fresh = []
        if names:
            for each in names:
                self._mark(each[0])
            width = max(self._memory_ns // PIECES, 1)
            if self._over and self._over[-1].at_ns // width == at_ns // width:
                names.append(self._over.pop().names)
            together = np.concatenate(names, axis=1)
            self._over.append(Over(at_ns, chosen_of(together, np.argsort(together[0]))))
        if self._over and self._over[0].at_ns + self._memory_ns < at_ns:
            self._over = [over for over in self._over if over.at_ns + self._memory_ns >= at_ns]
            self._mark_again()

    def memory(self) -> list[tuple[int, U64]]:
        """Give all that is remembered: what latecomers are told by after a restart."""
        return [(over.at_ns, over.names) for over in self._over]

    def restore(self, memory: list[tuple[int, U64]]) -> None:
        """Remember what was remembered elsewhere."""
        self._over = [Over(at_ns, names) for at_ns, names in memory]
        self._mark_again()

    def _is_marked(self, digest: U64) -> Mask:
        found: Mask = self._marked[digest & MARK]
        for probe in PROBES[1:]:
            found &= self._marked[(digest >> probe) & MARK]
        return found

    def _mark(self, digest: U64) -> None:
        for probe in PROBES:
            self._marked[(digest >> probe) & MARK] = True

    def _mark_again(self) -> None:
        self._marked[:] = False
        for over in self._over:
            self._mark(over.names[0])

    def _judged(self, records: Columns) -> tuple[dict[int, int], I64]:
        """Of records whose digest is known: which to leave out, and how many late by task."""
        known = self._known(records[DIGEST])
        digests, tasks = records[DIGEST].tolist(), records[TASK].tolist()
        names = list(zip(records[SEEN].tolist(), records[HOST].tolist(), tasks, strict=True))
        late: dict[int, int] = defaultdict(int)
        leave, fresh = [], set()
        for row, (digest, task) in enumerate(zip(digests, tasks, strict=True)):
            if not task:
                continue
            if names[row] in known[digest]:
                self.repeated += 1
                leave.append(row)
            elif any(before for _, _, before in known[digest]):
                fresh.add(digest)  # another packet of the same content
            else:
                late[task] += 1
                leave.append(row)
        for row, (digest, task) in enumerate(zip(digests, tasks, strict=True)):
            if not task and digest not in fresh:
                leave.append(row)
                for before in {before for _, _, before in known[digest] if before}:
                    late[before] += 1
        return dict(late), np.array(leave, dtype=np.int64)

    def _known(self, digests: U64) -> dict[int, set[Name]]:
        known: dict[int, set[Name]] = defaultdict(set)
        for over in self._over:
            for digest, seen, host, task in _among(over.names, digests).T.tolist():
                known[digest].add((seen, host, task))
        return known


def _are_named(names: U64, digests: U64) -> Mask:
    """Say which digests the names, sorted by digest, have."""
    first = np.searchsorted(names[0], digests, side="left")
    last = np.searchsorted(names[0], digests, side="right")
    return first < last


def _among(names: U64, digests: U64) -> U64:
    """Those of the names, sorted by digest, that are of one of the digests."""
    wanted = np.unique(digests)
    first = np.searchsorted(names[0], wanted, side="left")
    last = np.searchsorted(names[0], wanted, side="right")
    found: U64 = names[:, ranges(first, last - first)]
    return found
