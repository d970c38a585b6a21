"""Works, broken, seen, healed: each fault gets its verdict, place and cause."""

import pytest

from dyetrace.lab.faults import (
    AclDeny,
    LinkDown,
    NeighbourUnresolved,
    QueueFull,
    RandomLoss,
    RouteBlackhole,
    RouteMissing,
    RouteProhibit,
    RouteUnreachable,
    RpFilter,
    TtlExpired,
    UnderlayLoss,
    VniMismatch,
)
from dyetrace.lab.traffic import exchange
from support.diagnosis import diagnose, eventually, explained, filter_of, trace, trace_while

FAMILIES = [4, 6]
PROTOCOLS = ["udp", "tcp", "icmp"]

FAULTS = {
    "acl_deny at the destination vSwitch": AclDeny(direction="rx", vm="blue-db"),
    "acl_deny at the source vSwitch": AclDeny(direction="tx", vm="blue-web"),
    "route_missing": RouteMissing(),
    "route_blackhole": RouteBlackhole(),
    "route_unreachable": RouteUnreachable(),
    "route_prohibit": RouteProhibit(),
    "rp_filter": RpFilter(),
    "neighbour_unresolved": NeighbourUnresolved(),
    "link_down at the VM's port": LinkDown(),
    "link_down at the vRouter's port": LinkDown(at="vrouter"),
    "ttl_expired": TtlExpired(),
    "vni_mismatch": VniMismatch(),
    "underlay_loss": UnderlayLoss(),
}


def assert_works(cloud, src, dst, **flow):
    """Prove by the receiver's count that the traffic works."""
    eventually(
        lambda: exchange(cloud, src, dst, count=5, **flow).lost == 0,
        within_s=15,
        what=f"traffic {src} -> {dst} {flow}",
    )


IPV4_ONLY = {"rp_filter"}  # IPv6 has no such filter
CASES = [
    (name, protocol, family)
    for name in FAULTS
    for protocol in PROTOCOLS
    for family in FAMILIES
    if family == 4 or name not in IPV4_ONLY
]


@pytest.mark.parametrize(("name", "protocol", "family"), CASES)
def test_a_fault_is_found_with_its_place_and_cause(clouds, store, name, protocol, family):
    cloud, fault = clouds("three-hosts"), FAULTS[name]
    truth = fault.truth(cloud)
    assert family in truth.families
    src, dst = "blue-web", "blue-db"
    assert_works(cloud, src, dst, protocol=protocol, family=family)
    cloud.inject(fault)
    try:
        answer, seen = diagnose(cloud, src, dst, protocol=protocol, family=family, store=store)
    finally:
        cloud.heal()

    assert seen.lost > 0, "the fault must lose packets by the receiver's count"
    assert answer["verdict"] == truth.verdict, explained(answer)
    finding = answer["findings"][0]
    assert finding["code"] == truth.code, explained(answer)
    assert len(answer["findings"]) == 1, explained(answer)
    if truth.host is not None:
        assert (finding["host"], finding["vfd"]) == (truth.host, truth.vfd), explained(answer)
    assert_works(cloud, src, dst, protocol=protocol, family=family)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("at", ["vm", "uplink"])
def test_a_full_queue_is_found_with_its_depth(clouds, store, at, family):
    cloud, fault = clouds("three-hosts"), QueueFull(at=at)
    truth = fault.truth(cloud)
    cloud.inject(fault)
    try:
        answer, seen = diagnose(cloud, "blue-web", "blue-db", family=family, store=store, rate=400)
    finally:
        cloud.heal()

    assert seen.lost > 0
    assert answer["verdict"] in {truth.verdict, *truth.other_verdicts}, explained(answer)
    finding = answer["findings"][0]
    assert (finding["code"], finding["host"], finding["vfd"]) == (
        truth.code, truth.host, truth.vfd,
    ), explained(answer)  # fmt: skip
    shown = " ".join(evidence["text"] for evidence in finding["evidence"])
    assert any(ord(character) in range(48, 58) for character in shown), shown
    assert "queue" in shown


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("protocol", ["udp", "icmp"])
def test_random_loss_is_partial_with_the_right_k_of_n(clouds, store, protocol, family):
    cloud, fault = clouds("three-hosts"), RandomLoss(vm="blue-db")
    truth = fault.truth(cloud)
    wanted = filter_of(cloud, "blue-web", "blue-db", protocol=protocol, family=family)
    assert_works(cloud, "blue-web", "blue-db", protocol=protocol, family=family)
    cloud.inject(fault)
    try:
        answer, seen = trace_while(
            cloud, wanted, store=store, packets=200,
            send=lambda: exchange(
                cloud, "blue-web", "blue-db", protocol=protocol, family=family,
                count=200, interval=0.003,
            ),
        )  # fmt: skip
    finally:
        cloud.heal()

    assert answer["verdict"] == "PARTIAL", explained(answer)
    finding = answer["findings"][0]
    assert (finding["code"], finding["host"], finding["vfd"]) == (truth.code, truth.host, truth.vfd)
    assert (answer["lost"], answer["total"]) == (seen.lost, seen.sent), explained(answer)
    assert 20 < answer["lost"] < 110


def test_no_traffic_is_not_seen(clouds, store):
    cloud = clouds("three-hosts")
    wanted = filter_of(cloud, "blue-web", "blue-app", protocol="udp", family=4)

    answer = trace(cloud, wanted, store=store, time_s=0.5)

    assert answer["verdict"] == "NOT_SEEN"
    assert answer["undetermined"][0]["code"] == "NO_TRAFFIC"


DECOYS = """
table bridge tenant {
    chain in {
        type filter hook forward priority 0; policy accept;
        oifname "PORT" jump checks
    }
    chain checks {
        meta l4proto udp udp dport 1-5000 drop comment "decoy: other ports"
        meta l4proto udp jump deeper
        meta l4proto udp drop comment "decoy: too late"
    }
    chain deeper {
        meta l4proto udp udp dport 5001-6000 counter drop comment "the one"
    }
}
"""


def test_of_many_rules_the_one_that_dropped_is_named(clouds, store):
    cloud = clouds("three-hosts")
    db = cloud.vm("blue-db")
    assert_works(cloud, "blue-web", "blue-db")
    cloud.exec(db.port_netns, ["nft", DECOYS.replace("PORT", db.port)])
    try:
        answer, seen = diagnose(cloud, "blue-web", "blue-db", store=store)
        listed = cloud.exec(db.port_netns, ["nft", "list", "chain", "bridge", "tenant", "deeper"])
    finally:
        cloud.exec(db.port_netns, ["nft", "delete", "table", "bridge", "tenant"])

    assert seen.received == 0
    assert "counter packets 0" not in listed.stdout, "by nftables' count this rule dropped them"
    (finding,) = answer["findings"]
    assert finding["code"] == "RX_ACL_DENY", explained(answer)
    assert "the one" in finding["object"], explained(answer)
    traced = [shown for shown in finding["evidence"] if "traced" in shown["text"]]
    assert [shown["class"] for shown in traced] == ["observed"] * 2, explained(answer)
    assert traced[1]["text"].startswith("traced: bridge tenant in handle "), explained(answer)
    assert "-> deeper handle " in traced[1]["text"], explained(answer)
    assert_works(cloud, "blue-web", "blue-db")
    tables = cloud.exec(db.port_netns, ["nft", "list", "tables"]).stdout
    assert "dyetrace" not in tables, "nothing of ours may be left behind"


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("direction", "vm"), [("tx", "web"), ("rx", "db")])
def test_on_one_host_the_sides_of_one_vswitch_are_told_apart(clouds, store, direction, vm, family):
    cloud, fault = clouds("one-host"), AclDeny(direction=direction, vm=vm)
    truth = fault.truth(cloud)
    assert_works(cloud, "web", "db", family=family)
    cloud.inject(fault)
    try:
        answer, seen = diagnose(cloud, "web", "db", family=family, store=store)
    finally:
        cloud.heal()

    assert seen.received == 0
    assert answer["verdict"] == "LOST", explained(answer)
    assert [finding["code"] for finding in answer["findings"]] == [truth.code], explained(answer)
    assert_works(cloud, "web", "db", family=family)
