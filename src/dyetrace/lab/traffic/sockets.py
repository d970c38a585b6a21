"""Sockets of a flow's two ends, with the flow's marks on them."""

import errno
import socket

from dyetrace.lab.traffic.flow import Flow, PortInUse

FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
MARKS = {
    4: (socket.IPPROTO_IP, socket.IP_TOS, socket.IP_TTL),
    6: (socket.IPPROTO_IPV6, socket.IPV6_TCLASS, socket.IPV6_UNICAST_HOPS),
}
BUFFER_BYTES = 4 << 20
SO_RCVBUFFORCE = 33


def marked(flow: Flow, sock: socket.socket) -> socket.socket:
    """Give the sender's socket the flow's DSCP and TTL."""
    level, traffic_class, ttl = MARKS[flow.family]
    sock.setsockopt(level, traffic_class, flow.dscp << 2)
    if flow.ttl is not None:
        sock.setsockopt(level, ttl, flow.ttl)
    return sock


def sender(flow: Flow, kind: socket.SocketKind, *, port: int = 0) -> socket.socket:
    """Open the source's socket, bound to its address and to a port of its own."""
    sock = socket.socket(FAMILIES[flow.family], kind | socket.SOCK_NONBLOCK)
    try:
        # A TCP source that gives up and tries again keeps its 5-tuple.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((flow.source_address, port))
        return marked(flow, sock)
    except OSError:
        sock.close()
        raise


def receiver(flow: Flow, kind: socket.SocketKind) -> socket.socket:
    """Open the receiver's socket. Raises PortInUse."""
    sock = socket.socket(FAMILIES[flow.family], kind | socket.SOCK_NONBLOCK)
    try:
        if kind == socket.SOCK_STREAM:
            # Connections of an earlier flow may linger on the port; listeners still exclude.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        else:
            sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_BYTES)
        sock.bind((flow.receiver_address, flow.port))
        if kind == socket.SOCK_STREAM:
            sock.listen(64)
    except OSError as error:
        sock.close()
        if error.errno == errno.EADDRINUSE:
            raise PortInUse(where=flow.receiver.id, port=flow.port) from error
        raise
    return sock
