"""What inspection sees at places where packets are lost."""

import errno
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import msgspec
import pytest

from dyetrace.datapath.linux.discovery import discover
from dyetrace.datapath.linux.namespaces import Scope
from dyetrace.datapath.linux.site import inspect_site
from dyetrace.model.packet import FiveTuple
from dyetrace.model.site import NeighbourState, Queue, RouteKind, SiteEvidence
from support.builders import a_flow
from support.net import Net, eventually

A, B = "10.1.0.2", "10.2.0.2"
A6, B6 = "fd01::2", "fd02::2"
Inspect = Callable[..., SiteEvidence]
PATIENT_S = 5.0  # tests may run on a busy machine


@pytest.fixture
def router(net: Net) -> Net:
    """Make VM a - router - VM b, in 10.1.0.0/24 and 10.2.0.0/24."""
    net.add("router")
    net.vm("a", port="to-a", on="router", address=f"{A}/24")
    net.vm("b", port="to-b", on="router", address=f"{B}/24")
    net.ip(
        "router",
        "address add 10.1.0.1/24 dev to-a",
        "address add 10.2.0.1/24 dev to-b",
        "address add fd01::1/64 dev to-a nodad",
        "address add fd02::1/64 dev to-b nodad",
    )
    net.sysctl(
        "router",
        ipv4__ip_forward=1,
        ipv6__conf__all__forwarding=1,
        ipv4__conf__all__rp_filter=0,
        **{"ipv4__conf__to-a__rp_filter": 0},
    )
    net.ip("a", "route add default via 10.1.0.1")
    return net


@pytest.fixture
def switch(net: Net) -> Net:
    """Make VM a - bridge - VM b, which the bridge has learned."""
    net.add("switch")
    net.ip("switch", "link add name br0 type bridge", "link set dev br0 up")
    net.vm("a", port="to-a", on="switch", address="10.0.0.1/24")
    net.vm("b", port="to-b", on="switch", address="10.0.0.2/24")
    net.ip("switch", "link set dev to-a master br0", "link set dev to-b master br0")
    for port, vm in (("to-a", "a"), ("to-b", "b")):
        net.exec("switch", "bridge", "fdb", "replace", mac_of(net, vm), "dev", port, "master")
    return net


@pytest.fixture
def inspect(net: Net) -> Iterator[Inspect]:
    """Inspect as the agent does, by names instead of numbers."""
    with ExitStack() as stack:

        def look(
            role: str, flow: FiveTuple, *, at: str, came_in_by: str = "", **fields: Any
        ) -> SiteEvidence:
            scope = Scope(names=(f"{net.prefix}*",))
            found = stack.enter_context(discover(scope, host_number=1, host_name="h"))
            place = next(each for each in found.netns.values() if each.name == net.name(role))
            return inspect_site(
                place,
                flow,
                ifindex=ifindex_of(net, role, at),
                came_in_by=ifindex_of(net, role, came_in_by) if came_in_by else 0,
                within_s=PATIENT_S,
                **fields,
            )

        yield look


def ifindex_of(net: Net, role: str, device: str) -> int:
    return int(net.exec(role, "cat", f"/sys/class/net/{device}/ifindex"))


def mac_of(net: Net, role: str) -> str:
    return net.exec(role, "cat", "/sys/class/net/eth0/address").strip()


def test_a_healthy_way_out_shows_route_neighbour_and_links(router: Net, inspect: Inspect) -> None:
    router.ip("router", f"neighbour replace {B} lladdr {mac_of(router, 'b')} dev to-b")

    site = inspect("router", a_flow(A, B), at="to-a")

    assert (site.route.kind, site.route.error) == (RouteKind.UNICAST, "")
    assert (str(site.route.prefix), site.route.device) == ("10.2.0.0/24", "to-b")
    assert site.route.table == "main"
    assert (str(site.neighbour.address), site.neighbour.mac) == (B, mac_of(router, "b"))
    assert site.neighbour.state.is_resolved
    assert [link.name for link in site.links] == ["to-a", "to-b"]
    assert site.dead_link is None
    assert (site.forwarding, site.rp_filter, site.notes) == (True, 0, ())


@pytest.mark.parametrize(
    ("family", "kind", "error"),
    [
        (family, kind, error)
        for family in (4, 6)
        for kind, error in (
            (RouteKind.BLACKHOLE, errno.EINVAL),
            (RouteKind.UNREACHABLE, errno.EHOSTUNREACH),
            (RouteKind.PROHIBIT, errno.EACCES),
        )
    ],
)
def test_a_rejecting_route_is_named_with_its_prefix(
    router: Net, inspect: Inspect, family: int, kind: RouteKind, error: int
) -> None:
    wide, prefix, target = {
        4: ("10.0.0.0/8", "10.8.0.0/16", "10.8.0.1"),
        6: ("fd00::/8", "fd08::/64", "fd08::1"),
    }[family]
    router.ip("router", f"route add {kind} {wide}", f"route add {kind} {prefix}")

    site = inspect("router", a_flow(A if family == 4 else A6, target), at="to-a")

    assert (site.route.kind, site.route.error) == (kind, errno.errorcode[error])
    assert str(site.route.prefix) == prefix


@pytest.mark.usefixtures("router")
@pytest.mark.parametrize(("source", "target"), [(A, "10.99.0.1"), (A6, "fd99::1")])
def test_a_missing_route_is_none(inspect: Inspect, source: str, target: str) -> None:
    site = inspect("router", a_flow(source, target), at="to-a")

    assert (site.route.kind, site.route.error) == (RouteKind.NONE, "ENETUNREACH")
    assert (site.route.prefix, site.neighbour) == (None, None)


def test_a_route_by_a_gateway_leads_to_the_gateways_neighbour(
    router: Net, inspect: Inspect
) -> None:
    router.ip("router", f"route add 10.50.0.0/16 via {B}")

    site = inspect("router", a_flow(A, "10.50.0.1"), at="to-a")

    assert (str(site.route.gateway), str(site.route.prefix)) == (B, "10.50.0.0/16")
    assert str(site.neighbour.address) == B


def test_an_ipv4_route_by_an_ipv6_gateway_leads_to_its_neighbour(
    router: Net, inspect: Inspect
) -> None:
    router.ip("router", f"route add 10.50.0.0/16 via inet6 {B6} dev to-b")

    site = inspect("router", a_flow(A, "10.50.0.1"), at="to-a")

    assert str(site.route.gateway) == str(site.neighbour.address) == B6


def test_policy_rules_are_followed(router: Net, inspect: Inspect) -> None:
    router.ip(
        "router",
        "rule add ipproto udp dport 53 table 77 priority 77",
        "route add blackhole 10.2.0.0/16 table 77",
    )

    plain = inspect("router", a_flow(A, B, dst_port=80), at="to-a")
    ruled = inspect("router", a_flow(A, B, dst_port=53), at="to-a")

    assert plain.route.kind is RouteKind.UNICAST
    assert (ruled.route.kind, ruled.route.table) == (RouteKind.BLACKHOLE, "77")


@pytest.mark.usefixtures("router")
def test_an_address_of_the_router_itself_is_local(inspect: Inspect) -> None:
    assert inspect("router", a_flow(A, "10.1.0.1"), at="to-a").route.kind is RouteKind.LOCAL


def test_a_source_from_the_wrong_side_is_refused_though_there_is_a_route(
    router: Net, inspect: Inspect
) -> None:
    router.sysctl("router", **{"ipv4__conf__to-a__rp_filter": 1})

    site = inspect("router", a_flow("10.2.0.9", B), at="to-a")

    assert site.route.kind is RouteKind.UNICAST
    assert site.route.error in {"EXDEV", "EINVAL"}
    assert site.rp_filter == 1


def test_the_look_up_is_made_for_the_port_the_packet_came_in_by(
    router: Net, inspect: Inspect
) -> None:
    router.sysctl("router", **{"ipv4__conf__to-a__rp_filter": 1, "ipv4__conf__to-b__rp_filter": 1})

    site = inspect("router", a_flow(A, B), at="to-b", came_in_by="to-a")

    assert (site.route.error, site.links[0].name) == ("", "to-b")


def test_forwarding_switched_off_is_seen(router: Net, inspect: Inspect) -> None:
    router.sysctl("router", ipv4__ip_forward=0)
    site = inspect("router", a_flow(A, B), at="to-a")

    assert site.forwarding is False
    assert (site.route.kind, site.route.error) == (RouteKind.UNICAST, "EHOSTUNREACH")


def test_a_neighbour_that_does_not_answer_has_failed(router: Net, inspect: Inspect) -> None:
    absent = "10.2.0.77"

    def state() -> NeighbourState:
        router.exec("a", "ping", "-c1", "-W0.2", absent, check=False)
        return inspect("router", a_flow(A, absent), at="to-a").neighbour.state

    assert not state().is_resolved
    eventually(lambda: state() is NeighbourState.FAILED, dump=router.dump)


@pytest.mark.usefixtures("router")
def test_a_neighbour_nobody_asked_for_is_none(inspect: Inspect) -> None:
    site = inspect("router", a_flow(A, "10.2.0.99"), at="to-a")

    assert site.neighbour.state is NeighbourState.NONE


def test_a_link_without_carrier_is_dead(router: Net, inspect: Inspect) -> None:
    router.ip("b", "link set dev eth0 down")
    eventually(
        lambda: "NO-CARRIER" in router.exec("router", "ip", "link", "show", "to-b"),
        dump=router.dump,
    )

    site = inspect("router", a_flow(A, B), at="to-a")

    assert (site.dead_link.name, site.dead_link.is_up) == ("to-b", True)


def test_a_link_set_down_is_dead(router: Net, inspect: Inspect) -> None:
    router.ip("router", "link set dev to-b down")

    site = inspect("router", a_flow(A, B), at="to-b", came_in_by="to-a")

    assert (site.dead_link.name, site.dead_link.is_up) == ("to-b", False)


def test_a_full_queue_shows_its_backlog_limit_and_drops(router: Net, inspect: Inspect) -> None:
    limits = ("rate", "8kbit", "burst", "1600", "limit", "3000")
    router.exec(
        "router", "tc", "qdisc", "add", "dev", "to-b", "root", "handle", "1:", "tbf", *limits
    )

    def queue() -> Queue | None:
        router.exec("a", "ping", "-c3", "-i0.01", "-s1200", "-W0.1", B, check=False)
        return inspect("router", a_flow(A, B), at="to-b", came_in_by="to-a").queue

    full = eventually(
        lambda: (found := queue()) and found.drops and found.packets and found, dump=router.dump
    )
    assert (full.device, full.kind, full.handle, full.limit) == ("to-b", "tbf", "1:", "3000b")
    assert 0 < full.bytes <= 3000


def test_rules_that_can_have_dropped_the_packet_are_listed(router: Net, inspect: Inspect) -> None:
    router.nft(
        "router",
        """table inet tenant {
            chain to-db {
                tcp dport 22 accept
                udp dport 53 drop comment "deny dns"
                tcp dport 5432 drop
            }
            chain in { type filter hook input priority 0; policy drop; }
            chain through {
                type filter hook forward priority 0; policy accept;
                ip daddr 10.2.0.0/24 jump to-db
                ip daddr 10.3.0.0/24 drop
            }
        }
        table ip6 other {
            chain c {
                type filter hook forward priority 0;
                drop
            }
        }
        """,
    )

    site = inspect("router", a_flow(A, B, protocol=17, dst_port=53), at="to-a")

    assert [(rule.chain, rule.text, rule.comment) for rule in site.rules] == [
        ("to-db", "udp dport 53 drop", "deny dns")
    ]
    assert site.culprit_rule.handle > 0
    assert f"# handle {site.culprit_rule.handle}" in router.exec(
        "router", "nft", "-a", "list", "chain", "inet", "tenant", "to-db"
    )


def test_time_is_bounded_and_what_it_did_not_suffice_for_is_noted(router: Net) -> None:
    scope = Scope(names=(router.name("router"),))
    with discover(scope, host_number=1, host_name="h") as found:
        (place,) = found.netns.values()
        site = inspect_site(
            place, a_flow(A, B), ifindex=ifindex_of(router, "router", "to-a"), within_s=0
        )

    assert site.route.kind is RouteKind.UNICAST
    assert any("nft" in note for note in site.notes)


@pytest.mark.usefixtures("switch")
def test_a_bridged_packet_is_not_routed(inspect: Inspect) -> None:
    site = inspect("switch", a_flow("10.0.0.1", "10.0.0.2"), at="to-a")

    assert (site.route, site.neighbour, site.forwarding) == (None, None, None)
    assert [link.name for link in site.links] == ["to-a", "br0"]
    assert [port.name for port in site.bridge_ports] == ["to-a"]


def test_a_packet_that_was_decapsulated_is_in_the_bridge_it_was_bound_for(
    switch: Net, inspect: Inspect
) -> None:
    switch.vm("fabric", port="uplink0", on="switch")
    switch.ip("switch", "address add 172.31.0.1/24 dev uplink0")

    site = inspect(
        "switch",
        a_flow("10.0.9.1", "10.0.0.2"),
        at="uplink0",
        bound_for=ifindex_of(switch, "switch", "to-b"),
    )

    assert site.route is None
    assert [port.name for port in site.bridge_ports] == ["to-b"]


def test_a_bridged_packets_way_out_is_the_port_of_its_destination(
    switch: Net, inspect: Inspect
) -> None:
    switch.ip("switch", "link set dev to-b down")

    site = inspect(
        "switch", a_flow("10.0.0.1", "10.0.0.2"), at="to-a", destination_mac=mac_of(switch, "b")
    )

    assert site.dead_link.name == "to-b"


def test_a_disabled_or_isolated_port_is_seen(switch: Net, inspect: Inspect) -> None:
    switch.exec("switch", "bridge", "link", "set", "dev", "to-a", "isolated", "on")
    switch.exec("switch", "bridge", "link", "set", "dev", "to-b", "state", "0")

    site = inspect(
        "switch", a_flow("10.0.0.1", "10.0.0.2"), at="to-a", destination_mac=mac_of(switch, "b")
    )

    ports = {port.name: port for port in site.bridge_ports}
    assert ports["to-a"].is_isolated
    assert ports["to-b"].state == "disabled"


@pytest.mark.usefixtures("switch")
def test_a_mac_that_the_bridge_does_not_know_is_noted(inspect: Inspect) -> None:
    site = inspect(
        "switch", a_flow("10.0.0.1", "10.0.0.9"), at="to-a", destination_mac="02:00:00:00:00:99"
    )

    assert any("does not know 02:00:00:00:00:99" in note for note in site.notes)


def test_a_bridged_packet_meets_the_bridges_rules(switch: Net, inspect: Inspect) -> None:
    switch.nft(
        "switch",
        """table bridge sg {
            chain ports {
                type filter hook forward priority 0; policy accept;
                oifname "to-b" udp dport 53 drop
            }
        }""",
    )

    site = inspect("switch", a_flow("10.0.0.1", "10.0.0.2", protocol=17, dst_port=53), at="to-a")

    assert (site.culprit_rule.family, site.culprit_rule.table) == ("bridge", "sg")


def test_a_routed_packets_way_out_goes_on_through_the_bridge(net: Net, inspect: Inspect) -> None:
    net.add("host")
    net.vm("a", port="to-a", on="host", address=f"{A}/24")
    net.vm("b", port="to-b", on="host", address=f"{B}/24")
    net.ip(
        "host",
        "link add name br0 type bridge",
        "link set dev br0 up",
        "link set dev to-b master br0",
        "address add 10.1.0.1/24 dev to-a",
        "address add 10.2.0.1/24 dev br0",
        f"neighbour replace {B} lladdr {mac_of(net, 'b')} dev br0",
    )
    net.exec("host", "bridge", "fdb", "replace", mac_of(net, "b"), "dev", "to-b", "master")
    net.sysctl("host", ipv4__ip_forward=1)

    came_in = inspect("host", a_flow(A, B), at="to-a")
    going_out = inspect("host", a_flow(A, B), at="to-b", came_in_by="to-a")

    assert [link.name for link in came_in.links] == ["to-a", "br0", "to-b"]
    assert [link.name for link in going_out.links] == ["to-b", "br0"]
    assert going_out.route == came_in.route


def test_the_connection_tables_filling_is_read(router: Net, inspect: Inspect) -> None:
    router.nft(
        "router",
        "table inet t { chain c { type filter hook forward priority 0; ct state new accept; }; }",
    )
    router.exec("a", "ping", "-c1", "-W1", B, check=False)

    site = inspect("router", a_flow(A, B), at="to-a")

    assert 0 < site.conntrack.entries < site.conntrack.limit


def test_a_place_that_is_gone_is_noted_not_raised(router: Net) -> None:
    scope = Scope(names=(router.name("router"),))
    with discover(scope, host_number=1, host_name="h") as found:
        (place,) = found.netns.values()
    router.delete("router")

    site = inspect_site(place, a_flow(A, B), ifindex=2)

    assert site.route is None
    assert len(site.notes) == 1


def test_a_device_that_is_gone_leaves_the_rest_readable(router: Net) -> None:
    scope = Scope(names=(router.name("router"),))
    with discover(scope, host_number=1, host_name="h") as found:
        (place,) = found.netns.values()
        site = inspect_site(place, a_flow(A, B), ifindex=999, within_s=PATIENT_S)

    assert site.links[0].name == "to-b"
    assert site.route.kind is RouteKind.UNICAST


@pytest.mark.usefixtures("router")
def test_it_can_be_serialized(inspect: Inspect) -> None:
    site = inspect("router", a_flow(A, B), at="to-a")

    plain = msgspec.to_builtins(site, enc_hook=str)

    assert plain["route"]["prefix"] == "10.2.0.0/24"
