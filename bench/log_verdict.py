"""What the record log costs an answer: add to verdict by the log, and directly, by turns.

Three hosts, whose agents serve both: a controller that analyses itself, and one that asks
`dyetrace analyzer` behind a NATS server. Healthy, and with a rule that drops everything.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
from lib.clouds import bench_cloud
from lib.log_server import log_server
from lib.report import Figure, Report, options
from lib.stats import extremes

from dyetrace.lab.faults import AclDeny
from dyetrace.lab.traffic import flowing

REGION, PARTITIONS = "bench", "4"
DYETRACE = (sys.executable, "-m", "dyetrace")
RATE, PACKETS = 200, 20
FILTER = {"srcVM_ID": "blue-web", "dstVM_ID": "blue-db", "protocol": "udp"}
GIVEN_UP_AFTER_S = 60.0
LOOK_EVERY_S = 0.02


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--runs", type=int, default=10)
    args = parser.parse_args()
    report = Report(title=f"Add to verdict by the record log, {PACKETS} packets at {RATE} a second")
    with ExitStack() as stack:
        log = f"{REGION}={stack.enter_context(log_server(REGION))}"
        settings = {"DYETRACE_AGENT_LOG": log, "DYETRACE_AGENT_LOG_PARTITIONS": PARTITIONS}
        os.environ.update(settings)
        cloud = stack.enter_context(bench_cloud("three-hosts"))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stack.enter_context(analyzer(folder, log))
        by_log = ("--log", log, "--log-partitions", PARTITIONS)
        clients = {
            "directly": stack.enter_context(controller(cloud.name, folder / "direct")),
            "by the log": stack.enter_context(controller(cloud.name, folder / "log", *by_log)),
        }
        for name, fault in (("healthy", None), ("lost", AclDeny(protocol="udp"))):
            if fault is not None:
                cloud.inject(fault)
            took: dict[str, list[float]] = {way: [] for way in clients}
            wanted = "DELIVERED" if fault is None else "LOST"
            with flowing(cloud, "blue-web", "blue-db", protocol="udp", family=4, rate=RATE,
                         duration=args.runs * 20.0):  # fmt: skip
                for _ in range(args.runs):
                    for way, client in clients.items():
                        took[way].append(one_run(client, wanted))
            report.figures += [
                Figure(name=f"{name}, {way}", unit="s", summary=extremes(values))
                for way, values in took.items()
            ]
            pairs = zip(took["by the log"], took["directly"], strict=True)
            report.figures.append(
                Figure(
                    name=f"{name}: later by",
                    unit="s",
                    summary=extremes([late - early for late, early in pairs]),
                )
            )
    report.show(as_json=args.json)


def one_run(client: httpx.Client, wanted: str) -> float:
    """Trace once; gives the seconds from the request to the answer."""
    asked = {"filter": FILTER, "packet_count": PACKETS, "packets_per_second": RATE}
    began = time.monotonic()
    added = client.post("/v1/traces", json=asked)
    added.raise_for_status()
    while time.monotonic() - began < GIVEN_UP_AFTER_S:
        told = client.get(f"/v1/traces/{added.json()['id']}")
        if told.status_code == httpx.codes.OK:
            took = time.monotonic() - began
            if told.json().get("verdict") != wanted:
                raise RuntimeError(f"{wanted} was wanted: {told.json()}")
            return took
        time.sleep(LOOK_EVERY_S)
    raise RuntimeError("no answer")


@contextmanager
def controller(cloud: str, state: Path, *arguments: str) -> Iterator[httpx.Client]:
    """Run `up`; gives a client of it."""
    command = [*DYETRACE, "up", "--cloud", cloud, "--gate", "none", "--listen", "127.0.0.1:0"]
    with running([*command, "--state", str(state), *arguments], until=r"at (http://\S+)") as url:
        token = (state / "operator.token").read_text(encoding="ascii").strip()
        headers = {"Authorization": f"Bearer {token}"}
        with httpx.Client(base_url=url, headers=headers, timeout=30) as client:
            yield client


@contextmanager
def analyzer(folder: Path, log: str) -> Iterator[None]:
    """Run one analyzer of all partitions."""
    command = [*DYETRACE, "analyzer", "--region", log, "--partitions", PARTITIONS]
    with running([*command, "--state", str(folder / "analyzer")], until=r"(reading)"):
        yield


@contextmanager
def running(command: list[str], *, until: str) -> Iterator[str]:
    """Run a process once it has said something; gives what that was."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        for line in process.stdout or ():
            if found := re.search(until, line):
                yield found[1]
                break
        else:
            raise RuntimeError(f"{' '.join(command)} ended")
    finally:
        process.terminate()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


if __name__ == "__main__":
    main()
