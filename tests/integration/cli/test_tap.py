"""A VM behind a tap, as hypervisors plug them: its packets are followed like any other's."""

import pytest

from support.tap_vm import plug_vm


@pytest.fixture(scope="module", autouse=True)
def network(host):
    """A VM (10.7.0.9) behind tap0, and db (10.7.0.2), on br0."""
    host.ip("link add br0 type bridge", "link set br0 up")
    host.plug("br0", "db", "10.7.0.2/24")
    plug_vm(host)


def trace(host, *arguments, status=0):
    return host.answer("trace", "--cloud", "host", *arguments, status=status)


def ports(answer):
    return [hop["port"] for hop in answer["paths"][0]["hops"]]


def test_packets_from_a_vm_behind_a_tap_are_followed(host):
    answer = trace(host, "--src", "10.7.0.9", "--dst", "10.7.0.2", "--proto", "icmp")

    assert answer["verdict"] == "DELIVERED"
    assert ports(answer) == ["tap0", "to-db"]


def test_packets_to_a_vm_behind_a_tap_are_followed(host):
    answer = trace(host, "--src", "db", "--dst", "10.7.0.9", "--proto", "icmp")

    assert answer["verdict"] == "DELIVERED"
    assert ports(answer) == ["to-db", "tap0"]


def test_a_vm_behind_a_tap_can_be_named_by_its_mac(host):
    assert trace(host, "--src", "02:00:00:00:aa:01")["verdict"] == "DELIVERED"


def test_a_rule_that_drops_what_a_tap_sends_is_named(host):
    with host.dropping("bridge", 'iifname "tap0" drop'):
        answer = trace(host, "--src", "10.7.0.9", "--dst", "10.7.0.2", status=10)

    assert (
        answer["findings"][0]["code"] == "RX_ACL_DENY" or "tap0" in answer["findings"][0]["object"]
    )
    assert answer["total"] == answer["lost"]
