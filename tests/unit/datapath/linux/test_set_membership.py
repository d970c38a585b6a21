"""What a rule asks its sets about a packet."""

import pytest

from dyetrace.datapath.linux.set_membership import Lookup, ipset_lookups, nft_lookups
from support.builders import a_flow

FLOW = a_flow(src="10.0.1.11", dst="10.0.2.21", src_port=4000, dst_port=53)


@pytest.mark.parametrize(
    ("text", "name", "key"),
    [
        ("ip daddr @denied drop", "denied", "10.0.2.21"),
        ("ip saddr @bad-ones counter drop", "bad-ones", "10.0.1.11"),
        ("ip saddr . udp dport @pairs drop", "pairs", "10.0.1.11 . 53"),
        ("meta l4proto . th dport @services drop", "services", "17 . 53"),
    ],
)
def test_a_set_is_asked_for_what_the_packet_has(text, name, key):
    assert nft_lookups(text, FLOW) == [Lookup(name=name, key=key)]


@pytest.mark.parametrize(
    "text", ["ip daddr != @allowed drop", "ip daddr 10.0.0.1 drop", "ct mark @marks drop", ""]
)
def test_what_the_packet_is_not_to_be_in_or_does_not_tell_is_not_asked(text):
    assert nft_lookups(text, FLOW) == []


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("-m set --match-set denied dst -j DROP", ["10.0.2.21"]),
        ("-m set --match-set pairs src,dst -j DROP", ["10.0.1.11,17:53"]),
        ("-m set ! --match-set allowed src -j DROP", []),
        ("-m set --match-set odd src,src,src,up -j DROP", []),
    ],
)
def test_an_ipset_is_asked_in_the_directions_of_the_rule(text, keys):
    assert [lookup.key for lookup in ipset_lookups(text, FLOW)] == keys
