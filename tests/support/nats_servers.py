"""Real NATS servers of the tests' own, from Debian's package."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest

from dyetrace.transport.nats.server_config import Cluster, Server, written
from support.diagnosis import eventually

# Its death follows ours, also where nothing of ours could end it any more.
WITH_US = ("setpriv", "--pdeathsig=KILL", "--")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class NatsServer:
    """One server; it can be killed and started again with what it kept."""

    def __init__(self, region="east", *, name="nats", cluster=None, config=None, port=0, **fields):
        self.folder = Path(tempfile.mkdtemp(prefix="dyetrace-nats-"))
        self.name = name
        self.port = port or free_port()
        self._config = config or self.folder / "server.conf"
        self._process = None
        if config is not None:
            return  # somebody else wrote it
        self._config.write_text(
            written(
                Server(
                    name=name,
                    region=region,
                    listen=f"127.0.0.1:{self.port}",
                    folder=self.folder / "store",
                    cluster=cluster,
                    **{"agents": {}, "analyzers": (), **fields},
                )
            )
        )

    @property
    def url(self):
        return f"nats://127.0.0.1:{self.port}"

    def start(self):
        program = shutil.which("nats-server", path="/usr/sbin:/usr/bin:" + os.environ["PATH"])
        if program is None:
            pytest.fail("NATS is not installed: apt-get install nats-server")
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*WITH_US, program, "-c", self._config], stdout=log, stderr=log
            )
        eventually(self._listens, within_s=20, what=f"{self.name} to listen")

    def kill(self, how=signal.SIGKILL):
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.send_signal(how)
            self._process.wait(20)
            self._process = None

    def signal(self, number):
        """Freeze it, or let it go on."""
        self._process.send_signal(number)

    def remove(self):
        self.kill()
        shutil.rmtree(self.folder)

    def log(self):
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")

    def _listens(self):
        assert self._process.poll() is None, self.log()
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return True
        return False


def a_cluster(region="east", size=3):
    """Servers of one region that replicate; not yet started."""
    routes = [f"127.0.0.1:{free_port()}" for _ in range(size)]
    return [
        NatsServer(
            region,
            name=f"nats-{number}",
            cluster=Cluster(
                name=region,
                listen=own,
                routes=[f"nats://{other}" for other in routes if other != own],
            ),
        )
        for number, own in enumerate(routes)
    ]
