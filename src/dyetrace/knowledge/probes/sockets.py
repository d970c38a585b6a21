"""Probes: ICMP, raw and ping sockets."""

from typing import Final

from dyetrace.knowledge.probe import Row

# A table: as few lines a row as fit.
# fmt: off
ROWS: Final[tuple[Row, ...]] = (
    ("ICMP_RCV_CHECKSUM", "icmp_rcv", "ICMP_CSUM", "",
     "an ICMP message with a wrong checksum"),
    ("ICMP_RCV_PROTO", "icmp_rcv", "INVALID_PROTO", "ICMP_REFUSED",
     "an ICMP message to a broadcast address that is ignored"),
    ("ICMP_RCV_UNKNOWN", "icmp_rcv", "UNHANDLED_PROTO", "ICMP_REFUSED",
     "an ICMP message of an unknown type"),
    ("ICMP_RCV_SHORT", "icmp_rcv", "PKT_TOO_SMALL", "",
     "an ICMP message cut short"),
    ("ICMP_RCV_IPSEC", "icmp_rcv", "XFRM_POLICY", "",
     "an IPsec policy refused an ICMP message"),
    ("ICMP_RCV_NO_SOCKET", "icmp_rcv", "NO_SOCKET", "",
     "an answer to a ping that nobody waits for"),
    ("ICMP_RCV_UNSAID", "icmp_rcv", "NOT_SPECIFIED", "ICMP_REFUSED",
     "an ICMP message that was refused"),
    ("ICMP6_RCV_CHECKSUM", "icmpv6_rcv", "ICMP_CSUM", "",
     "an ICMPv6 message with a wrong checksum"),
    ("ICMP6_RCV_PROTO", "icmpv6_rcv", "INVALID_PROTO", "ICMP_REFUSED",
     "an ICMPv6 message that is ignored"),
    ("ICMP6_RCV_UNKNOWN", "icmpv6_rcv", "UNHANDLED_PROTO", "ICMP_REFUSED",
     "an ICMPv6 message of an unknown type"),
    ("ICMP6_RCV_IPSEC", "icmpv6_rcv", "XFRM_POLICY", "",
     "an IPsec policy refused an ICMPv6 message"),
    ("ICMP6_RCV_SHORT", "icmpv6_rcv", "PKT_TOO_SMALL", "",
     "an ICMPv6 message cut short"),
    ("ICMP6_RCV_UNSAID", "icmpv6_rcv", "NOT_SPECIFIED", "ICMP_REFUSED",
     "an ICMPv6 message that was refused"),
    ("PING_NO_SOCKET", "ping_rcv", "NO_SOCKET", "",
     "an echo reply that no ping socket waits for"),
    ("PING_QUEUE", "ping_queue_rcv_skb", "SOCKET_RCVBUFF", "",
     "a ping socket's buffer is full"),
    ("RAW_IPSEC", "raw_rcv", "XFRM_POLICY", "",
     "an IPsec policy refused a packet for a raw socket"),
    ("RAW_BUFFER", "raw_rcv_skb", "SOCKET_RCVBUFF", "",
     "a raw IPv4 socket's buffer is full"),
    ("RAW_FILTER", "raw_rcv_skb", "SOCKET_FILTER", "",
     "a raw IPv4 socket's filter refused it"),
    ("RAW_SEND", "raw_sendmsg", "NOT_SPECIFIED", "MEMORY_SHORT",
     "a raw IPv4 packet that could not be sent"),
    ("RAW6_IPSEC", "rawv6_rcv", "XFRM_POLICY", "",
     "an IPsec policy refused a packet for a raw IPv6 socket"),
    ("RAW6_CHECKSUM", "rawv6_rcv", "SKB_CSUM", "",
     "a raw IPv6 socket wants a checksum, and it is wrong"),
    ("RAW6_BUFFER_CHECKSUM", "rawv6_rcv_skb", "SKB_CSUM", "",
     "a raw IPv6 socket's checksum is wrong on delivery"),
    ("RAW6_BUFFER", "rawv6_rcv_skb", "SOCKET_RCVBUFF", "",
     "a raw IPv6 socket's buffer is full"),
    ("RAW6_SEND", "rawv6_sendmsg", "NOT_SPECIFIED", "MEMORY_SHORT",
     "a raw IPv6 packet that could not be sent"),
)
# fmt: on
