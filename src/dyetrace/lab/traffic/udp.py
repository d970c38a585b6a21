"""UDP: datagrams one way."""

import socket
from collections.abc import Callable, Mapping

from dyetrace.lab.traffic import sockets
from dyetrace.lab.traffic.flow import Flow, opened_in

PATIENCE_S = 0.2
DATAGRAM_BYTES = 65_535


class UdpTalker:
    """A socket that sends and one that receives."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._receiver = opened_in(
            flow.receiver.netns, lambda: sockets.receiver(flow, socket.SOCK_DGRAM)
        )
        try:
            self._sender = opened_in(
                flow.source.netns, lambda: sockets.sender(flow, socket.SOCK_DGRAM)
            )
        except BaseException:
            self._receiver.close()
            raise
        self.source_port: int = self._sender.getsockname()[1]
        self.replies = 0
        self._delivered = 0

    @property
    def delivered(self) -> int:
        """Datagrams that the receiving socket got."""
        return self._delivered

    @property
    def rtts_ns(self) -> tuple[int, ...]:
        """None: nobody answers."""
        return ()

    def watched(self) -> Mapping[int, Callable[[], None]]:
        """Watch the receiver."""
        return {self._receiver.fileno(): self._receive}

    def offer(self, sequence: int) -> None:
        """Send one datagram; what the source's own kernel refuses shows as not sent."""
        try:
            self._sender.sendto(
                self._flow.payload(sequence), (self._flow.dialled_address, self._flow.port)
            )
        except OSError:
            return

    def tend(self) -> float | None:
        """Nothing is due."""
        return None

    def finish(self) -> None:
        """UDP does not say goodbye."""

    def patience_s(self) -> float:
        """Wait a little for datagrams under way."""
        return PATIENCE_S

    def is_satisfied(self, offered: int) -> bool:
        """Whether every datagram has arrived."""
        return self._delivered >= offered

    def close(self) -> None:
        """Close both sockets."""
        self._sender.close()
        self._receiver.close()

    def _receive(self) -> None:
        while True:
            try:
                _, (_, port, *_) = self._receiver.recvfrom(DATAGRAM_BYTES)
            except BlockingIOError:
                return
            if port == self.source_port:
                self._delivered += 1
