"""A record log for a simulation: one NATS server, and one analyzer of all its partitions."""

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from dyetrace.lab.simulation.processes import Part, ProcessFailed
from dyetrace.transport.nats.server_config import Server, written

REGION, PARTITIONS = "simulated", 8
PLACES = "/usr/sbin:/usr/bin"  # where Debian has servers, whoever asks
LISTENS = "Listening for client connections on "
READY_WITHIN_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """Where the record log is, as agents and controllers are told."""

    server: str

    @property
    def of_controller(self) -> tuple[str, ...]:
        """What makes a controller read it."""
        return ("--log", f"{REGION}={self.server}", "--log-partitions", str(PARTITIONS))

    @property
    def of_agents(self) -> dict[str, object]:
        """What makes agents write into it."""
        return {"region": REGION, "servers": [self.server], "partitions": PARTITIONS}


def record_log(folder: Path, parts: list[Part]) -> Log:
    """Start both; raises ProcessFailed."""
    server = Part(
        name="log server",
        command=_server(folder),
        log=folder / "log-server.log",
    )
    parts.append(server)
    server.start()
    said = server.line_with(LISTENS, within_s=READY_WITHIN_S)
    log = Log(server=f"nats://{said.partition(LISTENS)[2].strip()}")
    analyzer = Part(
        name="analyzer",
        command=[
            *(sys.executable, "-m", "dyetrace", "analyzer", "--region", f"{REGION}={log.server}"),
            *("--partitions", str(PARTITIONS), "--state", str(folder / "analyzer")),
        ],
        log=folder / "analyzer.log",
    )
    parts.append(analyzer)
    analyzer.start()
    analyzer.line_with("reading", within_s=READY_WITHIN_S)
    return log


def _server(folder: Path) -> list[str]:
    """Give the command of a server at any port that is free; it logs to its standard output."""
    program = shutil.which("nats-server", path=f"{PLACES}:{os.environ.get('PATH', '')}")
    if program is None:
        raise ProcessFailed("the record log needs NATS: apt-get install nats-server")
    config = folder / "nats.conf"
    config.write_text(
        written(
            Server(
                name="simulated",
                region=REGION,
                listen="127.0.0.1:-1",
                folder=folder / "log",
                agents={},
                analyzers=(),
            )
        ),
        encoding="utf-8",
    )
    return ["/bin/sh", "-c", 'exec "$0" -c "$1" 2>&1', program, str(config)]
