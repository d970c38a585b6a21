"""An analyzer's share of the log: one partition, of all regions. The same in every engine."""

from collections.abc import Iterator, Mapping

import numpy as np

from dyetrace.analysis.columns import U64, Columns, field_of
from dyetrace.analysis.counting import Clocks
from dyetrace.analysis.merging import merged
from dyetrace.analysis.ordered import by_task
from dyetrace.analysis.partition import Bounds, Partition
from dyetrace.analysis.tally import DIGEST, Tally
from dyetrace.model.record import Point
from dyetrace.transport.ledger import Account, Ledger
from dyetrace.wire.parcels import Header, Parcel
from dyetrace.wire.progress import Progress
from dyetrace.wire.tallies import Kept, Names, Piece, pack_kept, unpack_kept

KEEP_NS = 3600 * 1_000_000_000  # of log's time: longer than any task takes
PREVIEWED = 50_000  # records: where more are held, there is no time to look ahead


class Share:
    """Takes parcels in the log's order, gives pieces; no I/O, no clock."""

    def __init__(
        self, partition: int, *, bounds: Bounds | None = None, kept: bytes | None = None
    ) -> None:
        """Start at the log's beginning, or from what was kept; raises BadTally."""
        self.partition = partition
        self.offsets: dict[str, int] = {}
        self._ledgers: dict[str, Ledger] = {}
        self._drop_names: dict[tuple[int, int], str] = {}
        self._symbols: dict[tuple[int, int], str] = {}
        self._unsettled: set[int] = set()  # tasks that were told so
        self._untold: set[int] = set()  # of these, those whose held packets may not have been told
        self._came: list[U64] = []  # digests, since pieces were told
        self._watermark_ns = 0
        found = unpack_kept(kept) if kept else None
        self._records = Partition(bounds, found.state if found else None)
        if found is not None:
            self._restore(found)

    def begin(self, region: str, *, offset: int) -> None:
        """Begin in the midst of a region's log: what was before is gone, and not missed."""
        self.offsets[region] = offset
        self._ledgers[region] = Ledger(is_whole=False)

    def take(self, region: str, *, offset: int, taken_ns: int, parcel: Parcel) -> None:
        """Take the next parcel of a region; one that was taken before changes nothing."""
        if offset <= self.offsets.get(region, 0):
            return
        self.offsets[region] = offset
        header = parcel.header
        ledger = self._ledgers.setdefault(region, Ledger())
        self._learn(header)
        if ledger.enter(header, taken_ns):
            self._records.take(parcel.columns, taken_ns)
            self._came.append(parcel.columns[DIGEST].copy())

    def skip(self, region: str, offset: int) -> None:
        """Pass over what could not be read."""
        self.offsets[region] = max(offset, self.offsets.get(region, 0))

    def advance(self, watermark_ns: int, clocks: Clocks | None = None) -> None:
        """Count what is over by the log's time."""
        self._watermark_ns = max(self._watermark_ns, watermark_ns)
        self._records.advance(self._watermark_ns, clocks)
        long_ago = self._watermark_ns - KEEP_NS
        self._records.forget(long_ago)
        for ledger in self._ledgers.values():
            ledger.forget(long_ago)

    def pieces(self, clocks: Clocks | None = None) -> Iterator[Piece]:
        """Tell what is new of each task, with packets that are not yet over where these are few."""
        changed = self._records.changed()
        stirred = self._stirred()
        held = self._records.held_tasks() if self._records.held else set()
        held -= {0} - self._unsettled - stirred
        is_previewed = self._records.held <= PREVIEWED
        wanted = changed | (held ^ self._unsettled)
        if is_previewed:
            wanted |= held & (self._untold | stirred)
        tally = self._records.of_tasks(wanted)
        if held and wanted and is_previewed:
            tally = merged([tally, self._records.held_tally(clocks)])
        found = dict(by_task(tally, wanted))
        if 0 in found and not found[0].open.shape[1] + found[0].covering.shape[1]:
            held.discard(0)
        for task in sorted(wanted):
            is_settled = task not in held
            yield self._piece(
                task, found[task], is_settled=is_settled, is_whole=is_settled or is_previewed
            )
        self._unsettled, self._untold = held, set() if is_previewed else held
        self._came.clear()

    def _stirred(self) -> set[int]:
        """Of which held tasks something came since pieces were told."""
        return self._records.held_tasks(np.concatenate(self._came)) if self._came else set()

    def progress(self, partitions: int) -> Progress:
        """Say how far this is, and what is missing; partitions: that the log has."""
        lost: dict[int, int] = {}
        for ledger in self._ledgers.values():
            for host, records in ledger.lost().items():
                lost[host] = lost.get(host, 0) + records
        return Progress(
            partition=self.partition,
            partitions=partitions,
            revision=self._watermark_ns,
            offsets=dict(self.offsets),
            lost=lost,
            waits_s=self._records.waits_s,
        )

    def kept(self) -> bytes:
        """Write all that another one needs to go on from here."""
        return pack_kept(
            Kept(
                offsets=self.offsets,
                state=self._records.state(),
                accounts={
                    region: [
                        (*sender, account.following, account.missing, account.touched_ns)
                        for sender, account in ledger.accounts.items()
                    ]
                    for region, ledger in self._ledgers.items()
                },
                midway=[region for region, each in self._ledgers.items() if not each.is_whole],
                unsettled=sorted(self._unsettled),
                drop_names=self._drop_names,
                symbols=self._symbols,
            )
        )

    def _restore(self, kept: Kept) -> None:
        self.offsets, self._unsettled = dict(kept.offsets), set(kept.unsettled)
        self._untold = set(kept.unsettled)
        self._drop_names, self._symbols = dict(kept.drop_names), dict(kept.symbols)
        for region, accounts in kept.accounts.items():
            ledger = self._ledgers[region] = Ledger(is_whole=region not in kept.midway)
            for host, session, following, missing, touched_ns in accounts:
                spans = [(first, last) for first, last in missing]
                ledger.accounts[host, session] = Account(touched_ns, following, spans)

    def _learn(self, header: Header) -> None:
        for number, name in header.drop_names.items():
            self._drop_names[header.host, number] = name
        for address, name in header.symbols.items():
            self._symbols[header.host, address] = name

    def _piece(self, task: int, tally: Tally, *, is_settled: bool, is_whole: bool) -> Piece:
        return Piece(
            task=task,
            partition=self.partition,
            revision=self._watermark_ns,
            is_settled=is_settled,
            is_whole=is_whole,
            tally=tally,
            late=self._records.late.get(task, 0),
            drop_names=_needed(tally, "drop_reason", self._drop_names),
            symbols=_needed(tally, "call_site", self._symbols),
        )


def _needed(tally: Tally, field: str, names: Mapping[tuple[int, int], str]) -> Names:
    """Choose the names of this tally's drops."""
    found = {}
    for records in (tally.kinds.one, tally.open, tally.covering):
        drops = _drops(records)
        hosts, numbers = field_of(drops, "host").tolist(), field_of(drops, field).tolist()
        for key in set(zip(hosts, numbers, strict=True)):
            if key in names:
                found[key] = names[key]
    return found


def _drops(records: Columns) -> Columns:
    chosen: Columns = records[:, field_of(records, "point") == np.uint64(Point.DROP)]
    return chosen
