"""TCP: messages over one connection, tried again and again while it does not come about."""

import contextlib
import errno
import socket
import struct
import time
from collections.abc import Callable, Mapping
from functools import partial

from dyetrace.lab.traffic import sockets
from dyetrace.lab.traffic.flow import Flow, opened_in

# The kernel repeats a SYN after a second. A source that opens a new connection from the
# same port sooner shows more packets of the same 5-tuple in the same time.
CONNECT_PATIENCE_S = 0.2
END_PATIENCE_S = 0.2
ASK_AGAIN_S = 0.002
SEND_AGAIN_S = 0.01
CHUNK_BYTES = 1 << 16
CONNECTED = (0, errno.EISCONN)
ABORT = struct.pack("ii", 1, 0)  # SO_LINGER: reset instead of a goodbye that nobody may hear


class TcpTalker:
    """A client that sends messages of one size, and a server that counts them."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._message_bytes = max(1, flow.size)
        self._listener = opened_in(
            flow.receiver.netns, lambda: sockets.receiver(flow, socket.SOCK_STREAM)
        )
        self._client: socket.socket | None = None
        self._served: dict[int, socket.socket] = {}
        self._connected = False
        self._asked_at = 0.0
        self._unsent = bytearray()
        self._received_bytes = 0
        self._finishing = False
        self._said_goodbye = False
        self._heard_goodbye = False
        self._attempts = 0
        self._offered = 0
        self.source_port = 0
        self.replies = 0
        try:
            self._client = self._open_client()
        except BaseException:
            self._listener.close()
            raise

    @property
    def delivered(self) -> int:
        """Messages that the server got in full."""
        return self._received_bytes // self._message_bytes

    @property
    def rtts_ns(self) -> tuple[int, ...]:
        """None: the server only listens."""
        return ()

    def watched(self) -> Mapping[int, Callable[[], None]]:
        """Watch the listener, what it accepted, and the client once it is connected."""
        watched: dict[int, Callable[[], None]] = {self._listener.fileno(): self._accept}
        for handle in self._served:
            watched[handle] = partial(self._serve, handle)
        if self._client is not None and self._connected and not self._heard_goodbye:
            watched[self._client.fileno()] = partial(self._hear, self._client)
        return watched

    def offer(self, sequence: int) -> None:
        """Send one message now, or as soon as there is a connection."""
        self._offered += 1
        self._unsent += self._flow.payload(sequence) or b"."

    def tend(self) -> float | None:
        """Connect, give up connecting, or send, whichever is due."""
        if self._client is None:
            self._client = self._open_client()
        if not self._connected:
            return self._connect(self._client)
        self._send(self._client)
        if self._finishing and not self._unsent and not self._said_goodbye:
            self._said_goodbye = True
            with contextlib.suppress(OSError):
                self._client.shutdown(socket.SHUT_WR)
        return SEND_AGAIN_S if self._unsent else None

    def finish(self) -> None:
        """Close the connection properly once everything is sent."""
        self._finishing = True

    def patience_s(self) -> float | None:
        """Give an open connection all the time there is: lost segments come again."""
        if self._connected:
            return None if not self._heard_goodbye else END_PATIENCE_S
        # One attempt for each message, so that loss shows as many packets as with UDP.
        return None if self._attempts < self._offered else END_PATIENCE_S

    def is_satisfied(self, offered: int) -> bool:
        """Whether everything arrived and both sides have closed."""
        return self.delivered >= offered and self._heard_goodbye

    def close(self) -> None:
        """Close all sockets."""
        self._drop_client()
        for sock in self._served.values():
            sock.close()
        self._served.clear()
        self._listener.close()

    def _open_client(self) -> socket.socket:
        client = opened_in(
            self._flow.source.netns,
            lambda: sockets.sender(self._flow, socket.SOCK_STREAM, port=self.source_port),
        )
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.source_port = client.getsockname()[1]
        return client

    def _connect(self, client: socket.socket) -> float | None:
        """Push the attempt on; a failed or overdue one is dropped and made anew."""
        now = time.monotonic()
        if not self._asked_at:
            if not self._unsent or self._attempts >= max(1, self._offered):
                return None
            self._attempts += 1
            self._asked_at = now
        elif now - self._asked_at > CONNECT_PATIENCE_S:
            self._drop_client()
            return 0.0
        if client.connect_ex((self._flow.dialled_address, self._flow.port)) in CONNECTED:
            self._connected = True
            return 0.0
        # Not yet, or an ICMP error or a reset: sit out the patience, then try again.
        return ASK_AGAIN_S

    def _drop_client(self) -> None:
        if self._client is not None:
            if not self._heard_goodbye:
                with contextlib.suppress(OSError):
                    self._client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
            self._client.close()
        self._client = None
        self._connected = False
        self._asked_at = 0.0

    def _send(self, client: socket.socket) -> None:
        while self._unsent:
            try:
                sent = client.send(self._unsent[: self._message_bytes])
            except BlockingIOError:
                return
            except OSError:
                self._drop_client()
                return
            del self._unsent[:sent]

    def _hear(self, client: socket.socket) -> None:
        try:
            if not client.recv(CHUNK_BYTES):
                self._heard_goodbye = True
        except BlockingIOError:
            return
        except OSError:
            self._drop_client()

    def _accept(self) -> None:
        with contextlib.suppress(BlockingIOError, ConnectionError):
            sock, (_, port, *_) = self._listener.accept()
            if port == self.source_port:
                sock.settimeout(0)
                self._served[sock.fileno()] = sock
            else:
                sock.close()

    def _serve(self, handle: int) -> None:
        sock = self._served[handle]
        try:
            while chunk := sock.recv(CHUNK_BYTES):
                self._received_bytes += len(chunk)
        except BlockingIOError:
            return
        except OSError:
            pass  # reset by a client that gave up
        del self._served[handle]
        sock.close()
