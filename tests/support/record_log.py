"""A lab cloud whose agents write into a record log, analyzers of it, and `up` that asks them."""

import os
import signal
import subprocess
from contextlib import ExitStack

from dyetrace.lab.cloud import Cloud
from support.diagnosis import eventually
from support.harmed import Harmed
from support.nats_servers import NatsServer
from support.service import DYETRACE, Service

PARTITIONS = 4


class Analyzer:
    """`dyetrace analyzer` as a process; it can be killed and started again with what it kept."""

    def __init__(self, folder, *arguments):
        self.folder, self._arguments = folder, arguments
        self.process = None

    def start(self):
        state = ("--state", str(self.folder / "analyzer"))
        command = [*DYETRACE, "analyzer", "--partitions", str(PARTITIONS), *state]
        log = self.folder / "analyzer.log"
        with log.open("wb") as file:
            self.process = subprocess.Popen([*command, *self._arguments], stdout=file, stderr=file)
        eventually(lambda: b"reading" in log.read_bytes(), within_s=30, what="the analyzer to read")

    def end(self, number=signal.SIGKILL):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(20)


class Logged:
    """All of it."""

    def __init__(self, name, folder):
        self.stack = ExitStack()
        self.server = NatsServer()
        self.stack.callback(self.server.remove)
        self.server.start()
        log = f"east={self.server.url}"
        settings = {"DYETRACE_AGENT_LOG": log, "DYETRACE_AGENT_LOG_PARTITIONS": str(PARTITIONS)}
        os.environ.update(settings)
        try:
            cloud = Cloud.up("three-hosts", name=name)
        finally:
            for each in settings:
                del os.environ[each]
        self.stack.callback(cloud.down)
        self.analyzer = Analyzer(folder, "--region", log)
        self.stack.callback(self.analyzer.end)
        self.analyzer.start()
        service = Service(cloud, folder, "--log", log, "--log-partitions", str(PARTITIONS))
        self.stack.callback(service.close)
        service.start()
        self.harmed = Harmed(cloud, service)
        self.stack.callback(self.harmed.stack.close)
