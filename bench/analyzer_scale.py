"""How many records a second agents' publishers and W analyzer processes take through a real log.

One NATS server, four partitions. The log is filled first; then W processes of
`dyetrace analyzer` read it from the beginning, each its share of the partitions.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from lib import records
from lib.log_server import log_server
from lib.report import Figure, Report, options
from lib.stats import once

from dyetrace.transport.nats.connecting import Region, connected
from dyetrace.transport.nats.names import TALLIES
from dyetrace.transport.nats.publisher import Publisher
from dyetrace.transport.nats.region_log import RegionLog
from dyetrace.transport.nats.streams import ensure_streams
from dyetrace.transport.spool import MemorySpool

PARTITIONS = 4
REGION = "bench"
BATCHES = 4


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--records", type=int, default=2_000_000)
    parser.add_argument("--workers", default="1,2")
    args = parser.parse_args()
    report = Report(title=f"Through the log: {PARTITIONS} partitions, one NATS server")
    with log_server(REGION) as url:
        region = Region(name=REGION, servers=[url], user="bench")
        count, seconds, kept = asyncio.run(fill(region, args.records))
        report.figures.append(
            Figure(
                name="published and acknowledged", unit="records/s", summary=once(count / seconds)
            )
        )
        report.notes.append(f"{count:,} records take {kept / count:.1f} bytes each in the log")
        for workers in map(int, args.workers.split(",")):
            took, cpu = asyncio.run(drained(region, workers))
            report.figures += [
                Figure(
                    name=f"read by {workers} processes",
                    unit="records/s",
                    summary=once(count / took),
                ),
                Figure(
                    name="... their CPU time", unit="ns/record", summary=once(cpu / count * 1e9)
                ),
            ]
    report.notes.append(f"{os.cpu_count()} CPUs for the server, the analyzers and this")
    report.show(as_json=args.json)


async def fill(region: Region, wanted: int) -> tuple[int, float, int]:
    """Publish records of all hosts; returns how many, in what time, in how many bytes."""
    mix, count = records.Mix(), 0
    async with connected(region) as client:
        js = client.jetstream()
        await ensure_streams(js, region=REGION, partitions=PARTITIONS)
        publishers = {}
        tasks = []
        for host in range(1, records.HOSTS + 1):
            publishers[host] = Publisher(
                js, REGION, host=host, partitions=PARTITIONS, spool=MemorySpool(1 << 30)
            )
            tasks.append(asyncio.create_task(publishers[host].run()))
        seconds = 0.0
        while count < wanted:
            batch = mix.batch(count, 20_000)
            began = time.monotonic()
            for host, publisher in publishers.items():
                publisher.ship(batch[batch["host"] == host])
            await asyncio.gather(*(each.all_acknowledged() for each in publishers.values()))
            seconds += time.monotonic() - began
            count += len(batch)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        kept = 0
        for partition in range(PARTITIONS):
            kept += (await js.stream_info(f"records-{REGION}-{partition}")).state.bytes
    return count, seconds, kept


async def drained(region: Region, workers: int) -> tuple[float, float]:
    """Let analyzers read all there is; returns the time that took, and their CPU time."""
    async with connected(region) as client:
        js = client.jetstream()
        with suppress(Exception):
            await js.delete_stream(TALLIES)
        log = RegionLog(js, REGION)
        wanted = {
            partition: await log.taken_ns(partition, await log.last(partition))
            for partition in range(PARTITIONS)
        }
        began = time.monotonic()
        share = PARTITIONS // workers
        running = [start(region, number * share, share) for number in range(workers)]
        try:
            while not await is_told(js, wanted):
                if any(process.poll() is not None for process in running):
                    raise RuntimeError("an analyzer has ended")
                await asyncio.sleep(0.05)
            took = time.monotonic() - began
            cpu = sum(cpu_s(process.pid) for process in running)
        finally:
            for process in running:
                process.terminate()
                process.wait()
    return took, cpu


def start(region: Region, first: int, share: int) -> subprocess.Popen[bytes]:
    """Start an analyzer for some partitions."""
    command = [sys.executable, "-m", "dyetrace", "analyzer", "--grace", "0.5", "--patience", "1"]
    command += ["--region", f"{REGION}={region.servers[0]}", "--partitions", str(PARTITIONS)]
    command += ["--state", tempfile.mkdtemp(), "--share", f"{first}-{first + share - 1}"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL)


async def is_told(js, wanted: dict[int, int]) -> bool:  # noqa: ANN001 - the client's
    """Whether each partition has told of all that is over, by the revision of what it told."""
    for partition, until_ns in wanted.items():
        try:
            found = await js.get_last_msg(TALLIES, f"{TALLIES}.*.{partition}")
        except Exception:  # noqa: BLE001 - the stream may not be there yet
            return False
        if int(found.headers["Dyetrace-Revision"]) < until_ns:
            return False
    return True


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
