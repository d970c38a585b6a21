"""One end of a load, as a process: `python -m lib.flood send|receive udp|tcp ADDRESS CPU`.

Started inside a VM's namespace; dies with the bench that started it. UDP goes
64 packets a system call, so that what is measured is the network's work.
"""

import ctypes
import os
import signal
import socket
import sys
from contextlib import suppress

PORT = 5201
PAYLOAD_BYTES = 64  # of UDP
PACKETS_A_CALL = 64
BUFFER_BYTES = 1 << 20
PR_SET_PDEATHSIG = 1
SO_RCVBUFFORCE = 33  # asm-generic/socket.h; Python has no name for it
MSG_WAITFORONE = 0x10000

libc = ctypes.CDLL(None, use_errno=True)


class Piece(ctypes.Structure):
    """struct iovec."""

    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


class Message(ctypes.Structure):
    """struct mmsghdr."""

    _fields_ = [
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint32),
        ("pieces", ctypes.POINTER(Piece)),
        ("piece_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
        ("length", ctypes.c_uint32),
    ]


def messages() -> ctypes.Array[Message]:
    """Make as many messages as go into one call."""
    made = (Message * PACKETS_A_CALL)()
    for message in made:
        buffer = ctypes.create_string_buffer(PAYLOAD_BYTES)
        message.pieces = ctypes.pointer(Piece(ctypes.addressof(buffer), PAYLOAD_BYTES))
        message.piece_count = 1
        kept.append(buffer)
    return made


kept: list[ctypes.Array[ctypes.c_char]] = []  # the messages only point to these


def send_udp(address: str) -> None:
    end = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    end.connect((address, PORT))
    filled = messages()
    while True:
        libc.sendmmsg(end.fileno(), filled, PACKETS_A_CALL, 0)


def receive_udp(address: str) -> None:
    end = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    end.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 * BUFFER_BYTES)
    end.bind((address, PORT))
    print("ready", flush=True)
    filled = messages()
    while True:
        libc.recvmmsg(end.fileno(), filled, PACKETS_A_CALL, MSG_WAITFORONE, None)


def send_tcp(address: str) -> None:
    buffer = bytes(BUFFER_BYTES)
    with socket.create_connection((address, PORT), timeout=10) as end:
        end.settimeout(None)
        while True:
            end.sendall(buffer)


def receive_tcp(address: str) -> None:
    buffer = bytearray(BUFFER_BYTES)
    with socket.create_server((address, PORT)) as server:
        print("ready", flush=True)
        end, _ = server.accept()
        while end.recv_into(buffer):
            pass


ROLES = {
    ("send", "udp"): send_udp,
    ("receive", "udp"): receive_udp,
    ("send", "tcp"): send_tcp,
    ("receive", "tcp"): receive_tcp,
}


def main(role: str, protocol: str, address: str, cpu: str) -> None:
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    os.sched_setaffinity(0, {int(cpu)})
    with suppress(ConnectionError):  # the other end was stopped first
        ROLES[role, protocol](address)


if __name__ == "__main__":
    main(*sys.argv[1:])
