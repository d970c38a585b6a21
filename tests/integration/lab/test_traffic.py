"""Traffic reports the truth, taken where packets arrive."""

import time
from typing import Literal

import pytest

from dyetrace.lab import traffic
from dyetrace.lab.cloud import Cloud
from dyetrace.lab.faults import AclDeny
from dyetrace.lab.traffic.flow import NotASource, PortInUse

Protocol = Literal["udp", "tcp", "icmp"]
Family = Literal[4, 6]

PROTOCOLS = pytest.mark.parametrize("protocol", ["udp", "tcp", "icmp"])
FAMILIES = pytest.mark.parametrize("family", [4, 6])


@PROTOCOLS
@FAMILIES
@pytest.mark.parametrize(
    ("source", "destination"),
    [
        ("blue-web", "blue-db"),  # routed, to another host
        ("blue-web", "blue-app"),  # same network, another host
        ("blue-web", "blue-api"),  # same network and host
        ("blue-api", "internet"),
        ("internet", "203.0.113.10"),
        ("blue-api", "203.0.113.20"),  # another tenant's floating address
        ("blue-api", "203.0.113.10"),  # its own tenant's
    ],
)
def test_healthy_traffic_arrives_with_the_senders_dscp(
    nat: Cloud, protocol: Protocol, family: Family, source: str, destination: str
) -> None:
    report = traffic.exchange(
        nat, source, destination, protocol=protocol, family=family, count=5, interval=0.002, dscp=10
    )

    assert report.sent == report.received >= 5, f"{report}\n{nat.dump()}"
    assert report.dscp_seen == {10: report.received}
    assert report.missed == 0
    if protocol == "icmp":
        assert report.replies == len(report.rtts_ns) == 5
    else:
        assert report.delivered == 5


def test_both_addresses_of_a_floating_pair_lead_to_the_vm(nat: Cloud) -> None:
    for address in ("203.0.113.10", "2001:db8:113::10"):
        report = traffic.exchange(nat, "internet", address, count=3)
        assert report.flow.receiver == nat.vm("blue-web")
        assert report.received == 3


@FAMILIES
@PROTOCOLS
def test_an_exchange_over_a_broken_path_is_bounded_in_time(
    three_hosts: Cloud, protocol: Protocol, family: Family
) -> None:
    three_hosts.inject(AclDeny())
    start = time.monotonic()
    try:
        report = traffic.exchange(
            three_hosts, "blue-web", "blue-db", protocol=protocol, family=family, count=3,
            deadline=1.0,
        )  # fmt: skip
    finally:
        three_hosts.heal()

    assert time.monotonic() - start < 2
    assert report.sent == 3
    assert report.received == 0
    assert report.replies == 0
    assert not report.delivered


def test_a_tcp_source_that_cannot_connect_keeps_its_five_tuple(three_hosts: Cloud) -> None:
    three_hosts.inject(AclDeny(direction="tx"))
    try:
        report = traffic.exchange(three_hosts, "blue-web", "blue-db", protocol="tcp", count=3)
    finally:
        three_hosts.heal()

    # Counted by the 5-tuple: had the port changed, only one SYN would be seen.
    assert report.sent == 3


@FAMILIES
@pytest.mark.parametrize("size", [0, 1, 8, 64, 1300, 4000])
def test_payloads_of_any_size_are_counted_once(
    three_hosts: Cloud, family: Family, size: int
) -> None:
    report = traffic.exchange(
        three_hosts, "blue-web", "blue-db", family=family, count=3, size=size, interval=0.002
    )

    assert report.sent == report.received == report.delivered == 3


def test_payloads_differ_unless_told_otherwise(three_hosts: Cloud) -> None:
    distinct = traffic.exchange(three_hosts, "blue-web", "blue-db", count=2).flow
    same = traffic.exchange(three_hosts, "blue-web", "blue-db", count=2, distinct=False).flow

    assert distinct.payload(1)[:16] != distinct.payload(2)[:16]
    assert same.payload(1) == same.payload(2)


@PROTOCOLS
def test_background_traffic_ends_when_told(three_hosts: Cloud, protocol: Protocol) -> None:
    with traffic.flowing(three_hosts, "blue-web", "blue-db", protocol=protocol, rate=200) as flow:
        until(lambda: flow.report().received >= 20)
        final = flow.stop()

    assert not flow.is_running
    assert final.sent == final.received >= 20
    assert flow.report() == final


def test_background_traffic_ends_by_itself(three_hosts: Cloud) -> None:
    with traffic.flowing(
        three_hosts, "blue-web", "blue-db", rate=500, count=50, duration=2
    ) as flow:
        assert flow.wait().received == 50


def test_background_tcp_that_never_connects_ends_when_told(three_hosts: Cloud) -> None:
    three_hosts.inject(AclDeny())
    try:
        with traffic.flowing(three_hosts, "blue-web", "blue-db", protocol="tcp") as flow:
            until(lambda: flow.report().sent >= 2)
            start = time.monotonic()
            flow.stop()
    finally:
        three_hosts.heal()

    assert time.monotonic() - start < 1.5


def test_established_tcp_survives_a_loss_in_mid_flow(three_hosts: Cloud) -> None:
    with traffic.flowing(three_hosts, "blue-web", "blue-db", protocol="tcp", rate=100) as flow:
        until(lambda: (flow.report().delivered or 0) >= 5)
        three_hosts.inject(AclDeny(protocol="tcp"))
        until(lambda: flow.report().lost >= 1)
        three_hosts.heal()
        before = flow.report().delivered or 0
        until(lambda: (flow.report().delivered or 0) > before + 5)


@FAMILIES
def test_bulk_tcp_fills_large_segments(three_hosts: Cloud, family: Family) -> None:
    report = traffic.bulk_tcp(three_hosts, "blue-web", "blue-db", family=family, size=32 << 20)

    assert report.connected
    assert report.sent_bytes == report.received_bytes == 32 << 20


def test_bulk_tcp_over_a_broken_path_is_bounded_in_time(three_hosts: Cloud) -> None:
    three_hosts.inject(AclDeny())
    try:
        report = traffic.bulk_tcp(three_hosts, "blue-web", "blue-db", deadline=0.5)
    finally:
        three_hosts.heal()

    assert not report.connected
    assert report.received_bytes == 0


def test_two_receivers_on_one_port_are_refused(three_hosts: Cloud) -> None:
    with (
        traffic.flowing(three_hosts, "blue-web", "blue-db", port=7000),
        pytest.raises(PortInUse),
    ):
        traffic.exchange(three_hosts, "blue-api", "blue-db", port=7000)


def test_a_floating_address_sends_nothing(nat: Cloud) -> None:
    with pytest.raises(NotASource):
        traffic.exchange(nat, "203.0.113.10", "blue-db")


def until(condition: object, *, within_s: float = 5.0) -> None:
    """Wait for a condition, looking often."""
    assert callable(condition)
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.005)
