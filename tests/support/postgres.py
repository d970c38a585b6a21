"""A real PostgreSQL server of the tests' own, from Debian's package."""

import os
import shutil
import signal
import subprocess
import tempfile
from contextlib import suppress
from itertools import count
from pathlib import Path

import pytest

from support.diagnosis import eventually
from support.far_away import FarAway
from support.own_host import children

USER = "postgres"  # the server refuses to run as root
IS_ROOT = os.geteuid() == 0
WHO = (f"--reuid={USER}", f"--regid={USER}", "--init-groups") if IS_ROOT else ()
# Its death follows ours, also where nothing of ours could end it any more.
AS_USER = ("setpriv", *WHO, "--pdeathsig=INT", "--")


def binaries():
    """Where Debian has put the newest server."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.fail("PostgreSQL is not installed: apt-get install postgresql")
    return found[-1].parent


class PostgresServer:
    """One server on a Unix socket in a temporary folder; it can be stopped and started.

    Far away, it is reached by TCP, too.
    """

    def __init__(self, far: FarAway | None = None):
        self._far = far
        self.folder = Path(tempfile.mkdtemp(prefix="dyetrace-postgres-"))
        if IS_ROOT:
            shutil.chown(self.folder, USER, USER)
        self._data = self.folder / "data"
        self._process = None
        self._numbers = count(1)
        try:
            self._run(
                "initdb",
                "-D",
                self._data,
                "-A",
                "trust",
                "-U",
                USER,
                "-E",
                "UTF8",
                "--locale=C",
                "-N",
            )
            with (self._data / "pg_hba.conf").open("a") as access:
                access.write("host all all samenet trust\n")
            self.start()
        except BaseException:
            self.remove()
            raise

    def start(self):
        """Start it, and wait until it takes connections."""
        log = (self.folder / "log").open("ab")
        command = [
            *AS_USER, binaries() / "postgres", "-D", self._data, "-k", self.folder,
            "-c", f"listen_addresses={self._far.there if self._far else ''}",
            "-c", "fsync=off", "-c", "shared_buffers=16MB",
        ]  # fmt: skip
        self._process = subprocess.Popen(
            self._far.argv(*command) if self._far else command,
            stdout=log, stderr=log, cwd=self.folder, env={"PATH": os.environ["PATH"], "TZ": "UTC"},
        )  # fmt: skip
        log.close()
        eventually(self._is_ready, within_s=30, what="PostgreSQL to take connections")

    def stop(self, how=signal.SIGINT):
        """End it, by its own pid, and with it all its connections."""
        if self._process is not None:
            backends = self.processes()[1:]  # of one that is killed, they answer for a moment
            with suppress(ProcessLookupError):
                self._process.send_signal(how)
            self._process.wait(30)
            self._process = None
            for each in backends:
                gone = Path(f"/proc/{each}")
                eventually(lambda gone=gone: not gone.exists(), what=f"backend {each} to end")

    def processes(self):
        """List its processes, the first one first."""
        return [self._process.pid, *children(self._process.pid)]

    def remove(self):
        """End it and leave nothing behind."""
        try:
            self.stop()
        finally:
            shutil.rmtree(self.folder)

    def new_database(self):
        """Make an empty database and give its URL."""
        name = f"test_{next(self._numbers)}"
        self._run("createdb", "-U", USER, "-h", self.folder, name)
        return self.url_far_away(name) if self._far else self.url(name)

    def drop_database(self, url):
        """Remove a database, whoever is connected to it."""
        name = url.partition("?")[0].rpartition("/")[2]
        self._run("dropdb", "-U", USER, "--force", "-h", self.folder, name)

    def url(self, name):
        """Name one of its databases."""
        return f"postgresql://{USER}@/{name}?host={self.folder}"

    def url_far_away(self, name):
        """Name one of its databases by its address."""
        return f"postgresql://{USER}@{self._far.there}/{name}"

    def log(self):
        """What the server has said so far."""
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")

    def _is_ready(self):
        assert self._process.poll() is None, self.log()
        ready = subprocess.run(
            [binaries() / "pg_isready", "-q", "-h", self.folder], check=False, timeout=10
        )
        return ready.returncode == 0

    def _run(self, program, *arguments):
        done = subprocess.run(
            [*AS_USER, binaries() / program, *arguments],
            cwd=self.folder, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
