"""Probes: XDP, tc and other eBPF programs; AF_XDP; packet sockets."""

from typing import Final

from dyetrace.knowledge.probe import Row

# A table: as few lines a row as fit.
# fmt: off
ROWS: Final[tuple[Row, ...]] = (
    ("XDP_GENERIC_SAID", "do_xdp_generic", "XDP", "",
     "a generic XDP program dropped it"),
    ("XDP_GENERIC", "do_xdp_generic", "NOT_SPECIFIED", "XDP_DROP",
     "a generic XDP program dropped it, or its redirect failed"),
    ("XDP_GENERIC_SEND", "generic_xdp_tx", "NOT_SPECIFIED", "XDP_REDIRECT_FAILED",
     "a generic XDP program's device does not take it back"),
    ("XDP_GENERIC_REDIRECT", "xdp_do_generic_redirect", "NOT_SPECIFIED", "XDP_REDIRECT_FAILED",
     "a generic XDP redirect has no target"),
    ("TC_BPF_REDIRECT", "__bpf_redirect", "NOT_SPECIFIED", "BPF_REDIRECT_FAILED",
     "an eBPF program's redirect found its device not fit"),
    ("TC_BPF_REDIRECT_LATE", "skb_do_redirect", "NOT_SPECIFIED", "BPF_REDIRECT_FAILED",
     "an eBPF program's redirect target is gone, or has no neighbour"),
    ("TC_BPF_CLONE", "bpf_clone_redirect", "NOT_SPECIFIED", "BPF_REDIRECT_FAILED",
     "an eBPF program's copy could not be redirected"),
    ("XSK_SEND", "__xsk_generic_xmit", "NOT_SPECIFIED", "AF_XDP_RING_FULL",
     "a packet of an AF_XDP program could not be sent"),
    ("PACKET_SOCKET", "packet_rcv", "PACKET_SOCK_ERROR", "",
     "a capture's copy was lost"),
    ("PACKET_SOCKET_RING", "tpacket_rcv", "PACKET_SOCK_ERROR", "",
     "a capture's ring is full"),
    ("PACKET_TAP_COPY", "dev_queue_xmit_nit", "NOT_SPECIFIED", "SNIFFER_COPY_LOST",
     "a copy for captures could not be made"),
    ("SECURITY_TCP4", "tcp_v4_rcv", "SECURITY_HOOK", "",
     "a security module refused a segment, IPv4"),
    ("SECURITY_TCP6", "tcp_v6_rcv", "SECURITY_HOOK", "",
     "a security module refused a segment, IPv6"),
    ("SECURITY_UDP4", "udp_queue_rcv_one_skb", "SECURITY_HOOK", "",
     "a security module refused a datagram, IPv4"),
    ("SECURITY_UDP6", "udpv6_queue_rcv_one_skb", "SECURITY_HOOK", "",
     "a security module refused a datagram, IPv6"),
)
# fmt: on
