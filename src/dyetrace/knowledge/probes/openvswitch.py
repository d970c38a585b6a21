"""Probes: Open vSwitch: its kernel module's reasons and places."""

from typing import Final

from dyetrace.knowledge.probe import Row

# A table: as few lines a row as fit.
# fmt: off
ROWS: Final[tuple[Row, ...]] = (
    ("OVS_LAST_ACTION", "do_execute_actions", "OVS_DROP_LAST_ACTION", "",
     "the flow ends without an output"),
    ("OVS_EXPLICIT", "do_execute_actions", "OVS_DROP_EXPLICIT", "",
     "the flow has an explicit drop action"),
    ("OVS_EXPLICIT_ERROR", "do_execute_actions", "OVS_DROP_EXPLICIT_WITH_ERROR", "",
     "the flow drops because its translation failed"),
    ("OVS_METER", "do_execute_actions", "OVS_DROP_METER", "",
     "a meter's band dropped it"),
    ("OVS_ACTION", "do_execute_actions", "OVS_DROP_ACTION_ERROR", "",
     "an action could not be carried out"),
    ("OVS_CONNTRACK", "do_execute_actions", "OVS_DROP_CONNTRACK", "",
     "the connection tracking action failed"),
    ("OVS_TTL", "do_execute_actions", "OVS_DROP_IP_TTL", "",
     "the action that lowers the TTL reached zero"),
    ("OVS_RECURSION", "clone_execute", "OVS_DROP_RECURSION_LIMIT", "",
     "recirculated too deep"),
    ("OVS_DEFERRED", "clone_execute", "OVS_DROP_DEFERRED_LIMIT", "",
     "too many deferred actions"),
    ("OVS_FRAGMENT_L2", "ovs_fragment", "OVS_DROP_FRAG_L2_TOO_LONG", "",
     "the link-layer header is too long to cut the packet"),
    ("OVS_FRAGMENT_PROTO", "ovs_fragment", "OVS_DROP_FRAG_INVALID_PROTO", "",
     "only IP packets can be cut"),
    ("OVS_FRAGMENT_SIZE", "do_output", "OVS_DROP_FRAG_INVALID_PROTO", "",
     "the packet exceeds the size that an output may have"),
    ("OVS_UPCALL", "ovs_dp_process_packet", "NOT_SPECIFIED", "OVS_UPCALL_LOST",
     "no flow, and ovs-vswitchd could not be asked"),
    ("OVS_UPCALL_QUEUE", "queue_userspace_packet", "NOT_SPECIFIED", "OVS_UPCALL_LOST",
     "the question to ovs-vswitchd did not fit its socket"),
    ("OVS_OUTPUT", "do_output", "NOT_SPECIFIED", "OVS_PORT_REFUSED",
     "the output port is not there"),
    ("OVS_PORT_SEND", "ovs_vport_send", "NOT_SPECIFIED", "OVS_PORT_REFUSED",
     "the port's device is down, or its MTU too small"),
    ("OVS_INTERNAL_PORT", "internal_dev_recv", "NOT_SPECIFIED", "OVS_PORT_REFUSED",
     "the bridge's own device is not up"),
    ("OVS_TUNNEL_RECEIVE", "ovs_vport_receive", "NOT_SPECIFIED", "OVS_PORT_REFUSED",
     "a packet from a tunnel or another namespace could not be taken in"),
)
# fmt: on
