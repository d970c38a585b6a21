"""Some packets are lost and some are not: each cause with its own packets, and what they share."""

from contextlib import ExitStack, contextmanager
from ipaddress import ip_network
from threading import Thread

import pytest

from dyetrace.lab.traffic import exchange
from dyetrace.model.filter import PacketFilter
from dyetrace.model.packet import Protocol
from support.diagnosis import eventually, explained, filter_of, trace_while

SRC, DB, APP, CACHE = "blue-web", "blue-db", "blue-app", "blue-cache"
AT_ROUTER = ("cn-1", "vrouter-blue", "inet")
COUNT = 20
LARGE, SMALL = 1000, 64
ALL_UDP = PacketFilter(src_vm=SRC, protocol=Protocol.UDP)


@contextmanager
def ruled(cloud, place, *rules):
    """Put rules into the forward chain of a VFD."""
    host, role, family = place
    netns, table = cloud.host(host).netns[role], "partly"
    body = "\n".join(rules)
    head = "type filter hook forward priority 0;"
    cloud.exec(netns, ["nft", f"table {family} {table} {{\nchain c {{ {head}\n{body}\n}}\n}}"])
    try:
        yield lambda: cloud.exec(netns, ["nft", "list", "table", family, table]).stdout
    finally:
        cloud.exec(netns, ["nft", "delete", "table", family, table])


def in_turns(cloud, *flows, count=COUNT, **looks):
    """Send all flows' packets mixed, a packet of each in turn; give each flow's report."""
    reports = [None] * len(flows)

    def send(number, destination, port, size):
        reports[number] = exchange(
            cloud, SRC, destination, count=count, interval=0.01, port=port, size=size, **looks
        )

    senders = [Thread(target=send, args=(number, *flow)) for number, flow in enumerate(flows)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    return reports


def assert_works(cloud, *destinations, **looks):
    for destination in destinations:
        eventually(
            lambda to=destination: exchange(cloud, SRC, to, count=5, **looks).lost == 0,
            within_s=15,
            what=f"healthy traffic to {destination}",
        )


def found(answer):
    """What was found, as (host, VFD, packets), the largest loss first."""
    return [(each["host"], each["vfd"], each["packets"]) for each in answer["findings"]]


def in_common(finding):
    shown = [each for each in finding["evidence"] if each["text"].startswith("all ")]
    assert {each["class"] for each in shown} <= {"inferred"}
    return [each["text"] for each in shown]


@pytest.mark.parametrize("with_healthy", [False, True], ids=["all lost", "one flow arrives"])
def test_two_causes_at_two_places_are_two_findings(clouds, store, with_healthy):
    cloud = clouds("three-hosts")
    assert_works(cloud, DB, APP, CACHE)
    flows = [(DB, 5001, SMALL), (APP, 5002, SMALL), *[(CACHE, 5003, SMALL)] * with_healthy]
    with (
        ruled(cloud, AT_ROUTER, 'udp dport 5001 drop comment "no db"'),
        ruled(cloud, ("cn-2", "vswitch", "bridge"), 'udp dport 5002 drop comment "no app"'),
    ):
        answer, (to_db, to_app, *others) = trace_while(
            cloud, ALL_UDP, store=store, packets=COUNT * len(flows),
            send=lambda: in_turns(cloud, *flows),
        )  # fmt: skip

    assert [other.lost for other in others] == [0] * with_healthy
    assert answer["verdict"] == ("PARTIAL" if with_healthy else "LOST"), explained(answer)
    assert sorted(found(answer)) == [
        ("cn-1", "vrouter-blue", to_db.lost), ("cn-2", "vswitch", to_app.lost),
    ], explained(answer)  # fmt: skip
    assert (to_db.lost, to_app.lost, answer["lost"]) == (COUNT, COUNT, 2 * COUNT)
    objects = {each["host"]: each["object"] for each in answer["findings"]}
    assert "no db" in objects["cn-1"], explained(answer)
    assert "no app" in objects["cn-2"], explained(answer)
    assert "and 1 more finding" in answer["summary"]
    assert_works(cloud, DB, APP, CACHE)


def test_two_rules_at_one_vfd_are_two_findings(clouds, store):
    cloud = clouds("three-hosts")
    assert_works(cloud, DB)
    rules = [f'udp dport {port} counter drop comment "no {port}"' for port in (5001, 5002)]
    wanted = filter_of(cloud, SRC, DB, protocol="udp", family=4)
    with ruled(cloud, AT_ROUTER, *rules) as listed:
        answer, reports = trace_while(
            cloud, wanted, store=store, packets=3 * COUNT,
            send=lambda: in_turns(cloud, *((DB, port, SMALL) for port in (5001, 5002, 5003))),
        )  # fmt: skip
        counted = listed()

    assert [each.lost for each in reports] == [COUNT, COUNT, 0]
    assert counted.count(f"counter packets {COUNT} ") == 2, counted
    assert answer["verdict"] == "PARTIAL", explained(answer)
    assert found(answer) == [("cn-1", "vrouter-blue", COUNT)] * 2, explained(answer)
    for port in (5001, 5002):
        (finding,) = (each for each in answer["findings"] if f"no {port}" in each["object"])
        (told,) = in_common(finding)
        assert told == (
            f"all {COUNT} packets lost here have destination port {port}, "
            f"none of the {COUNT} delivered ones has"
        ), explained(answer)


@pytest.mark.parametrize("family", [4, 6])
def test_a_loss_of_large_packets_is_told_by_their_size(clouds, store, family):
    cloud = clouds("three-hosts")
    assert_works(cloud, DB, family=family)
    wanted = filter_of(cloud, SRC, DB, protocol="udp", family=family)
    with ruled(cloud, AT_ROUTER, 'udp length > 500 drop comment "too long"'):
        answer, (large, small) = trace_while(
            cloud, wanted, store=store, packets=2 * COUNT,
            send=lambda: in_turns(cloud, (DB, 5001, LARGE), (DB, 5002, SMALL), family=family),
        )  # fmt: skip

    assert (large.lost, small.lost) == (COUNT, 0)
    assert answer["verdict"] == "PARTIAL", explained(answer)
    assert found(answer) == [("cn-1", "vrouter-blue", COUNT)], explained(answer)
    assert (
        f"all {COUNT} packets lost here carry at least {LARGE} bytes of payload, "
        f"all {COUNT} delivered ones at most {SMALL}"
    ) in in_common(answer["findings"][0]), explained(answer)


def test_every_third_packet_lost_has_nothing_in_common(clouds, store):
    cloud = clouds("three-hosts")
    assert_works(cloud, DB)
    wanted = filter_of(cloud, SRC, DB, protocol="udp", family=4)
    with ruled(cloud, AT_ROUTER, 'meta l4proto udp numgen inc mod 3 == 0 drop comment "third"'):
        answer, seen = trace_while(
            cloud, wanted, store=store, packets=60,
            send=lambda: exchange(cloud, SRC, DB, count=60, interval=0.005),
        )  # fmt: skip

    assert seen.lost == 20
    assert answer["verdict"] == "PARTIAL", explained(answer)
    assert found(answer) == [("cn-1", "vrouter-blue", 20)], explained(answer)
    assert "third" in answer["findings"][0]["object"]
    assert in_common(answer["findings"][0]) == [], explained(answer)


@contextmanager
def two_next_hops(cloud):
    """Have cn-1's vRouter reach the database by the vRouters of cn-2 and cn-3, by flow."""
    netns = cloud.host("cn-1").netns["vrouter-blue"]
    hops = [
        word for number in (252, 253)
        for word in ("nexthop", "via", f"10.0.2.{number}", "dev", "net-b")
    ]  # fmt: skip
    to_db = ip_network(cloud.vm(DB).address(4))
    cloud.exec(netns, ["sysctl", "-qw", "net.ipv4.fib_multipath_hash_policy=1"])
    cloud.exec(netns, ["ip", "route", "add", str(to_db), *hops])
    try:
        yield
    finally:
        cloud.exec(netns, ["ip", "route", "del", str(to_db)])
        cloud.exec(netns, ["sysctl", "-qw", "net.ipv4.fib_multipath_hash_policy=0"])


def test_of_two_next_hops_the_one_that_loses_is_named(clouds, store):
    cloud = clouds("three-hosts")
    wanted = filter_of(cloud, SRC, DB, protocol="udp", family=4)
    with ExitStack() as stack:
        stack.enter_context(two_next_hops(cloud))
        ports = range(5001, 5017)
        for port in ports:
            assert_works(cloud, DB, port=port)
        stack.enter_context(
            ruled(cloud, ("cn-3", "vrouter-blue", "inet"), 'udp dport != 1 drop comment "closed"')
        )
        answer, reports = trace_while(
            cloud, wanted, store=store, packets=5 * len(ports), time_s=20,
            send=lambda: in_turns(cloud, *((DB, port, SMALL) for port in ports), count=5),
        )  # fmt: skip

    lost = sum(each.lost for each in reports)
    assert {each.lost for each in reports} == {0, 5}, "each flow keeps to one next hop"
    assert answer["verdict"] == "PARTIAL", explained(answer)
    assert (answer["lost"], answer["total"]) == (lost, 5 * len(ports)), explained(answer)
    assert found(answer) == [("cn-3", "vrouter-blue", lost)], explained(answer)
    (told,) = in_common(answer["findings"][0])
    assert told.startswith(f"all {lost} packets lost here left by r-blue-b of vswitch on host cn-3")
    assert told.endswith(f"none of the {5 * len(ports) - lost} delivered ones did")
