"""Every cause is chosen for its own facts, and for no neighbour's."""

from ipaddress import ip_address, ip_network

import pytest

from dyetrace.knowledge.catalogue import CAUSES
from dyetrace.knowledge.explain import explain_loss
from dyetrace.knowledge.loss import Loss, Place
from dyetrace.model.packet import Encapsulation
from dyetrace.model.site import (
    BridgePort,
    Conntrack,
    Link,
    Neighbour,
    NeighbourState,
    PolicyRule,
    Queue,
    RouteKind,
    RouteLookup,
    SecurityRule,
    Tunnel,
)
from dyetrace.model.topology import VfdKind
from support.losses import a_flow, a_loss, a_vanishing, an_outer

REFUSAL = PolicyRule(priority=77, kind=RouteKind.UNREACHABLE, selector="to 10.0.2.2/32")
DEAD = (Link(name="to-b", has_carrier=False),)
ALIVE = (Link(name="to-b", mtu=1280),)
HERE = ip_network("10.0.2.0/24")
PORTS = (BridgePort(name="tap1"), BridgePort(name="tap2"))


def tunnel(*, up: bool, vni: int = 7) -> Tunnel:
    return Tunnel(name=f"vx{vni}", vni=vni, is_up=up)


def freed(function: str, reason: str = "NOT_SPECIFIED", **known: object) -> Loss:
    return a_loss(drop_reason=reason, symbol=f"{function}+0x94/0x210", **known)


def a_rule(text: str) -> SecurityRule:
    return SecurityRule(family="ip", table="t", chain="c", text=text)


def by_rule(text: str = "drop", *, chain: str = "in", **known: object) -> Loss:
    rule = SecurityRule(family="inet", table="t", chain=chain, handle=7, text=text)
    return freed("nft_do_chain", "NETFILTER_DROP", dropped_by=rule, **known)


def routed(kind: RouteKind, **known: object) -> Loss:
    route = RouteLookup(kind=kind, prefix=HERE, **known.pop("route", {}))
    return freed("ip_error", route=route, **known)


def bridged(**flags: object) -> Loss:
    ports = tuple(BridgePort(name=f"tap{n}", **flags) for n in (1, 2))
    return freed("br_handle_frame_finish", bridge_ports=ports)


BY_FACTS = {
    "TAP_NO_READER": freed("tun_net_xmit", "DEV_READY", links=DEAD),
    "VXLAN_DEVICE_DOWN": freed("vxlan_rcv", "DEV_READY"),
    "LINK_DOWN": freed("__dev_queue_xmit", "QDISC_DROP", links=DEAD),
    "UNDERLAY_MTU_TOO_SMALL": freed("ip_forward", "PKT_TOO_BIG", outer=an_outer()),
    "PACKET_TOO_BIG": freed("ip_fragment"),
    "XDP_DROP": freed("do_xdp_generic"),
    "XDP_REDIRECT_FAILED": freed("xdp_do_generic_redirect"),
    "BPF_REDIRECT_FAILED": freed("skb_do_redirect"),
    "NETKIT_DROP": freed("netkit_xmit"),
    "AF_XDP_RING_FULL": freed("xsk_generic_rcv"),
    "SOCKMAP_DROP": freed("sk_psock_verdict_apply"),
    "CONNTRACK_FULL": freed(
        "nf_hook_slow", "NETFILTER_DROP", conntrack=Conntrack(entries=9, limit=9)
    ),
    "CONNTRACK_INVALID": by_rule("ct state invalid drop", is_at_source=True),
    "RATE_LIMITED": by_rule("limit rate over 10/second drop"),
    "CONNECTION_LIMIT_REACHED": by_rule("ct count over 20 drop"),
    "SNAT_PORTS_EXHAUSTED": by_rule("masquerade"),
    "LOAD_BALANCER_NO_BACKEND": by_rule('reject comment "has no endpoints"'),
    "NETWORK_POLICY_DENY": by_rule(chain="cali-tw-web"),
    "FIB_CHECK_DENY": by_rule("fib saddr . iif oif missing drop"),
    "ANTI_SPOOFING_DENY": by_rule("ip saddr != 10.0.1.2 drop", is_at_source=True),
    "DENYLIST_HIT": by_rule("ip saddr @blocked drop"),
    "SYNPROXY_REFUSED": freed("ipv4_synproxy_hook", "NETFILTER_DROP"),
    "NFQUEUE_NO_READER": freed("nf_queue"),
    "NFQUEUE_FULL": freed("nfqnl_enqueue_packet"),
    "NFQUEUE_PROGRAM_DENY": freed("nfqnl_reinject", "NETFILTER_DROP"),
    "TX_ACL_DENY": by_rule(vfd_kind=VfdKind.VSWITCH, is_at_source=True),
    "RX_ACL_DENY": by_rule(vfd_kind=VfdKind.VSWITCH, is_at_destination=True),
    "FORWARD_POLICY_DROP": by_rule(),
    "SRV6_DISABLED": freed("ipv6_rthdr_rcv"),
    "SRV6_SEGMENTS_EXHAUSTED": freed("input_action_end"),
    "SRV6_DECAPSULATION_MISMATCH": freed("input_action_end_dx4"),
    "SRV6_VRF_MISSING": freed("end_dt_vrf_core"),
    "SRV6_ENCAPSULATION_FAILED": freed("seg6_output_core"),
    "SRV6_BPF_DROP": freed("input_action_end_bpf"),
    "SID_UNKNOWN": freed("ip6_forward", "IP_INADDRERRORS", outer=an_outer(Encapsulation.SRV6)),
    "UNDERLAY_ROUTE_REFUSES": routed(RouteKind.BLACKHOLE, outer=an_outer()),
    "VTEP_UNREACHABLE": freed("ip_error", "IP_INNOROUTES", outer=an_outer()),
    "VTEP_MISSING": freed("__udp4_lib_rcv", "NO_SOCKET", outer=an_outer()),
    "VTEP_NEIGHBOUR_UNRESOLVED": freed("neigh_invalidate", "NEIGH_FAILED", outer=an_outer()),
    "TUNNEL_ROUTED_INTO_ITSELF": freed("iptunnel_xmit", "RECURSION_LIMIT"),
    "VXLAN_FDB_MISSING": freed("vxlan_xmit", "NO_TX_TARGET"),
    "TUNNEL_OPTIONS_MISMATCH": freed("ip_tunnel_rcv"),
    "MPLS_LABEL_UNKNOWN": freed("mpls_forward"),
    "WIREGUARD_PEER_MISSING": freed("wg_xmit"),
    "WIREGUARD_SOURCE_REFUSED": freed("wg_packet_receive"),
    "IPSEC_INPUT_REFUSED": freed("xfrm_input"),
    "IPSEC_UNSUPPORTED": freed("xfrm4_esp_rcv"),
    "IPSEC_OUTPUT_FAILED": freed("xfrm_output"),
    "IPSEC_NOT_ESTABLISHED": freed("xdst_queue_output"),
    "IPSEC_NAT_TRAVERSAL_REFUSED": freed("xfrm4_udp_encap_rcv"),
    "MACSEC_REFUSED": freed("macsec_handle_frame"),
    "FORWARDING_OFF": freed("ip_error", "IP_INADDRERRORS", forwarding=False),
    "POLICY_RULE_BLOCKS": freed(
        "ip_error", route=RouteLookup(kind=RouteKind.PROHIBIT, error="EACCES")
    ),
    "ROUTE_BLACKHOLE": routed(RouteKind.BLACKHOLE),
    "ROUTE_PROHIBIT": routed(RouteKind.PROHIBIT, route={"error": "EACCES"}),
    "ROUTE_UNREACHABLE": routed(RouteKind.UNREACHABLE),
    "VPC_ROUTE_MISSING": freed("ip_error", "IP_INNOROUTES"),
    "ROUTING_LOOP": freed("ip_forward", "IP_INHDR", ttl=1, circle=("a on host h", "b on host i")),
    "TTL_EXPIRED": freed("ip_forward", "IP_INHDR", ttl=1),
    "IP_OPTIONS_REFUSED": freed("ip_rcv_finish_core", "IP_INHDR"),
    "IPV6_OPTION_REFUSED": freed("ip6_tlvopt_unknown", "UNHANDLED_PROTO"),
    "ROUTE_BPF_DROP": freed("run_lwt_bpf"),
    "ROUTE_ENCAP_UNSUPPORTED": freed("lwtunnel_output"),
    "MULTICAST_ROUTE_UNRESOLVED": freed("ipmr_cache_unresolved"),
    "MULTICAST_UNWANTED": freed("ip6_mc_input", five_tuple=a_flow("fe80::1", "ff02::1")),
    "ICMP_REFUSED": freed("icmp_rcv", "INVALID_PROTO"),
    "FRAGMENTATION_FAILED": freed("ip_do_fragment"),
    "REASSEMBLY_FAILED": a_vanishing(Place.INSIDE_VFD, has_fragments=True),
    "REASSEMBLY_MEMORY_FULL": freed("ip_defrag"),
    "NEIGHBOUR_UNRESOLVED": freed("neigh_invalidate", "NEIGH_FAILED"),
    "NEIGHBOUR_ENTRY_REMOVED": freed("neigh_flush_one", "QUEUE_PURGE"),
    "BRIDGE_PORT_STP": bridged(state="blocking"),
    "BRIDGE_PORT_LOCKED": bridged(is_locked=True),
    "BRIDGE_PORT_ISOLATED": bridged(is_isolated=True),
    "FDB_WRONG_PORT": freed("br_handle_frame_finish", bridge_ports=PORTS),
    "BRIDGE_PORT_BLOCKED": freed("br_handle_frame_finish"),
    "BRIDGE_VLAN_FILTERED": freed("__allowed_ingress"),
    "NETEM_LOSS": freed("__dev_queue_xmit", "QDISC_DROP", queue=Queue(kind="netem")),
    "QUEUE_FULL": freed("__dev_queue_xmit", "QDISC_DROP", queue=Queue(kind="tbf")),
    "TAP_DETACHED": freed("tun_queue_purge", "QUEUE_PURGE"),
    "VETH_PEER_REFUSED": freed("veth_xmit", links=ALIVE),
    "DEVICE_REMOVED": freed("blackhole_netdev_xmit"),
    "DRIVER_TX_DROP": freed("dev_kfree_skb_any_reason"),
    "BOND_NO_ACTIVE_LINK": freed("bond_tx_drop"),
    "SEGMENTATION_FAILED": freed("validate_xmit_skb"),
    "OVS_UPCALL_LOST": freed("ovs_dp_process_packet"),
    "OVS_PORT_REFUSED": freed("ovs_vport_send"),
    "SYN_COOKIE_REFUSED": freed("cookie_v4_check"),
    "SOCKET_CLOSED": freed("sk_stream_kill_queues", "QUEUE_PURGE"),
    "DESTINATION_IS_LOCAL": a_vanishing(
        Place.INSIDE_VFD, route=RouteLookup(kind=RouteKind.LOCAL, prefix=HERE)
    ),
    "STUCK_IN_QUEUE": a_vanishing(Place.BETWEEN_VFDS, queue=Queue(kind="tbf", packets=3)),
    "VTEP_UNKNOWN": a_vanishing(Place.BETWEEN_HOSTS, outer=an_outer()),
    "HOST_FIREWALL_DENY": by_rule(vfd_kind=VfdKind.VSWITCH, outer=an_outer()),
    "UNDERLAY_LOSS": a_vanishing(Place.BETWEEN_HOSTS),
    "LINK_LOSS": a_vanishing(Place.BETWEEN_VFDS, queue=Queue(kind="tbf")),
    "VFD_SILENT_DROP": a_vanishing(
        Place.INSIDE_VFD, route=RouteLookup(kind=RouteKind.UNICAST, prefix=HERE)
    ),
    "UNSPECIFIED_DROP": freed("some_function"),
}

# Each looks like the cause in its name but for one fact.
NEIGHBOURS = {
    "a tap without carrier": (freed("x", "DEV_READY", links=DEAD), "LINK_DOWN"),
    "the same rule at a router": (by_rule("ip saddr != 10.0.1.2 drop"), "FORWARD_POLICY_DROP"),
    "a rule of several": (
        freed(
            "nft_do_chain",
            "NETFILTER_DROP",
            rules=(a_rule("ct state invalid drop"), a_rule("tcp dport 22 drop")),
        ),
        "FORWARD_POLICY_DROP",
    ),
    "several rules of one kind": (
        freed(
            "nft_do_chain",
            "NETFILTER_DROP",
            rules=(a_rule("ct state invalid drop"), a_rule("ct state invalid reject")),
        ),
        "CONNTRACK_INVALID",
    ),
    "a rule elsewhere": (
        freed(
            "ip_error",
            "IP_INNOROUTES",
            dropped_by=SecurityRule(family="ip", table="t", chain="c", text="masquerade"),
        ),
        "VPC_ROUTE_MISSING",
    ),
    "no VTEP, device up": (
        freed("__udp4_lib_rcv", "NO_SOCKET", outer=an_outer(), links=ALIVE),
        "VTEP_MISSING",
    ),
    "no VTEP, device down": (
        freed("__udp4_lib_rcv", "NO_SOCKET", outer=an_outer(), tunnels=(tunnel(up=False),)),
        "VXLAN_DEVICE_DOWN",
    ),
    "a tunnel's other end that does not answer, told by its queue": (
        freed("neigh_invalidate", "QUEUE_PURGE", outer=an_outer()),
        "VTEP_NEIGHBOUR_UNRESOLVED",
    ),
    "a queue emptied elsewhere": (
        freed("neigh_destroy", "QUEUE_PURGE", outer=an_outer()),
        "NEIGHBOUR_ENTRY_REMOVED",
    ),
    "no such VNI, but its device is down": (
        freed("vxlan_rcv", "VXLAN_VNI_NOT_FOUND", outer=an_outer(), tunnels=(tunnel(up=False),)),
        "VXLAN_DEVICE_DOWN",
    ),
    "no such VNI, another's device is down": (
        freed(
            "vxlan_rcv",
            "VXLAN_VNI_NOT_FOUND",
            outer=an_outer(),
            tunnels=(tunnel(up=False, vni=8), tunnel(up=True)),
        ),
        "VNI_UNKNOWN",
    ),
    "the tunnel's packet, not the tenant's": (
        by_rule("udp dport 4789 drop", vfd_kind=VfdKind.VSWITCH, outer=an_outer()),
        "HOST_FIREWALL_DENY",
    ),
    "the tunnel's packet at a router of the underlay": (
        by_rule("udp dport 4789 drop", outer=an_outer(), next_host="cn-3"),
        "FORWARD_POLICY_DROP",
    ),
    "a rule that refuses, with the error of no route": (
        freed(
            "ip_error",
            "IP_INNOROUTES",
            route=RouteLookup(kind=RouteKind.UNREACHABLE, error="ENETUNREACH", rule=REFUSAL),
        ),
        "POLICY_RULE_BLOCKS",
    ),
    "no route, as its device is down": (
        freed("vxlan_xmit_one", "IP_OUTNOROUTES", idle_links=DEAD),
        "LINK_DOWN",
    ),
    "an isolated port, and others of the bridge": (
        freed(
            "br_handle_frame_finish",
            bridge_ports=(BridgePort(name="a", is_isolated=True),),
            closed_ports=(BridgePort(name="b", is_isolated=True),),
        ),
        "BRIDGE_PORT_ISOLATED",
    ),
    "a dead port that entries lead to": (
        freed(
            "br_handle_frame_finish",
            bridge_ports=(BridgePort(name="a"),),
            closed_ports=(BridgePort(name="to-b", state="disabled"),),
            idle_links=DEAD,
        ),
        "LINK_DOWN",
    ),
    "a closed port that entries lead to": (
        freed(
            "br_handle_frame_finish",
            bridge_ports=(BridgePort(name="a"),),
            closed_ports=(BridgePort(name="to-b", state="disabled"),),
        ),
        "BRIDGE_PORT_STP",
    ),
    "a dead device elsewhere": (
        freed("br_handle_frame_finish", bridge_ports=(BridgePort(name="a"),), idle_links=DEAD),
        "BRIDGE_PORT_BLOCKED",
    ),
    "at another VM's port": (
        a_vanishing(Place.BETWEEN_VFDS, is_at_stranger=True),
        "MISDELIVERED",
    ),
    "towards a host that is known": (
        a_vanishing(Place.BETWEEN_HOSTS, outer=an_outer(), next_host="cn-3"),
        "UNDERLAY_LOSS",
    ),
    "towards a SID": (
        a_vanishing(Place.BETWEEN_HOSTS, outer=an_outer(Encapsulation.SRV6)),
        "UNDERLAY_LOSS",
    ),
    "one isolated port": (
        freed(
            "br_handle_frame_finish",
            bridge_ports=(BridgePort(name="a", is_isolated=True), BridgePort(name="b")),
        ),
        "BRIDGE_PORT_BLOCKED",
    ),
    "an SRv6 SID without a VRF's table": (
        freed("input_action_end_dt4"),
        "SRV6_DECAPSULATION_MISMATCH",
    ),
    "a resolved neighbour": (
        a_vanishing(
            Place.INSIDE_VFD,
            neighbour=Neighbour(address=ip_address("10.0.2.9"), state=NeighbourState.REACHABLE),
        ),
        "VFD_SILENT_DROP",
    ),
    "a queue between hosts": (
        a_vanishing(Place.BETWEEN_HOSTS, queue=Queue(kind="tbf", packets=3)),
        "UNDERLAY_LOSS",
    ),
    "a veth that is down": (freed("veth_xmit", "QDISC_DROP", links=DEAD), "LINK_DOWN"),
}


@pytest.mark.parametrize("code", BY_FACTS)
def test_a_cause_is_chosen_for_its_facts(code: str) -> None:
    assert explain_loss(BY_FACTS[code]).cause.code == code


@pytest.mark.parametrize("situation", NEIGHBOURS)
def test_a_cause_is_not_chosen_for_its_neighbours_facts(situation: str) -> None:
    loss, code = NEIGHBOURS[situation]

    assert explain_loss(loss).cause.code == code


@pytest.mark.parametrize(
    ("reason", "code"), [(reason, one.code) for one in CAUSES for reason in one.drop_reasons]
)
def test_a_cause_is_chosen_for_its_drop_reasons(reason: str, code: str) -> None:
    assert explain_loss(freed("some_function", reason)).cause.code == code


def test_no_cause_is_without_a_test() -> None:
    tested = set(BY_FACTS) | {one.code for one in CAUSES if one.drop_reasons}

    assert {one.code for one in CAUSES} - tested == set()


def test_there_are_at_least_a_hundred_and_fifty_causes() -> None:
    assert len(CAUSES) >= 150
