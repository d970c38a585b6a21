"""Every fault breaks what it says, in both families, and heals without a trace."""

from typing import Any, Literal

import pytest

from dyetrace.lab import traffic
from dyetrace.lab.breakage import entry_of, fault_from
from dyetrace.lab.cloud import Cloud
from dyetrace.lab.errors import FaultAlreadyInjected, FaultNotApplicable, UnknownName
from dyetrace.lab.faults import (
    FAULTS,
    AclDeny,
    Fault,
    LinkDown,
    NeighbourUnresolved,
    QueueFull,
    RandomLoss,
    RouteBlackhole,
    RouteMissing,
    RouteProhibit,
    RouteUnreachable,
    RpFilter,
    StaleDnat,
    TtlExpired,
    UnderlayLoss,
    VniMismatch,
)
from dyetrace.lab.faults.options import BadOption, fault_with, summary_of
from dyetrace.lab.faults.placed import Placed
from dyetrace.lab.matrix.choice import all_groups
from dyetrace.lab.matrix.conduct import conduct
from dyetrace.lab.matrix.scenario import Group

Protocol = Literal["udp", "tcp", "icmp"]
PROTOCOLS: tuple[Protocol, ...] = ("udp", "tcp", "icmp")

# Each with the place and the code that its truth must name.
ON_THREE_HOSTS: list[tuple[Fault, str | None, str | None, str]] = [
    (AclDeny(), "cn-3", "vswitch", "RX_ACL_DENY"),
    (AclDeny(direction="tx"), "cn-1", "vswitch", "TX_ACL_DENY"),
    (RandomLoss(percent=25), "cn-3", "vswitch", "RX_ACL_DENY"),
    (RandomLoss(percent=25, direction="tx"), "cn-1", "vswitch", "TX_ACL_DENY"),
    (RouteMissing(), "cn-1", "vrouter-blue", "VPC_ROUTE_MISSING"),
    (RouteBlackhole(), "cn-1", "vrouter-blue", "ROUTE_BLACKHOLE"),
    (RouteUnreachable(), "cn-1", "vrouter-blue", "ROUTE_UNREACHABLE"),
    (RouteProhibit(), "cn-1", "vrouter-blue", "ROUTE_PROHIBIT"),
    (RpFilter(), "cn-1", "vrouter-blue", "RP_FILTER"),
    (NeighbourUnresolved(), "cn-1", "vrouter-blue", "NEIGHBOUR_UNRESOLVED"),
    (LinkDown(), "cn-3", "vswitch", "LINK_DOWN"),
    (LinkDown(at="vrouter"), "cn-1", "vrouter-blue", "LINK_DOWN"),
    (QueueFull(), "cn-3", "vswitch", "QUEUE_FULL"),
    (QueueFull(at="uplink"), "cn-1", "vswitch", "QUEUE_FULL"),
    (TtlExpired(), "cn-1", "vrouter-blue", "TTL_EXPIRED"),
    (VniMismatch(), "cn-3", "vswitch", "VNI_UNKNOWN"),
    (UnderlayLoss(), None, None, "UNDERLAY_LOSS"),
]

# Every fault that can be put at several places, at one of them.
PLACED: list[Group] = list(
    {
        type(group.fault): group
        for group in all_groups()
        if isinstance(group.fault, Placed) and group.route.name == "routed"
    }.values()
)


def exchange(
    cloud: Cloud,
    protocol: Protocol,
    family: Literal[4, 6],
    *,
    count: int = 3,
    deadline: float = 0.6,
) -> traffic.Report:
    """Send a few packets of the example flow, with little patience."""
    return traffic.exchange(
        cloud, *cloud.example, protocol=protocol, family=family, count=count, interval=0.001,
        deadline=deadline,
    )  # fmt: skip


def assert_all_works(cloud: Cloud, *, unless: Literal[4, 6] | None = None) -> None:
    for family in (4, 6):
        if family != unless:
            for protocol in PROTOCOLS:
                report = exchange(cloud, protocol, family)
                assert report.sent == report.received >= 3, f"{report}\n{cloud.dump()}"


@pytest.mark.parametrize(
    ("fault", "host", "vfd", "code"),
    ON_THREE_HOSTS,
    ids=lambda each: each.name if isinstance(each, tuple(FAULTS)) else str(each),
)
def test_a_fault_breaks_what_it_says_and_heals(
    three_hosts: Cloud, fault: Fault, host: str | None, vfd: str | None, code: str
) -> None:
    truth = fault.truth(three_hosts)
    assert (truth.host, truth.vfd, truth.code) == (host, vfd, code)
    assert_all_works(three_hosts)

    three_hosts.inject(fault)
    try:
        for family in truth.families:
            for protocol in PROTOCOLS:
                if truth.verdict == "LOST":
                    report = exchange(three_hosts, protocol, family, count=2)
                    assert report.sent >= 2, report
                    assert report.received == 0, report
                else:
                    # Chance and tokens need more packets to show than certainty does.
                    report = exchange(three_hosts, protocol, family, count=40, deadline=1.2)
                    assert 0 < report.received < report.sent, report
        if truth.families == (4,):
            assert_all_works(three_hosts, unless=4)
    finally:
        three_hosts.heal()

    assert three_hosts.injected == ()
    assert_all_works(three_hosts)


def test_every_fault_is_among_the_tested() -> None:
    tested = {type(fault) for fault, *_ in ON_THREE_HOSTS}
    placed = {type(group.fault) for group in PLACED}
    assert tested | placed | {StaleDnat} == set(FAULTS)


@pytest.mark.parametrize("group", PLACED, ids=lambda group: group.name)
def test_a_placed_fault_loses_what_it_says_and_heals(three_hosts: Cloud, group: Group) -> None:
    def watch(cloud: Cloud, source: str, destination: str, **looks: Any) -> dict[str, Any]:
        traffic.exchange(
            cloud, source, destination, **looks, port=9, count=20, interval=0.01, deadline=0.6
        )
        return {"verdict": "NONE", "summary": "", "findings": [], "undetermined": []}

    outcomes = conduct(three_hosts, group, watch)

    assert {each.scenario.id: each.invalid for each in outcomes if each.invalid} == {}


def test_a_stale_translation_loses_what_comes_in(nat: Cloud) -> None:
    nat.inject(StaleDnat(source="internet", destination="203.0.113.10"))
    try:
        assert traffic.exchange(nat, "internet", "203.0.113.10", count=3).received == 0
    finally:
        nat.heal()
    assert traffic.exchange(nat, "internet", "203.0.113.10", count=3).received == 3


def test_healing_restores_every_route_rule_and_port(three_hosts: Cloud) -> None:
    before = configuration(three_hosts)

    for fault in (*(fault for fault, *_ in ON_THREE_HOSTS), *(group.fault for group in PLACED)):
        assert fault is not None
        three_hosts.inject(fault)
        three_hosts.heal()

    assert configuration(three_hosts) == before


def test_a_fault_of_one_tenant_leaves_the_other_alone(three_hosts: Cloud) -> None:
    three_hosts.inject(RouteMissing(tenant="green"))
    three_hosts.inject(VniMismatch(tenant="green"))
    try:
        assert_all_works(three_hosts)
        report = traffic.exchange(three_hosts, "green-web", "green-db", count=3, deadline=0.5)
        assert report.received == 0
    finally:
        three_hosts.heal()


def test_an_acl_of_one_port_leaves_the_others_open(three_hosts: Cloud) -> None:
    three_hosts.inject(AclDeny(protocol="udp", port=5432))
    try:
        denied = traffic.exchange(three_hosts, "blue-web", "blue-db", port=5432, count=3)
        allowed = traffic.exchange(three_hosts, "blue-web", "blue-db", port=5433, count=3)
        tcp = traffic.exchange(three_hosts, "blue-web", "blue-db", protocol="tcp", count=3)
    finally:
        three_hosts.heal()

    assert (denied.received, allowed.received, tcp.delivered) == (0, 3, 3)


def test_several_faults_are_healed_together(three_hosts: Cloud) -> None:
    faults = (RouteBlackhole(), AclDeny(), LinkDown(), AclDeny(protocol="udp", port=9))
    for fault in faults:
        three_hosts.inject(fault)
    assert three_hosts.injected == faults

    three_hosts.heal()

    assert_all_works(three_hosts)


def test_another_process_can_heal(three_hosts: Cloud) -> None:
    three_hosts.inject(AclDeny())

    Cloud.load(three_hosts.name).heal()

    assert_all_works(three_hosts)


def test_the_very_same_fault_is_refused(three_hosts: Cloud) -> None:
    three_hosts.inject(AclDeny())
    try:
        with pytest.raises(FaultAlreadyInjected):
            three_hosts.inject(AclDeny())
    finally:
        three_hosts.heal()


def test_a_fault_that_makes_no_sense_changes_nothing(one_host: Cloud) -> None:
    for fault in (RouteMissing(), TtlExpired(), VniMismatch(), UnderlayLoss()):
        with pytest.raises(FaultNotApplicable):
            one_host.inject(fault)

    assert one_host.injected == ()
    assert_all_works(one_host)


def test_faults_of_one_bridge_work_on_one_host(one_host: Cloud) -> None:
    for fault in (AclDeny(), AclDeny(direction="tx"), LinkDown()):
        one_host.inject(fault)
        try:
            assert exchange(one_host, "udp", 4).received == 0
        finally:
            one_host.heal()
    assert_all_works(one_host)


def test_a_missing_route_is_no_detour_where_there_is_a_gateway(nat: Cloud) -> None:
    nat.inject(RouteMissing())
    try:
        assert exchange(nat, "udp", 4).received == 0
        assert exchange(nat, "udp", 6).received == 0
    finally:
        nat.heal()
    assert_all_works(nat)


def test_a_missing_default_route_cuts_off_the_internet_only(nat: Cloud) -> None:
    nat.inject(RouteMissing(network="default"))
    try:
        assert_all_works(nat)
        assert traffic.exchange(nat, "blue-web", "internet", count=3).received == 0
    finally:
        nat.heal()
    assert traffic.exchange(nat, "blue-web", "internet", count=3).received == 3


def test_a_fault_at_an_unknown_place_is_refused(three_hosts: Cloud) -> None:
    with pytest.raises(UnknownName, match="did you mean blue-db"):
        three_hosts.inject(AclDeny(vm="blue-bd"))


@pytest.mark.parametrize("fault", [fault for fault, *_ in ON_THREE_HOSTS])
def test_a_fault_survives_the_state_file(fault: Fault) -> None:
    assert fault_from(entry_of(fault)) == fault


def test_options_become_fields() -> None:
    fault = fault_with(AclDeny, ["direction=tx", "port=53", "vm=blue-web"])

    assert fault == AclDeny(direction="tx", port=53, vm="blue-web")


def test_a_wrong_option_says_what_would_be_right() -> None:
    with pytest.raises(UnknownName, match="did you mean direction"):
        fault_with(AclDeny, ["directoin=tx"])
    with pytest.raises(BadOption, match="rx or tx"):
        fault_with(AclDeny, ["direction=up"])
    with pytest.raises(BadOption, match="a number"):
        fault_with(AclDeny, ["port=http"])


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_explains_itself_in_a_line(fault: type[Fault]) -> None:
    assert len(summary_of(fault)) > 20
    assert "\n" not in summary_of(fault)


def configuration(cloud: Cloud) -> dict[str, str]:
    """Read what faults change: routes, permanent neighbours, rules, queues, tables, sysctls."""
    looks = (
        ("ip", "route"),
        ("ip", "-6", "route"),
        ("ip", "neighbour", "show", "nud", "permanent"),
        ("ip", "-6", "neighbour", "show", "nud", "permanent"),
        ("nft", "list", "ruleset"),
        ("bridge", "fdb", "show"),
        ("ip", "rule"),
        ("ip", "-6", "rule"),
        ("bridge", "-details", "link", "show"),
        ("sysctl", "-a", "--pattern", r"rp_filter|\.retrans_time_ms|forward"),
    )
    places = [*(netns for host in cloud.hosts for netns in host.netns.values()), cloud.fabric]
    found = {}
    for netns in (*places, *(vm.netns for vm in cloud.vms)):
        for look in looks:
            lines = cloud.exec(netns, look).stdout.splitlines()
            # What bridges learn by themselves comes and goes.
            kept = [line for line in lines if look[0] != "bridge" or "static" in line]
            found[f"{netns}: {' '.join(look)}"] = "\n".join(sorted(kept))
    return found
