"""A NATS server of a bench's own."""

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dyetrace.transport.nats.server_config import Server, written


@contextmanager
def log_server(region: str) -> Iterator[str]:
    """Run a server; give its URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = Path(tempfile.mkdtemp(prefix="dyetrace-bench-"))
    config = folder / "server.conf"
    server = Server(
        name="bench", region=region, listen=f"127.0.0.1:{port}", folder=folder / "store",
        agents={}, analyzers=(),
    )  # fmt: skip
    config.write_text(written(server))
    program = shutil.which("nats-server", path="/usr/sbin:/usr/bin") or "nats-server"
    process = subprocess.Popen([program, "-c", config], stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            time.sleep(0.05)
        yield f"nats://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder)
