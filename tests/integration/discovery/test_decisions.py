"""What an inspection says a namespace decided, against what it was told and what it says itself."""

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from dyetrace.datapath.linux.namespaces import Netns, own_namespace
from dyetrace.datapath.linux.rule_watches import RuleWatches, Traced
from dyetrace.datapath.linux.site import inspect_site
from dyetrace.model.packet import Encapsulation, FiveTuple, Outer
from dyetrace.model.rule_met import walk
from dyetrace.model.site import SiteEvidence
from support.builders import a_flow
from support.net import NAMES, Net, eventually

COLOR = 43
A, B = "10.1.0.2", "10.2.0.2"
SEND = """
import socket, sys
src, src_port, dst, port, count, tos = sys.argv[1], *map(str, sys.argv[2:])
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sender.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, int(tos))
sender.bind((src, int(src_port)))
for _ in range(int(count)):
    sender.sendto(b"x" * 32, (dst, int(port)))
"""
LISTEN = """
import socket, sys
server = socket.create_server(("10.2.0.2", 80))
print("ready", flush=True)
connection, _ = server.accept()
connection.recv(1)
"""
CONNECT = """
import socket
connection = socket.create_connection(("10.1.0.1", 8080), source_address=("10.1.0.2", 40000))
connection.send(b"x" * 10)
print("ready", flush=True)
connection.recv(1)
"""
RULES = """
table ip filter {
    chain deep { ip daddr 10.2.0.0/16 counter comment "counted"; udp dport 53 goto deeper; }
    chain deeper { udp dport 53 drop comment "no names"; }
    chain early { type filter hook prerouting priority -10; policy accept; udp dport 1-100 accept; }
    chain forward {
        type filter hook forward priority 0; policy accept;
        tcp dport 22 drop
        iifname "to-a" jump deep
    }
}
"""
NAT = """
table ip nat {
    chain after { type nat hook postrouting priority 100; ip saddr 10.1.0.0/24 masquerade; }
    chain before { type nat hook prerouting priority -100; tcp dport 8080 dnat to 10.2.0.2:80; }
    chain zones { type filter hook prerouting priority -300; udp dport 5353 ct zone set 7; }
}
"""
Look = Callable[..., SiteEvidence]


@pytest.fixture
def router(net: Net) -> Net:
    """Make VM a - router - VM b, in 10.1.0.0/24 and 10.2.0.0/24."""
    net.add("router")
    net.vm("a", port="to-a", on="router", address=f"{A}/24")
    net.vm("b", port="to-b", on="router", address=f"{B}/24")
    net.ip("router", "address add 10.1.0.1/24 dev to-a", "address add 10.2.0.1/24 dev to-b")
    net.sysctl("router", ipv4__ip_forward=1)
    net.ip("a", "route add default via 10.1.0.1")
    net.ip("b", "route add default via 10.2.0.1")
    return net


@contextmanager
def place(net: Net, role: str = "router") -> Iterator[Netns]:
    with own_namespace(str(NAMES / net.name(role))) as opened:
        yield opened


def look(net: Net, flow: FiveTuple, *, at: str = "to-a", traced: Traced = Traced(), **fields):  # noqa: B008 - frozen
    ifindex = int(net.exec("router", "cat", f"/sys/class/net/{at}/ifindex"))
    with place(net) as opened:
        return inspect_site(opened, flow, ifindex=ifindex, traced=traced, within_s=5.0, **fields)


def send(
    net: Net, *, port: int, src_port: int = 4000, count: int = 1, tos: int = COLOR << 2
) -> None:
    arguments = map(str, (A, src_port, B, port, count, tos))
    net.exec("a", sys.executable, "-c", SEND, *arguments)


@contextmanager
def watching(net: Net) -> Iterator[RuleWatches]:
    watches = RuleWatches([COLOR])
    with place(net) as opened:
        watches.trace({opened.inode: opened})
        assert watches.ready() == ()
        try:
            yield watches
        finally:
            watches.close()


def traced(net: Net, watches: RuleWatches, flow: FiveTuple, *, dropped: bool) -> Traced:
    with place(net) as opened:
        return eventually(
            lambda: (found := watches.traced(opened.inode, flow, dropped=dropped)).steps and found,
            dump=net.dump,
        )


def handles(net: Net) -> dict[str, int]:
    """Rules' handles by their texts, as nft itself lists them."""
    listing = net.exec("router", "nft", "-a", "list", "table", "ip", "filter")
    return {
        text.strip(): int(handle) for text, handle in re.findall(r"(.*) # handle (\d+)", listing)
    }


def test_rules_are_told_in_the_order_they_were_met_with_the_stack_of_jumps(router: Net) -> None:
    router.nft("router", RULES)
    by_text = handles(router)
    with watching(router) as watches:
        send(router, port=53)
        found = traced(router, watches, a_flow(A, B), dropped=True)

    site = look(router, a_flow(A, B), traced=found, lists_rules=False)

    assert [(each.chain, each.decision, each.stack) for each in site.rules_met] == [
        ("early", "accept", ()),
        ("forward", "jump deep", ()),
        ("deep", "continue", ("forward",)),
        ("deep", "goto deeper", ("forward",)),
        ("deeper", "drop", ("forward",)),
    ]
    assert [each.handle for each in site.rules_met] == [
        next(number for text, number in by_text.items() if text.startswith(words))
        for words in (
            "udp dport 1-100",
            'iifname "to-a"',
            "ip daddr",
            "udp dport 53 goto",
            "udp dport 53 drop",
        )
    ]
    assert [each.comment for each in site.rules_met if each.comment] == ["counted", "no names"]
    assert site.dropped_by is not None
    assert site.dropped_by.text == "udp dport 53 drop"
    assert walk(site.rules_met).endswith("-> deeper handle "
        f"{site.dropped_by.handle} drop")  # fmt: skip


def test_the_element_of_the_set_that_a_packet_is_within_is_told(router: Net) -> None:
    router.nft(
        "router",
        """table ip filter {
            set denied { type ipv4_addr . inet_service; flags interval;
                         elements = { 192.0.2.0/24 . 1-9, 10.2.0.0/16 . 50-60 }; }
            set allowed { type ipv4_addr; elements = { 192.0.2.1 }; }
            chain forward { type filter hook forward priority 0; policy accept;
                ip saddr != @allowed ip daddr . udp dport @denied drop; }
        }""",
    )
    with watching(router) as watches:
        send(router, port=53)
        found = traced(router, watches, a_flow(A, B), dropped=True)

    (told,) = look(router, a_flow(A, B), traced=found).memberships

    assert (told.name, told.key) == ("denied", "10.2.0.2 . 53")
    assert told.element == "10.2.0.0/16 . 50-60"


def test_a_packet_in_an_ipset_that_iptables_drops_is_told(router: Net) -> None:
    router.exec("router", "ipset", "create", "denied", "hash:net")
    router.exec("router", "ipset", "add", "denied", "10.2.0.0/16")
    rule = "-m set --match-set denied dst -j DROP"
    router.exec("router", "iptables-legacy", "-A", "FORWARD", *rule.split())

    (told,) = look(router, a_flow(A, B)).memberships
    elsewhere = look(router, a_flow(A, "10.1.0.1")).memberships

    assert str(told) == "10.2.0.2 is in set denied"
    assert elsewhere == ()


def test_a_packet_that_passes_met_rules_and_policies(router: Net) -> None:
    router.nft("router", RULES)
    with watching(router) as watches:
        send(router, port=2000)
        found = traced(router, watches, a_flow(A, B, dst_port=2000), dropped=False)

    site = look(router, a_flow(A, B, dst_port=2000), traced=found, is_loss=False)

    assert [(each.chain, str(each.met_as), each.decision) for each in site.rules_met] == [
        ("early", "policy", "accept"),
        ("forward", "rule", "jump deep"),
        ("deep", "rule", "continue"),
        ("deep", "return", "return"),
        ("forward", "policy", "accept"),
    ]
    assert site.dropped_by is None


def test_a_rule_that_is_deleted_after_the_drop_is_still_named(router: Net) -> None:
    router.nft("router", RULES)
    with watching(router) as watches:
        send(router, port=53)
        router.nft("router", "delete table ip filter")
        found = traced(router, watches, a_flow(A, B), dropped=True)

    site = look(router, a_flow(A, B), traced=found)

    assert site.rules == ()
    assert site.dropped_by is not None
    assert (site.dropped_by.text, site.dropped_by.comment) == ("udp dport 53 drop", "no names")


def test_undyed_packets_are_not_traced(router: Net) -> None:
    router.nft("router", RULES)
    with watching(router) as watches, place(router) as opened:
        send(router, port=53, tos=0, src_port=4001)
        send(router, port=53)
        traced(router, watches, a_flow(A, B), dropped=True)

        other = a_flow(A, B, src_port=4001)
        assert watches.traced(opened.inode, other, dropped=None).steps == ()


def test_the_kernel_traces_the_first_packets_only(router: Net) -> None:
    router.nft("router", RULES)
    with watching(router) as watches, place(router) as opened:
        for src_port in range(5000, 5040):
            send(router, port=53, src_port=src_port)
        flows = [a_flow(A, B, src_port=src_port) for src_port in range(5000, 5040)]
        steps = [watches.traced(opened.inode, flow, dropped=True).steps for flow in flows]

    # Two a second may be added to the first twenty; sending them took some seconds.
    assert all(steps[:20])
    assert not all(steps)


def test_a_namespace_without_rules_is_left_alone(router: Net) -> None:
    with watching(router):
        assert router.exec("router", "nft", "list", "tables") == ""


def test_nothing_of_the_trace_is_left(router: Net) -> None:
    router.nft("router", RULES)
    with watching(router) as watches:
        assert "dyetrace" in router.exec("router", "nft", "list", "tables")
        watches.trace({})
        assert watches.ready() == ()
        assert router.exec("router", "nft", "list", "tables") == "table ip filter\n"


def test_rules_at_netdevs_ingress_are_noted_as_untraced(router: Net) -> None:
    router.nft(
        "router",
        'table netdev t { chain c { type filter hook ingress device "to-a" priority 0; '
        "udp dport 53 drop\n}\n}",
    )
    with watching(router) as watches, place(router) as opened:
        found = watches.traced(opened.inode, a_flow(A, B), dropped=None)

    assert found.notes == (
        "rules at netdev's ingress come before tracing begins, and are not traced",
    )


def test_of_legacy_rules_those_that_dropped_since_tracing_began_are_noted(router: Net) -> None:
    for words in (
        "-A FORWARD -p udp --dport 54 -j DROP",
        "-A FORWARD -p udp --dport 53 -m comment --comment legacy -j DROP",
    ):
        router.exec("router", "iptables-legacy", *words.split())
    send(router, port=54, tos=0)
    with watching(router) as watches, place(router) as opened:
        send(router, port=53, count=3)
        found = watches.traced(opened.inode, a_flow(A, B), dropped=True)

        site = look(router, a_flow(A, B), traced=found)

    (note,) = site.notes
    assert note == (
        "iptables-legacy -t filter -A FORWARD -p udp -m udp --dport 53 -m comment "
        "--comment legacy -j DROP has dropped 3 packets, of whatever flow, since tracing began"
    )


def test_rules_that_iptables_nft_made_are_met_like_any_other(router: Net) -> None:
    words = "-A FORWARD -p udp --dport 53 -j DROP"
    router.exec("router", "iptables-nft", *words.split())
    with watching(router) as watches:
        send(router, port=53)
        found = traced(router, watches, a_flow(A, B), dropped=True)

    site = look(router, a_flow(A, B), traced=found)

    assert site.dropped_by is not None
    assert (site.dropped_by.table, site.dropped_by.chain) == ("filter", "FORWARD")
    assert "dport 53" in site.dropped_by.text


def test_a_translated_connection_is_what_conntrack_lists(router: Net) -> None:
    router.nft("router", NAT)
    router.start(sys.executable, "-c", LISTEN, role="b")
    router.start(sys.executable, "-c", CONNECT, role="a")
    listed = router.exec("router", "conntrack", "-L", "-p", "tcp")
    assert "dport=8080 src=10.2.0.2 dst=10.2.0.1 sport=80" in listed
    came_as = a_flow(A, "10.1.0.1", protocol=6, src_port=40000, dst_port=8080)

    for flow in (came_as, a_flow("10.2.0.1", B, protocol=6, src_port=40000, dst_port=80)):
        found = look(router, flow).connection
        assert found is not None
        assert (found.before, str(found.after)) == (came_as, "tcp 10.2.0.1:40000 -> 10.2.0.2:80")
        assert {"snat", "dnat", "assured"} <= set(found.status)
        assert f" {found.state.upper().replace('-', '_')} " in listed
        assert not found.is_reply

    answer = a_flow(B, "10.2.0.1", protocol=6, src_port=80, dst_port=40000)
    back = look(router, answer, at="to-b").connection
    assert back is not None
    assert (back.is_reply, str(back.after)) == (True, "tcp 10.1.0.1:8080 -> 10.1.0.2:40000")


def test_a_connection_of_another_zone_is_found_by_the_rules_that_choose_it(router: Net) -> None:
    router.nft("router", NAT)
    send(router, port=5353)
    assert "zone=7" in router.exec("router", "conntrack", "-L", "-p", "udp")
    with watching(router) as watches, place(router) as opened:
        found = watches.traced(opened.inode, a_flow(A, B), dropped=None)

    connection = look(router, a_flow(A, B, dst_port=5353), traced=found).connection

    assert connection is not None
    assert connection.zone == 7


def test_a_ping_is_found_though_its_tuple_has_more_than_its_addresses(router: Net) -> None:
    router.nft("router", NAT)
    router.exec("a", "ping", "-c1", "-q", B)

    connection = look(router, a_flow(A, B, protocol=1, src_port=0, dst_port=0)).connection

    assert connection is not None
    assert str(connection.after) == "icmp 10.2.0.1 -> 10.2.0.2"


def test_a_packet_of_no_connection_has_none(router: Net) -> None:
    router.nft("router", NAT)
    send(router, port=5353)

    assert look(router, a_flow(A, B, dst_port=9)).connection is None


def test_the_rule_that_chose_the_table_is_told(router: Net) -> None:
    router.ip(
        "router",
        "route add 10.2.0.2 dev to-b table 77",
        f"rule add from {A} to 10.2.0.0/16 lookup 77 priority 100",
        "rule add fwmark 5 lookup 77 priority 50",
    )

    site = look(router, a_flow(A, B))

    assert site.route is not None
    assert site.route.table == "77"
    assert site.routing_rule == f"rule 100: from {A}/32 to 10.2.0.0/16 lookup 77"
    assert look(router, a_flow(B, A), at="to-b").routing_rule == (
        "rule 32766: from all lookup main"
    )


def test_segments_of_a_route_and_the_action_of_a_segment_are_told(router: Net) -> None:
    router.sysctl("router", ipv6__conf__all__forwarding=1)
    router.ip(
        "router",
        "route add 10.9.0.0/16 encap seg6 mode encap segs fd00::1,fd00::2 dev to-b",
        "address add fd01::1/64 dev to-a nodad",
        "route add fd07::/64 encap seg6local action End.DX4 nh4 10.2.0.2 dev to-b",
    )

    site = look(router, a_flow(A, "10.9.1.1"))
    assert site.route is not None
    assert site.route.encapsulation == "encap seg6 mode encap segs fd00::1,fd00::2"

    sid = a_flow("fd01::5", "fd07::9")
    outer = Outer(encapsulation=Encapsulation.SRV6, src=sid.src, dst=sid.dst)
    assert look(router, a_flow(A, B), outer=outer).sid_action == (
        "seg6local action End.DX4 nh4 10.2.0.2"
    )


def test_entries_of_bridge_and_vxlan_for_the_next_hop_are_told(router: Net) -> None:
    mac = "02:00:00:00:00:77"
    router.ip(
        "router",
        "link add name br0 type bridge",
        "link add name vx7 type vxlan id 7 dstport 4789 local 10.2.0.1 nolearning",
        "link set dev vx7 master br0 up",
        "link set dev br0 up",
        "address add 10.3.0.1/24 dev br0",
        f"neighbour add 10.3.0.2 lladdr {mac} dev br0",
    )
    router.exec("router", "bridge", "fdb", "add", mac, "dev", "vx7", "master", "static")
    router.exec("router", "bridge", "fdb", "add", mac, "dev", "vx7", "dst", "10.2.0.9")

    entries = [str(each) for each in look(router, a_flow(A, "10.3.0.2")).entries]

    assert sorted(entries) == [
        f"{mac} dev vx7 dst 10.2.0.9 permanent",
        f"{mac} dev vx7 master br0 static",
    ]


def test_switches_that_decide_are_told_with_their_values(router: Net) -> None:
    router.sysctl(
        "router", **{"ipv4__conf__to-a__rp_filter": 1, "ipv4__conf__all__accept_local": 1}
    )

    settings = {each.name: each.value for each in look(router, a_flow(A, B)).settings}

    assert settings["net.ipv4.conf.to-a.rp_filter"] == 1
    assert settings["net.ipv4.conf.all.accept_local"] == 1
    assert settings["net.ipv4.conf.to-a.forwarding"] == 1
    assert settings["net.ipv4.conf.to-a.route_localnet"] == 0


def test_classes_and_their_queues_are_told_with_limit_and_drops(router: Net) -> None:
    for words in (
        "qdisc add dev to-b root handle 1: htb default 10",
        "class add dev to-b parent 1: classid 1:10 htb rate 8kbit",
        "qdisc add dev to-b parent 1:10 handle 10: pfifo limit 2",
    ):
        router.exec("router", "tc", *words.split())
    router.ip("router", f"neighbour replace {B} lladdr 02:00:00:00:00:01 dev to-b")
    send(router, port=9, count=60, tos=0)

    def dropped():
        listed = router.exec("router", "tc", "-s", "qdisc", "show", "dev", "to-b", "parent", "1:10")
        return int(re.findall(r"dropped (\d+)", listed)[0])

    before = dropped()
    assert before > 0
    queues = {each.handle: each for each in look(router, a_flow(A, B)).queues}

    assert (queues["1:10"].kind, queues["10:"].limit) == ("htb class", "2p")
    assert before <= queues["10:"].drops <= dropped(), "some may still be on their way to it"
