"""Ask the kernel to route a packet, by all that its rules may look at.

pyroute2 knows nothing of protocol and ports as keys of a look-up, and leaves out
what it does not know, so the question is written here; it reads the answer.
"""

import os
import socket
import struct
from dataclasses import dataclass

from pyroute2.netlink.exceptions import NetlinkError
from pyroute2.netlink.rtnl.rtmsg import rtmsg

from dyetrace.datapath.linux.rtnetlink import Message
from dyetrace.model.packet import FiveTuple

IPV6 = 6

# include/uapi/linux/rtnetlink.h
RTM_GETROUTE = 26
NLM_F_REQUEST = 1
NLMSG_ERROR = 2
RTM_F_LOOKUP_TABLE = 0x1000
RTM_F_FIB_MATCH = 0x2000
RTA_DST, RTA_SRC, RTA_IIF, RTA_IP_PROTO, RTA_SPORT, RTA_DPORT = 1, 2, 3, 27, 28, 29

HEADER = struct.Struct("=IHHII")  # struct nlmsghdr
QUESTION = struct.Struct("=8BI")  # struct rtmsg
ATTRIBUTE = struct.Struct("=HH")  # struct rtattr
LARGEST_ANSWER = 65536


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """What the kernel looks at when it routes a packet."""

    flow: FiveTuple
    dscp: int = 0
    ifindex: int = 0  # the device it came in by; 0: it was sent from here

    @property
    def family(self) -> int:
        """The address family, as netlink numbers it."""
        return socket.AF_INET6 if self.flow.dst.version == IPV6 else socket.AF_INET


def ask_route(keys: Keys, *, flags: int) -> Message:
    """Route a packet in this thread's namespace; raises NetlinkError where the kernel refuses."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as kernel:
        kernel.send(question(keys, flags=flags))
        answer = kernel.recv(LARGEST_ANSWER)
    _, kind, *_ = HEADER.unpack_from(answer)
    if kind == NLMSG_ERROR:
        (code,) = struct.unpack_from("=i", answer, HEADER.size)
        raise NetlinkError(-code, os.strerror(-code))
    route = rtmsg(answer)
    route.decode()
    message: Message = route
    return message


def question(keys: Keys, *, flags: int) -> bytes:
    """Write the request."""
    flow = keys.flow
    bits = flow.dst.max_prefixlen
    attributes = [(RTA_DST, flow.dst.packed), (RTA_IP_PROTO, bytes([flow.protocol]))]
    if flow.src_port or flow.dst_port:
        attributes += [
            (RTA_SPORT, flow.src_port.to_bytes(2)),
            (RTA_DPORT, flow.dst_port.to_bytes(2)),
        ]
    if keys.ifindex:
        # Without a device the kernel takes a source for its own and refuses others'.
        attributes += [(RTA_SRC, flow.src.packed), (RTA_IIF, struct.pack("=I", keys.ifindex))]
    body = QUESTION.pack(
        keys.family, bits, bits if keys.ifindex else 0, keys.dscp << 2, 0, 0, 0, 0, flags
    )
    body += b"".join(_attribute(kind, value) for kind, value in attributes)
    return HEADER.pack(HEADER.size + len(body), RTM_GETROUTE, NLM_F_REQUEST, 1, 0) + body


def _attribute(kind: int, value: bytes) -> bytes:
    length = ATTRIBUTE.size + len(value)
    return ATTRIBUTE.pack(length, kind) + value + bytes(-length % 4)
