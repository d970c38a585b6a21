"""The controller's side of analyzers that are processes of their own."""

import asyncio
from dataclasses import dataclass
from typing import Protocol

from dyetrace.analysis.analyze import Analysis
from dyetrace.analysis.counting import Clocks
from dyetrace.analysis.merging import merged
from dyetrace.analysis.partial import Partial
from dyetrace.model.record import Record
from dyetrace.model.task import TaskId
from dyetrace.model.topology import Topology
from dyetrace.wire.tallies import Piece, unpack_piece

UNKNOWN_REASON = "NOT_SPECIFIED"


class Pieces(Protocol):
    """Where analyzers put what they know."""

    async def read(self, task: int, partition: int) -> bytes | None:
        """Give the newest piece of a partition."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is known of a task by now.

    is_whole: whether it is all that was read; is_settled: and all of packets that are over.
    late: records that came when their packet was over.
    """

    partial: Partial
    is_settled: bool = True
    is_whole: bool = True
    late: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalyzerClient:
    """Asks for a task's answer, whichever engine works it out."""

    pieces: Pieces
    partitions: int

    async def answer(
        self, task: TaskId, *, topology: Topology, clocks: Clocks | None = None
    ) -> Answer:
        """Put together what all partitions know; raises LogUnreachable and BadTally."""
        wanted = [(each, part) for part in range(self.partitions) for each in (task, 0)]
        found = await asyncio.gather(*(self.pieces.read(*each) for each in wanted))
        pieces = [unpack_piece(data) for data in found if data]
        return put_together(pieces, task, topology=topology, clocks=clocks)


def put_together(
    pieces: list[Piece], task: TaskId, *, topology: Topology, clocks: Clocks | None = None
) -> Answer:
    """Work out a task's answer from all partitions' pieces of it, and of no known task."""
    reasons = {key: name for piece in pieces for key, name in piece.drop_names.items()}
    symbols = {key: name for piece in pieces for key, name in piece.symbols.items()}

    def name_drop(record: Record) -> tuple[str, str]:
        return (
            reasons.get((record.host, record.drop_reason), UNKNOWN_REASON),
            symbols.get((record.host, record.call_site), ""),
        )

    own = [piece for piece in pieces if piece.task == task]
    analysis = Analysis(topology=topology, name_drop=name_drop)
    return Answer(
        partial=analysis.partial(merged([piece.tally for piece in pieces]), clocks),
        is_settled=all(piece.is_settled for piece in own),
        is_whole=all(piece.is_whole for piece in own),
        late=sum(piece.late for piece in own),
    )
