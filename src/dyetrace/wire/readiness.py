"""Tells whoever started this process that it is ready, if systemd did."""

import os
import socket
from contextlib import suppress


def tell_ready() -> None:
    """Say READY=1 as sd_notify(3) has it; nothing where nobody asked."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.connect(f"\0{address[1:]}" if address.startswith("@") else address)
        told.send(b"READY=1")
