"""Filters: what no packet can match is refused, the rest reads as it was asked."""

from ipaddress import ip_network

import pytest

from dyetrace.model.filter import PacketFilter
from dyetrace.model.packet import Protocol


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"src_port": 65536}, "src_port 65536 is outside"),
        ({"dst_port": -1}, "dst_port -1 is outside"),
        ({"protocol": Protocol.ICMP, "dst_port": 80}, "icmp has no ports"),
        ({"src": ip_network("10.0.0.1"), "dst": ip_network("fd00::1")}, "different IP versions"),
        ({"src": ip_network("10.0.0.1"), "protocol": Protocol.ICMPV6}, "no packet of 10.0.0.1/32"),
        ({"dst": ip_network("fd00::1"), "protocol": Protocol.ICMP}, "no packet of fd00::1/128"),
    ],
)
def test_what_no_packet_can_match_is_refused(fields, said):
    with pytest.raises(ValueError, match=said):
        PacketFilter(**fields)


@pytest.mark.parametrize(
    ("fields", "version"),
    [
        ({"src": ip_network("10.0.0.0/8")}, 4),
        ({"dst": ip_network("fd00::/8")}, 6),
        ({"protocol": Protocol.ICMP}, 4),
        ({"protocol": Protocol.ICMPV6}, 6),
        ({"protocol": Protocol.TCP}, None),
        ({"src_vm": "web"}, None),
    ],
    ids=str,
)
def test_the_ip_version_follows_from_addresses_or_protocol(fields, version):
    assert PacketFilter(**fields).ip_version == version


def test_it_is_written_without_what_is_left_out():
    wanted = PacketFilter(
        src=ip_network("10.0.0.1"), protocol=Protocol.TCP, dst_port=0, tenant="blue"
    )

    assert str(wanted) == "src=10.0.0.1/32 protocol=tcp dst_port=0 tenant=blue"


def test_only_an_empty_filter_is_everything():
    assert PacketFilter().is_everything
    assert not PacketFilter(dst_port=0).is_everything
    assert not PacketFilter(tenant="blue").is_everything
