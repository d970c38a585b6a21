"""Probes: IPsec."""

from typing import Final

from dyetrace.knowledge.probe import Row

# A table: as few lines a row as fit.
# fmt: off
ROWS: Final[tuple[Row, ...]] = (
    ("XFRM_INPUT", "xfrm_input", "NOT_SPECIFIED", "IPSEC_INPUT_REFUSED",
     "no state, a replay, or a wrong check value"),
    ("XFRM_OUTPUT", "xfrm_output", "NOT_SPECIFIED", "IPSEC_OUTPUT_FAILED",
     "the packet could not be prepared for encryption"),
    ("XFRM_OUTPUT_RESUME", "xfrm_output_resume", "NOT_SPECIFIED", "IPSEC_OUTPUT_FAILED",
     "the state is expired or out of numbers, or the outer packet has no route"),
    ("XFRM_WAIT_QUEUE", "xdst_queue_output", "NOT_SPECIFIED", "IPSEC_NOT_ESTABLISHED",
     "too many packets wait for keys"),
    ("XFRM_WAIT_TIMEOUT", "xfrm_policy_queue_process", "QUEUE_PURGE", "IPSEC_NOT_ESTABLISHED",
     "the keys did not come in time"),
    ("XFRM_WAIT_RETRY", "xfrm_policy_queue_process", "NOT_SPECIFIED", "IPSEC_NOT_ESTABLISHED",
     "the packet that waited for keys has no route now"),
    ("XFRM_POLICY_DELETED", "xfrm_policy_kill", "QUEUE_PURGE", "IPSEC_NOT_ESTABLISHED",
     "the policy was deleted while packets waited for keys"),
    ("XFRM4_ESP", "xfrm4_esp_rcv", "NOT_SPECIFIED", "IPSEC_UNSUPPORTED",
     "nobody takes ESP, IPv4"),
    ("XFRM4_AH", "xfrm4_ah_rcv", "NOT_SPECIFIED", "IPSEC_UNSUPPORTED",
     "nobody takes AH, IPv4"),
    ("XFRM4_IPCOMP", "xfrm4_ipcomp_rcv", "NOT_SPECIFIED", "IPSEC_UNSUPPORTED",
     "nobody takes IPComp, IPv4"),
    ("XFRM4_ENCAP", "xfrm4_rcv_encap", "NOT_SPECIFIED", "IPSEC_NAT_TRAVERSAL_REFUSED",
     "no route or handler for ESP in UDP or TCP, IPv4"),
    ("XFRM4_ENCAP_FINISH", "xfrm4_rcv_encap_finish", "NOT_SPECIFIED",
     "IPSEC_NAT_TRAVERSAL_REFUSED",
     "decapsulated ESP in UDP has no route, IPv4"),
    ("XFRM4_UDP_ENCAP", "xfrm4_udp_encap_rcv", "NOT_SPECIFIED", "IPSEC_NAT_TRAVERSAL_REFUSED",
     "ESP in UDP that is cut short or no ESP, IPv4"),
    ("XFRM4_TRANSPORT", "xfrm4_transport_finish", "NOT_SPECIFIED", "MEMORY_SHORT",
     "a decrypted transport packet could not go on, IPv4"),
    ("XFRM6_ESP", "xfrm6_esp_rcv", "NOT_SPECIFIED", "IPSEC_UNSUPPORTED",
     "nobody takes ESP, IPv6"),
    ("XFRM6_AH", "xfrm6_ah_rcv", "NOT_SPECIFIED", "IPSEC_UNSUPPORTED",
     "nobody takes AH, IPv6"),
    ("XFRM6_IPCOMP", "xfrm6_ipcomp_rcv", "NOT_SPECIFIED", "IPSEC_UNSUPPORTED",
     "nobody takes IPComp, IPv6"),
    ("XFRM6_ENCAP", "xfrm6_rcv_encap", "NOT_SPECIFIED", "IPSEC_NAT_TRAVERSAL_REFUSED",
     "no route or handler for ESP in UDP or TCP, IPv6"),
    ("XFRM6_UDP_ENCAP", "xfrm6_udp_encap_rcv", "NOT_SPECIFIED", "IPSEC_NAT_TRAVERSAL_REFUSED",
     "ESP in UDP that is cut short or no ESP, IPv6"),
    ("XFRM6_TRANSPORT", "xfrm6_transport_finish", "NOT_SPECIFIED", "MEMORY_SHORT",
     "a decrypted transport packet could not go on, IPv6"),
    ("XFRM6_TRANSPORT_DONE", "xfrm6_transport_finish2", "NOT_SPECIFIED", "VPC_ROUTE_MISSING",
     "a decrypted transport packet found no route, IPv6"),
    ("XFRM6_OUTPUT", "__xfrm6_output", "NOT_SPECIFIED", "PACKET_TOO_BIG",
     "larger than the tunnel's MTU once encrypted, IPv6"),
    ("XFRM_KEEPALIVE", "nat_keepalive_send", "NOT_SPECIFIED", "VPC_ROUTE_MISSING",
     "no route for a keep-alive of a tunnel through NAT"),
)
# fmt: on
