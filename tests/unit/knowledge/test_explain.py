"""A loss gets the cause that its facts show, the object at fault, and honest evidence."""

from ipaddress import ip_address, ip_network

import pytest

from dyetrace.knowledge.explain import explain_loss
from dyetrace.knowledge.loss import Loss, Place
from dyetrace.model.cause import EvidenceClass
from dyetrace.model.packet import Encapsulation
from dyetrace.model.rule_met import MetAs, RuleMet
from dyetrace.model.site import (
    BridgePort,
    Conntrack,
    Link,
    Neighbour,
    NeighbourState,
    PolicyRule,
    Program,
    Queue,
    RouteKind,
    RouteLookup,
    SecurityRule,
    Tunnel,
)
from dyetrace.model.topology import VfdKind
from support.losses import a_flow, a_loss, a_vanishing, an_outer

V6 = a_flow(src="fd00:1::2", dst="fd00:2::2")
PREFIX = ip_network("10.0.2.0/24")
DEAD = (Link(name="to-b", has_carrier=False),)
ALIVE = (Link(name="to-b", mtu=1280),)
FULL_TABLE = Conntrack(entries=100, limit=100)
DENY = SecurityRule(
    family="inet", table="tenant", chain="in", handle=7, text="drop", comment="deny db"
)
OTHER = SecurityRule(family="inet", table="tenant", chain="in", text="policy drop")


def a_route(kind: RouteKind) -> RouteLookup:
    """Give a look-up that ended so."""
    return RouteLookup(kind=kind, prefix=None if kind is RouteKind.NONE else PREFIX)


def freed(reason: str, function: str, **known: object) -> Loss:
    """Give a loss as the kernel tells it."""
    return a_loss(drop_reason=reason, symbol=f"{function}+0x94/0x210", **known)


def code_of(loss: Loss) -> str:
    """Give the code of a loss's cause."""
    return explain_loss(loss).cause.code


def texts(loss: Loss, kind: EvidenceClass | None = None) -> str:
    """Give all lines of a loss's evidence."""
    found = explain_loss(loss).evidence
    return "\n".join(one.text for one in found if kind in {None, one.kind})


# As observed on Linux 6.18: what the kernel says, and where, in each situation.
OBSERVED = {
    "blackhole route, IPv4": (
        freed("NOT_SPECIFIED", "ip_error", route=a_route(RouteKind.BLACKHOLE)),
        "ROUTE_BLACKHOLE",
    ),
    "blackhole route, IPv6": (
        freed("NOT_SPECIFIED", "dst_discard_out", five_tuple=V6),
        "ROUTE_BLACKHOLE",
    ),
    "unreachable route, IPv4": (
        freed("NOT_SPECIFIED", "ip_error", route=a_route(RouteKind.UNREACHABLE)),
        "ROUTE_UNREACHABLE",
    ),
    "unreachable route, IPv6": (
        freed("IP_INNOROUTES", "ip6_pkt_discard", route=a_route(RouteKind.UNREACHABLE)),
        "ROUTE_UNREACHABLE",
    ),
    "a route that refuses, of which nothing more is known": (
        freed("NOT_SPECIFIED", "ip_error"),
        "ROUTE_UNREACHABLE",
    ),
    "prohibit route, IPv4": (
        freed("NOT_SPECIFIED", "ip_error", route=a_route(RouteKind.PROHIBIT)),
        "ROUTE_PROHIBIT",
    ),
    "prohibit route, IPv6": (freed("IP_INNOROUTES", "ip6_pkt_prohibit"), "ROUTE_PROHIBIT"),
    "missing route, IPv4": (freed("IP_INNOROUTES", "ip_error"), "VPC_ROUTE_MISSING"),
    "missing route, IPv6": (
        freed("IP_INNOROUTES", "ip6_pkt_discard", route=a_route(RouteKind.NONE)),
        "VPC_ROUTE_MISSING",
    ),
    "missing route, older kernel": (
        freed("NOT_SPECIFIED", "ip_error", route=a_route(RouteKind.NONE)),
        "VPC_ROUTE_MISSING",
    ),
    "missing route, nothing looked up": (freed("IP_OUTNOROUTES", "x"), "VPC_ROUTE_MISSING"),
    "forwarding off, IPv4": (
        freed("IP_INADDRERRORS", "ip_error", route=a_route(RouteKind.UNREACHABLE)),
        "FORWARDING_OFF",
    ),
    "forwarding off, IPv6": (
        freed("IP_INADDRERRORS", "ip6_forward", forwarding=False),
        "FORWARDING_OFF",
    ),
    "rp_filter": (freed("IP_RPFILTER", "ip_rcv_finish_core"), "RP_FILTER"),
    "TTL, IPv4": (freed("IP_INHDR", "ip_forward", ttl=1), "TTL_EXPIRED"),
    "TTL, IPv6": (freed("IP_INHDR", "ip6_forward", ttl=1), "TTL_EXPIRED"),
    "broken header": (freed("IP_INHDR", "ip_rcv_core", ttl=64), "PACKET_MALFORMED"),
    "too big, IPv4": (freed("PKT_TOO_BIG", "ip_forward"), "PACKET_TOO_BIG"),
    "too big, bridge, IPv6": (freed("NOT_SPECIFIED", "ip6_fragment"), "PACKET_TOO_BIG"),
    "too big for the peer": (
        freed("NOT_SPECIFIED", "__dev_forward_skb2", links=ALIVE),
        "PACKET_TOO_BIG",
    ),
    "peer is down": (freed("NOT_SPECIFIED", "__dev_forward_skb2", links=DEAD), "LINK_DOWN"),
    "peer refuses": (freed("NOT_SPECIFIED", "__dev_forward_skb2"), "LINK_DOWN"),
    "neighbour, IPv4": (freed("NEIGH_FAILED", "neigh_invalidate"), "NEIGHBOUR_UNRESOLVED"),
    "neighbour, IPv6": (freed("NOT_SPECIFIED", "neigh_invalidate"), "NEIGHBOUR_UNRESOLVED"),
    "neighbour's queue": (freed("NEIGH_QUEUEFULL", "__neigh_event_send"), "NEIGHBOUR_UNRESOLVED"),
    "neighbour behind a dead link": (
        freed("NEIGH_FAILED", "neigh_invalidate", links=DEAD),
        "LINK_DOWN",
    ),
    "no carrier": (freed("QDISC_DROP", "__dev_queue_xmit", links=DEAD), "LINK_DOWN"),
    "queue": (freed("QDISC_DROP", "__dev_queue_xmit"), "QUEUE_FULL"),
    "tap ring": (freed("FULL_RING", "tun_net_xmit"), "TAP_RING_FULL"),
    "XDP, generic": (freed("NOT_SPECIFIED", "do_xdp_generic"), "XDP_DROP"),
    "XDP, veth": (freed("NOT_SPECIFIED", "veth_xdp_rcv_skb"), "XDP_DROP"),
    "tc ingress": (freed("TC_INGRESS", "__netif_receive_skb_core.constprop.0"), "TC_DROP"),
    "bridge port disabled": (
        freed("BRIDGE_INGRESS_STP_STATE", "br_handle_frame"),
        "BRIDGE_PORT_STP",
    ),
    "bridge ports of which nothing is known": (
        freed("NOT_SPECIFIED", "br_handle_frame_finish"),
        "BRIDGE_PORT_BLOCKED",
    ),
    "bridge port down": (
        freed("NO_TX_TARGET", "br_handle_frame_finish", links=DEAD),
        "LINK_DOWN",
    ),
    "unknown MAC address": (
        freed("NO_TX_TARGET", "br_handle_frame_finish"),
        "FORWARDING_ENTRY_MISSING",
    ),
    "VNI": (freed("VXLAN_VNI_NOT_FOUND", "vxlan_rcv", outer=an_outer()), "VNI_UNKNOWN"),
    "no VTEP": (freed("NO_SOCKET", "__udp4_lib_rcv", outer=an_outer()), "VTEP_MISSING"),
    "no route to the VTEP, sending": (
        freed("IP_OUTNOROUTES", "vxlan_xmit_one"),
        "VTEP_UNREACHABLE",
    ),
    "no route to the VTEP, on the way": (
        freed("IP_INNOROUTES", "ip_error", outer=an_outer()),
        "VTEP_UNREACHABLE",
    ),
    "SID": (
        freed("IP_INADDRERRORS", "ip6_forward", outer=an_outer(Encapsulation.SRV6)),
        "SID_UNKNOWN",
    ),
    "no seg6": (freed("NOT_SPECIFIED", "ipv6_rthdr_rcv"), "SRV6_DISABLED"),
    "closed port": (freed("NO_SOCKET", "__udp4_lib_rcv"), "NO_SOCKET"),
    "other MAC address": (freed("OTHERHOST", "ip_rcv_core"), "MISDELIVERED"),
    "router's own address": (freed("IP_LOCAL_SOURCE", "ip_rcv_finish_core"), "ADDRESS_CONFLICT"),
    "multicast": (
        freed("NOT_SPECIFIED", "ip6_mc_input", five_tuple=a_flow("fe80::1", "ff02::1")),
        "MULTICAST_UNWANTED",
    ),
    "IPsec block": (freed("XFRM_POLICY", "ip_forward"), "IPSEC_POLICY_DENY"),
    "nothing known": (freed("NOT_SPECIFIED", "some_function"), "UNSPECIFIED_DROP"),
}


@pytest.mark.parametrize("situation", OBSERVED)
def test_what_the_kernel_says_leads_to_the_cause(situation: str) -> None:
    loss, code = OBSERVED[situation]

    assert code_of(loss) == code


@pytest.mark.parametrize(
    ("known", "code"),
    [
        ({"is_at_source": True}, "TX_ACL_DENY"),
        ({"is_at_destination": True}, "RX_ACL_DENY"),
        ({}, "FORWARD_POLICY_DROP"),
        ({"is_at_source": True, "vfd_kind": VfdKind.VROUTER}, "FORWARD_POLICY_DROP"),
        ({"is_at_destination": True, "vfd_kind": VfdKind.GATEWAY}, "FORWARD_POLICY_DROP"),
        (
            {"is_at_source": True, "is_at_destination": True, "port": "tap1", "in_port": "tap1"},
            "TX_ACL_DENY",
        ),
        (
            {"is_at_source": True, "is_at_destination": True, "port": "tap2", "in_port": "tap1"},
            "RX_ACL_DENY",
        ),
    ],
)
def test_a_netfilter_drop_is_blamed_on_the_side_it_happened_at(
    known: dict[str, object], code: str
) -> None:
    loss = freed("NETFILTER_DROP", "nft_do_chain", **({"vfd_kind": VfdKind.VSWITCH} | known))

    assert code_of(loss) == code


def test_a_full_connection_table_is_told_from_a_rule() -> None:
    outside = freed("NETFILTER_DROP", "nf_hook_slow", conntrack=FULL_TABLE)
    by_rule = freed("NETFILTER_DROP", "nft_do_chain", conntrack=FULL_TABLE)

    assert code_of(outside) == "CONNTRACK_FULL"
    assert explain_loss(outside).object == "100 of 100 connections"
    assert code_of(by_rule) == "FORWARD_POLICY_DROP"


@pytest.mark.parametrize(
    ("place", "known", "code"),
    [
        (Place.BETWEEN_HOSTS, {}, "UNDERLAY_LOSS"),
        (Place.BETWEEN_HOSTS, {"links": DEAD}, "LINK_DOWN"),
        (Place.BETWEEN_VFDS, {}, "LINK_LOSS"),
        (Place.BETWEEN_VFDS, {"links": DEAD}, "LINK_DOWN"),
        (Place.INSIDE_VFD, {}, "VFD_SILENT_DROP"),
        (Place.INSIDE_VFD, {"links": ALIVE}, "VFD_SILENT_DROP"),
        (Place.INSIDE_VFD, {"links": DEAD}, "LINK_DOWN"),
    ],
)
def test_a_vanished_packet_is_explained_by_where_and_by_what_was_found(
    place: Place, known: dict[str, object], code: str
) -> None:
    assert code_of(a_vanishing(place, **known)) == code


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (NeighbourState.INCOMPLETE, "NEIGHBOUR_UNRESOLVED"),
        (NeighbourState.FAILED, "NEIGHBOUR_UNRESOLVED"),
        (NeighbourState.NONE, "VFD_SILENT_DROP"),
        (NeighbourState.REACHABLE, "VFD_SILENT_DROP"),
        (NeighbourState.STALE, "VFD_SILENT_DROP"),
    ],
)
def test_a_packet_that_stays_inside_may_wait_for_its_neighbour(
    state: NeighbourState, code: str
) -> None:
    neighbour = Neighbour(address=ip_address("10.0.2.9"), state=state)

    assert code_of(a_vanishing(Place.INSIDE_VFD, neighbour=neighbour)) == code


def test_vanishing_is_inferred_never_observed() -> None:
    for place in (Place.INSIDE_VFD, Place.BETWEEN_VFDS, Place.BETWEEN_HOSTS):
        kinds = {one.kind for one in explain_loss(a_vanishing(place, links=DEAD)).evidence}
        assert kinds == {EvidenceClass.INFERRED, EvidenceClass.CONFIG}


def test_a_drop_is_observed_with_function_reason_and_meaning() -> None:
    assert texts(freed("IP_RPFILTER", "ip_rcv_finish_core"), EvidenceClass.OBSERVED) == (
        "the kernel freed the packet in ip_rcv_finish_core: IP_RPFILTER, "
        "the reverse path filter refused an IPv4 source"
    )


def test_an_empty_queue_is_not_called_full() -> None:
    loss = freed("QDISC_DROP", "__dev_queue_xmit", queue_packets=0)

    assert "no packet waited" in texts(loss, EvidenceClass.OBSERVED)
    assert "not full by its own count" in texts(loss)


def test_a_full_queue_is_shown_with_its_depth() -> None:
    queue = Queue(kind="tbf", handle="8001:", device="to-b", limit="2000b", drops=18)
    loss = freed("QDISC_DROP", "__dev_queue_xmit", queue_packets=3, queue_bytes=1900, queue=queue)

    assert "3 packets (1900 bytes) waited" in texts(loss, EvidenceClass.OBSERVED)
    assert "18 dropped" in texts(loss, EvidenceClass.CONFIG)
    assert explain_loss(loss).object == "tbf 8001: on to-b, limit 2000b"


def test_a_drop_behind_the_port_says_so() -> None:
    loss = freed("QDISC_DROP", "__dev_queue_xmit", has_left_port=True)

    assert "handed to to-b already" in texts(loss)


def test_the_traced_rule_is_named_by_its_comment() -> None:
    loss = freed("NETFILTER_DROP", "nft_do_chain", dropped_by=DENY, rules=(DENY, OTHER))

    assert explain_loss(loss).object == 'rule "deny db" (nft inet tenant in handle 7)'
    assert "traced packets of this flow to" in texts(loss, EvidenceClass.OBSERVED)


def test_the_only_rule_that_drops_is_named() -> None:
    loss = freed("NETFILTER_DROP", "nft_do_chain", rules=(OTHER,))

    assert explain_loss(loss).object == 'rule "policy drop" (nft inet tenant in policy)'
    assert "the only rule here that can have dropped it" in texts(loss, EvidenceClass.CONFIG)


def test_of_several_rules_none_is_accused() -> None:
    loss = freed("NETFILTER_DROP", "nft_do_chain", rules=(DENY, OTHER) * 4)

    explained = explain_loss(loss)
    assert explained.object == "one of 8 rules in nft inet tenant in"
    assert "and 3 more rules" in texts(loss)
    assert explained.remedy.command == "ip netns exec vrouter-7 nft -a list ruleset"


@pytest.mark.parametrize(
    ("loss", "at_fault"),
    [
        (freed("IP_INNOROUTES", "ip_error"), "10.0.2.2"),
        (
            freed("NOT_SPECIFIED", "ip_error", route=a_route(RouteKind.BLACKHOLE)),
            "blackhole 10.0.2.0/24",
        ),
        (freed("IP_INNOROUTES", "ip_error", outer=an_outer()), "172.31.2.1"),
        (freed("VXLAN_VNI_NOT_FOUND", "vxlan_rcv", outer=an_outer()), "VNI 7 from 172.31.1.1"),
        (freed("QDISC_DROP", "x", links=DEAD), "to-b (no carrier)"),
        (freed("QDISC_DROP", "x", links=(Link(name="e", is_up=False),)), "e (switched off)"),
        (freed("PKT_TOO_BIG", "ip_forward", links=ALIVE), "MTU 1280 of to-b"),
        (freed("IP_INHDR", "ip_forward", ttl=1), "it came with 1"),
        (freed("NO_SOCKET", "tcp_v4_rcv"), "tcp/5432 at 10.0.2.2"),
        (
            freed("IP_RPFILTER", "ip_rcv_finish_core", rp_filter=1),
            "rp_filter=1 refuses 10.0.1.2 from to-b",
        ),
        (
            freed("IP_INADDRERRORS", "ip_error", forwarding=False),
            "ipv4 forwarding is 0",
        ),
        (
            freed(
                "NOT_SPECIFIED",
                "br_handle_frame_finish",
                bridge_ports=(
                    BridgePort(name="tap1", is_isolated=True),
                    BridgePort(name="tap2", is_isolated=True),
                ),
            ),
            "tap1, tap2 isolated from each other",
        ),
        (
            freed(
                "BRIDGE_INGRESS_STP_STATE",
                "br_handle_frame",
                bridge_ports=(BridgePort(name="tap1", state="blocking"),),
            ),
            "tap1 is blocking",
        ),
        (
            freed(
                "NEIGH_FAILED",
                "neigh_invalidate",
                neighbour=Neighbour(
                    address=ip_address("10.0.2.9"), state=NeighbourState.FAILED, device="to-b"
                ),
            ),
            "10.0.2.9 on to-b (failed)",
        ),
        (a_vanishing(Place.BETWEEN_HOSTS, outer=an_outer()), "172.31.2.1"),
        (a_vanishing(Place.BETWEEN_HOSTS, next_host="cn-3"), "cn-12 to cn-3"),
        (a_vanishing(Place.BETWEEN_VFDS, next_vfd="br0"), "to-b to br0"),
        (a_vanishing(Place.INSIDE_VFD), "after to-a"),
    ],
)
def test_the_object_at_fault_is_the_very_thing(loss: Loss, at_fault: str) -> None:
    assert explain_loss(loss).object == at_fault


def test_rules_are_no_evidence_for_a_missing_route() -> None:
    assert "rule" not in texts(freed("IP_INNOROUTES", "ip_error", rules=(DENY,)))


def test_a_route_that_is_there_again_is_shown() -> None:
    route = RouteLookup(
        kind=RouteKind.UNICAST,
        prefix=PREFIX,
        gateway=ip_address("10.0.9.9"),
        device="to-b",
        table="main",
    )
    loss = freed("IP_INNOROUTES", "ip_error", route=route)

    assert texts(loss, EvidenceClass.CONFIG) == (
        "the route to 10.0.2.2 is unicast 10.0.2.0/24 via 10.0.9.9 dev to-b table main"
    )


def test_a_route_that_refuses_only_what_came_in_like_this_says_so() -> None:
    route = RouteLookup(kind=RouteKind.UNICAST, prefix=PREFIX, device="to-b", error="EXDEV")
    loss = freed("IP_RPFILTER", "ip_rcv_finish_core", route=route)

    assert "but not for packets that come in like this (EXDEV)" in texts(loss)


def test_what_could_not_be_read_is_said() -> None:
    loss = freed("NETFILTER_DROP", "nft_do_chain", notes=("rules could not be read: x",))

    assert "note: rules could not be read: x" in texts(loss, EvidenceClass.CONFIG)


def test_a_rule_that_names_the_way_in_is_the_senders_although_the_packet_was_past_it() -> None:
    loss = freed(
        "NETFILTER_DROP",
        "nft_do_chain",
        vfd_kind=VfdKind.VSWITCH,
        is_at_source=True,
        is_at_destination=True,
        port="tap2",
        in_port="tap1",
        dropped_by=SecurityRule(
            family="bridge", table="t", chain="c", handle=2, text='iifname "tap1" udp dport 53 drop'
        ),
    )

    assert code_of(loss) == "TX_ACL_DENY"


def test_a_rule_deep_down_is_the_senders_if_the_jump_to_it_names_the_way_in() -> None:
    def deny(jump: str) -> Loss:
        met = RuleMet(
            family="bridge",
            table="t",
            chain="base",
            met_as=MetAs.RULE,
            decision="jump deep",
            text=f'iifname "{jump}" jump deep',
        )
        return freed(
            "NETFILTER_DROP",
            "nft_do_chain",
            vfd_kind=VfdKind.VSWITCH,
            is_at_source=True,
            is_at_destination=True,
            port="tap2",
            in_port="tap1",
            rules_met=(met,),
            dropped_by=SecurityRule(family="bridge", table="t", chain="deep", text="drop"),
        )

    assert code_of(deny("tap1")) == "TX_ACL_DENY"
    assert code_of(deny("tap9")) == "RX_ACL_DENY"


GUARD = Program(device="to-b", hook="tc egress", name="guard", id=12, tag="3b18")


@pytest.mark.parametrize(
    ("loss", "at_fault"),
    [
        (
            freed("TC_EGRESS", "__dev_queue_xmit", programs=(GUARD,)),
            "tc egress program guard (id 12, tag 3b18) on to-b",
        ),
        (freed("TC_INGRESS", "sch_handle_ingress", programs=(GUARD,)), "to-b"),
        (
            freed(
                "TC_EGRESS",
                "__dev_queue_xmit",
                programs=(GUARD, Program(device="to-c", hook="tc egress", name="other", id=13)),
            ),
            "tc egress program guard (id 12, tag 3b18) on to-b",
        ),
        (
            freed(
                "TC_EGRESS",
                "__dev_queue_xmit",
                programs=(Program(device="to-b", hook="tc egress", name="u32 pref 7 handle 0x1"),),
            ),
            "tc egress filter u32 pref 7 handle 0x1 on to-b",
        ),
        (
            freed(
                "NOT_SPECIFIED",
                "do_xdp_generic",
                programs=(
                    GUARD,
                    Program(device="to-b", hook="xdp generic", name="ddos", id=9, tag="aa"),
                ),
            ),
            "xdp generic program ddos (id 9, tag aa) on to-b",
        ),
        (
            freed(
                "VXLAN_VNI_NOT_FOUND",
                "vxlan_rcv",
                outer=an_outer(),
                tunnels=(Tunnel(name="vx7", vni=7, is_up=False),),
            ),
            "vx7 (switched off)",
        ),
        (
            freed(
                "NOT_SPECIFIED",
                "br_handle_frame_finish",
                bridge_ports=(BridgePort(name="tap1", is_isolated=True),),
                closed_ports=(BridgePort(name="tap2", is_isolated=True),),
            ),
            "tap1, tap2 isolated from each other",
        ),
        (
            freed(
                "IP_INNOROUTES",
                "ip_error",
                route=RouteLookup(
                    kind=RouteKind.PROHIBIT,
                    error="EACCES",
                    rule=PolicyRule(priority=77, kind=RouteKind.PROHIBIT, selector="from all"),
                ),
            ),
            "ip rule 77: from all prohibit",
        ),
        (
            freed("IP_LOCALNET", "ip_rcv_finish_core", five_tuple=a_flow(dst="127.0.0.9")),
            "127.0.0.9",
        ),
        (
            freed("IP_OUTNOROUTES", "vxlan_xmit_one", port="", links=(Link(name="vx7", mtu=1450),)),
            "vx7",
        ),
    ],
)
def test_what_stands_around_names_the_object(loss: Loss, at_fault: str) -> None:
    assert explain_loss(loss).object == at_fault


def test_a_rule_of_iptables_legacy_is_looked_up_with_its_own_tool() -> None:
    rule = SecurityRule(
        family="iptables", table="filter", chain="FORWARD", handle=2, text="-j DROP"
    )

    remedy = explain_loss(freed("NETFILTER_DROP", "nf_hook_slow", rules=(rule,))).remedy

    assert remedy.command == (
        "ip netns exec vrouter-7 iptables-legacy -t filter -L FORWARD -n -v --line-numbers"
    )
