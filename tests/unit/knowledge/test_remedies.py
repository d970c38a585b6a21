"""Remedies are filled with facts, and their commands run as typed."""

import shlex

import pytest

from dyetrace.knowledge.catalogue import ENTRIES, Entry
from dyetrace.knowledge.remedies import (
    ALWAYS_KNOWN,
    ENTER,
    PLACEHOLDERS,
    fill,
    nft_match,
    placeholders_in,
)
from dyetrace.model.cause import Remedy
from dyetrace.model.packet import Protocol
from dyetrace.model.site import SecurityRule
from support.losses import a_flow, a_loss, an_outer

every_entry = pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.cause.code)


@every_entry
def test_templates_name_known_placeholders_only(entry: Entry) -> None:
    remedy = entry.cause.remedy
    named = placeholders_in(remedy.text) | placeholders_in(remedy.command)

    assert named <= PLACEHOLDERS.keys()
    assert "object" not in placeholders_in(remedy.command), "it is prose, no argument"


@every_entry
def test_there_is_a_command_even_when_little_is_known(entry: Entry) -> None:
    surest = entry.fallback or entry.cause.remedy.command

    assert placeholders_in(surest) <= ALWAYS_KNOWN


@every_entry
def test_a_filled_remedy_has_no_gaps(entry: Entry) -> None:
    loss = a_loss(port="", in_port="", vfd="", netns="")

    remedy = fill(entry.cause.remedy, loss, at_fault="", fallback=entry.fallback)

    assert "{" not in remedy.text + remedy.command
    assert "  " not in remedy.text + remedy.command
    assert bool(remedy.command) == bool(entry.cause.remedy.command)
    shlex.split(remedy.command)


def test_the_command_enters_the_vfds_namespace() -> None:
    remedy = fill(Remedy(text="Look.", command=ENTER + "ss"), a_loss(netns="blue"), at_fault="")

    assert remedy.command == "ip netns exec blue ss"


def test_the_hosts_own_namespace_is_not_entered() -> None:
    remedy = fill(Remedy(text="Look.", command=ENTER + "ss"), a_loss(netns=""), at_fault="")

    assert remedy.command == "ss"


def test_a_command_that_lacks_a_fact_gives_way_to_the_fallback() -> None:
    remedy = Remedy(text="Look at {port}.", command="ip link show dev {port}")

    filled = fill(remedy, a_loss(port=""), at_fault="", fallback="ip link show")

    assert filled == Remedy(text="Look at its port.", command="ip link show")


def test_names_from_outside_cannot_break_out_of_a_command() -> None:
    remedy = Remedy(text="", command="ip link show dev {port}")

    filled = fill(remedy, a_loss(port="eth0; reboot"), at_fault="")

    assert shlex.split(filled.command)[-1] == "eth0; reboot"


def test_the_rule_at_fault_is_named_in_the_command() -> None:
    rule = SecurityRule(family="inet", table="tenant", chain="tenant-in", handle=7, text="drop")
    entry = next(entry for entry in ENTRIES if entry.cause.code == "RX_ACL_DENY")

    remedy = fill(entry.cause.remedy, a_loss(dropped_by=rule), at_fault="", fallback=entry.fallback)

    assert remedy.command == (
        "ip netns exec vrouter-7 nft insert rule inet tenant tenant-in "
        "ip saddr 10.0.1.2 ip daddr 10.0.2.2 tcp dport 5432 accept"
    )


def test_facts_of_the_outer_header_are_used() -> None:
    remedy = Remedy(text="", command="ip route get {outer_dst} # {vni} {outer_src}")

    filled = fill(remedy, a_loss(outer=an_outer()), at_fault="")

    assert filled.command == "ip route get 172.31.2.1 # 7 172.31.1.1"


@pytest.mark.parametrize(
    ("flow", "match"),
    [
        (a_flow(), "ip saddr 10.0.1.2 ip daddr 10.0.2.2 tcp dport 5432"),
        (
            a_flow(src="fd::1", dst="fd::2", protocol=Protocol.UDP, dst_port=53),
            "ip6 saddr fd::1 ip6 daddr fd::2 udp dport 53",
        ),
        (
            a_flow(protocol=Protocol.ICMP, src_port=0, dst_port=0),
            "ip saddr 10.0.1.2 ip daddr 10.0.2.2 meta l4proto 1",
        ),
        (
            a_flow(protocol=47, src_port=0, dst_port=0),
            "ip saddr 10.0.1.2 ip daddr 10.0.2.2 meta l4proto 47",
        ),
    ],
)
def test_a_flow_is_written_as_nft_matches_it(flow: object, match: str) -> None:
    assert nft_match(flow) == match  # type: ignore[arg-type]
