"""Probes: OVN: stages of its logical pipelines that drop."""

from typing import Final

from dyetrace.knowledge.probe import Row

# A table: as few lines a row as fit.
# fmt: off
ROWS: Final[tuple[Row, ...]] = (
    ("OVN_LS_IN_CHECK_PORT_SEC", "ls_in_check_port_sec", "", "OVN_PORT_SECURITY_DENY",
     "port security checks what comes in by a logical port"),
    ("OVN_LS_IN_APPLY_PORT_SEC", "ls_in_apply_port_sec", "", "OVN_PORT_SECURITY_DENY",
     "port security refuses what comes in by a logical port"),
    ("OVN_LS_OUT_APPLY_PORT_SEC", "ls_out_apply_port_sec", "", "OVN_PORT_SECURITY_DENY",
     "port security refuses what goes out by a logical port"),
    ("OVN_LS_IN_ACL_EVAL", "ls_in_acl_eval", "", "OVN_ACL_DENY",
     "an ACL drops on the way from a logical port"),
    ("OVN_LS_IN_ACL_AFTER_LB_EVAL", "ls_in_acl_after_lb_eval", "", "OVN_ACL_DENY",
     "an ACL drops after load balancing"),
    ("OVN_LS_OUT_ACL_EVAL", "ls_out_acl_eval", "", "OVN_ACL_DENY",
     "an ACL drops on the way to a logical port"),
    ("OVN_LS_IN_LB", "ls_in_lb", "", "OVN_SERVICE_EMPTY",
     "a switch's load balancer has no backend"),
    ("OVN_LS_IN_L2_UNKNOWN", "ls_in_l2_unknown", "", "OVN_DESTINATION_UNKNOWN",
     "no logical port has the MAC address"),
    ("OVN_LS_IN_ARP_RSP", "ls_in_arp_rsp", "", "OVN_DESTINATION_UNKNOWN",
     "an ARP request that nobody answers for"),
    ("OVN_LS_IN_QOS", "ls_in_qos", "", "OVS_METER_EXCEEDED",
     "a QoS rule's meter on the way in"),
    ("OVN_LS_OUT_QOS", "ls_out_qos", "", "OVS_METER_EXCEEDED",
     "a QoS rule's meter on the way out"),
    ("OVN_LR_IN_ADMISSION", "lr_in_admission", "", "OVN_DESTINATION_UNKNOWN",
     "the frame is for no port of the logical router"),
    ("OVN_LR_IN_IP_INPUT", "lr_in_ip_input", "", "ADDRESS_INVALID",
     "an address that no router forwards, or its own"),
    ("OVN_LR_IN_DNAT", "lr_in_dnat", "", "OVN_SERVICE_EMPTY",
     "a router's load balancer has no backend"),
    ("OVN_LR_IN_IP_ROUTING", "lr_in_ip_routing", "", "OVN_ROUTE_MISSING",
     "the logical router has no route"),
    ("OVN_LR_IN_IP_ROUTING_ECMP", "lr_in_ip_routing_ecmp", "", "OVN_ROUTE_MISSING",
     "no member of the logical router's group of next hops is usable"),
    ("OVN_LR_IN_POLICY", "lr_in_policy", "", "OVN_ACL_DENY",
     "a routing policy of the logical router drops"),
    ("OVN_LR_IN_ARP_RESOLVE", "lr_in_arp_resolve", "", "OVN_NEXT_HOP_UNRESOLVED",
     "no MAC address is known for the next hop"),
    ("OVN_LR_IN_ARP_REQUEST", "lr_in_arp_request", "", "OVN_NEXT_HOP_UNRESOLVED",
     "the packet gives way to the ARP request"),
    ("OVN_LR_IN_LARGER_PKTS", "lr_in_larger_pkts", "", "PACKET_TOO_BIG",
     "larger than the gateway's MTU"),
    ("OVN_LR_IN_GW_REDIRECT", "lr_in_gw_redirect", "", "OVN_GATEWAY_DOWN",
     "no host carries the gateway port"),
    ("OVN_LR_OUT_EGR_LOOP", "lr_out_egr_loop", "", "FORWARDING_LOOP",
     "a translated packet would return into the router"),
)
# fmt: on
