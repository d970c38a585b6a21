"""The same analysis in plain Python: one dictionary of records by packet. For comparison only."""

from collections import Counter, defaultdict
from collections.abc import Iterable

from dyetrace.analysis.paths import reconstruct
from dyetrace.model.record import Record, record_of
from dyetrace.model.topology import Topology
from dyetrace.wire import blobs
from lib.records import name_drop

Seen = tuple[object, ...]


def analyze(packed: Iterable[bytes], topology: Topology) -> Counter[tuple[int, Seen]]:
    """Count packets by task and way; each way is worked out once."""
    by_digest: dict[int, list[Record]] = defaultdict(list)
    for blob in packed:
        for row in blobs.unpack(blob):
            record = record_of(row)
            by_digest[record.digest].append(record)
    ways: dict[Seen, object] = {}
    counts: Counter[tuple[int, Seen]] = Counter()
    for records in by_digest.values():
        source = next((record for record in records if record.is_source), None)
        if source is None:
            continue
        records.sort(key=lambda record: (record.host, record.seen_ns))
        way = tuple(
            (
                record.port_key,
                record.point,
                record.drop_reason,
                source.ttl - record.ttl,
                record.outer,
                record.five_tuple == source.five_tuple,
            )
            for record in records
        )
        if way not in ways:
            ways[way] = reconstruct(records, topology=topology, name_drop=name_drop)
        counts[source.task_id, way] += 1
    return counts
