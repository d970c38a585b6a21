"""A real standalone Spark cluster of the tests' own, on loopback: a master and two workers."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import pyspark
import pytest

from support.diagnosis import eventually
from support.nats_servers import WITH_US, free_port

HOME = Path(pyspark.__file__).parent
SLOW_S = 60


def environment():
    return {
        **os.environ,
        "SPARK_HOME": str(HOME),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_NO_DAEMONIZE": "1",
        "SPARK_DAEMON_MEMORY": "256m",
        "PYSPARK_PYTHON": sys.executable,
        "PYTHONHASHSEED": "0",
    }


class SparkCluster:
    """A master and workers; each can be killed."""

    def __init__(self, workers=2):
        if shutil.which("java") is None:
            pytest.fail("Java is not installed: apt-get install openjdk-17-jre-headless")
        self.folder = Path(tempfile.mkdtemp(prefix="dyetrace-spark-"))
        self._count = workers
        self._port = free_port()
        self._processes = {}

    @property
    def url(self):
        return f"spark://127.0.0.1:{self._port}"

    def start(self):
        self._run("master", "master.Master", "--port", str(self._port), "--webui-port", "0")
        eventually(lambda: "I have been elected leader" in self.log("master"), within_s=SLOW_S)
        for number in range(self._count):
            self.start_worker(number)

    def start_worker(self, number):
        name = f"worker-{number}"
        self._run(
            name, "worker.Worker", "--cores", "1", "--memory", "1400m", "--webui-port", "0",
            "--work-dir", str(self.folder / name), self.url,
        )  # fmt: skip
        eventually(lambda: "Successfully registered" in self.log(name), within_s=SLOW_S)

    def kill_worker(self, number):
        """End a worker, and its executors with it, at once."""
        process = self._processes.pop(f"worker-{number}")
        for pid in [*children(process.pid), process.pid]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait(20)

    def executors(self):
        """Process ids of what executors there are."""
        return [
            pid
            for name, process in self._processes.items()
            if name != "master"
            for pid in children(process.pid)
        ]

    def log(self, name):
        return (self.folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")

    def remove(self):
        for process in self._processes.values():
            for pid in [*children(process.pid), process.pid]:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            process.wait(20)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, name, what, *arguments):
        with (self.folder / f"{name}.log").open("wb") as log:
            self._processes[name] = subprocess.Popen(
                [
                    *WITH_US, HOME / "bin" / "spark-class", f"org.apache.spark.deploy.{what}",
                    "--host", "127.0.0.1", *arguments,
                ],
                stdout=log, stderr=log, env=environment(), cwd=self.folder,
            )  # fmt: skip


def children(pid):
    """Direct children of a process."""
    with suppress(FileNotFoundError):
        return [
            int(child)
            for task in Path(f"/proc/{pid}/task").iterdir()
            for child in (task / "children").read_text(encoding="ascii").split()
        ]
    return []
