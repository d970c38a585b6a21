"""Options become filters and limits, or one sentence about what is wrong."""

from datetime import timedelta
from ipaddress import ip_network

import pytest

from dyetrace.cli.options import checked_format, filter_of, limits_of
from dyetrace.errors import InvalidRequest
from dyetrace.model.packet import Protocol


def a_filter(**options):
    names = ("src", "dst", "proto", "sport", "dport", "tenant")
    return filter_of(**{**dict.fromkeys(names), **options})


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ("10.0.0.1", "src", ip_network("10.0.0.1")),
        ("10.0.0.0/8", "src", ip_network("10.0.0.0/8")),
        ("fd00::1", "src", ip_network("fd00::1")),
        ("fd00::/8", "src", ip_network("fd00::/8")),
        ("web", "src_vm", "web"),
        ("vm-10.example", "src_vm", "vm-10.example"),
        ("02:AA:00:00:00:01", "src_vm", "02:aa:00:00:00:01"),
        ("web/eth0", "src_vm", "web/eth0"),
    ],
)
def test_an_end_is_an_address_or_else_a_name(text, field, value):
    assert getattr(a_filter(src=text), field) == value
    assert getattr(a_filter(dst=text), field.replace("src", "dst")) == value


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"src": "10.0.0"}, "'10.0.0' is neither an address nor a prefix"),
        ({"src": "10.0.0.0/33"}, "neither an address nor a prefix"),
        ({"src": "10.0.0.1/8"}, "has host bits set"),
        ({"src": "fd00::1::2"}, "neither an address nor a prefix"),
        ({"src": "256.0.0.1"}, "neither an address nor a prefix"),
        ({"dst": " "}, "dst_vm is empty"),
        ({"src": ""}, "src_vm is empty"),
        ({"proto": "tpc"}, "no protocol 'tpc': icmp, tcp, udp, icmpv6, sctp, any"),
        ({"proto": "tcp", "dport": 70000}, "dst_port 70000 is outside"),
        ({"proto": "icmp", "sport": 1}, "icmp has no ports"),
    ],
)
def test_a_wrong_filter_is_refused_with_what_is_wrong(options, said):
    with pytest.raises(InvalidRequest, match=said):
        a_filter(**options)


@pytest.mark.parametrize(
    ("name", "protocol"),
    [("tcp", Protocol.TCP), ("ICMPv6", Protocol.ICMPV6), ("any", None), (None, None)],
)
def test_protocols_are_read_in_any_case(name, protocol):
    assert a_filter(src="web", proto=name).protocol == protocol


@pytest.mark.parametrize(
    ("text", "seconds"), [("500ms", 0.5), ("30s", 30), ("5m", 300), ("1h", 3600), ("2.5", 2.5)]
)
def test_times_have_units(text, seconds):
    assert limits_of(packets=1, time=text, rate=1).trace_time == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "limits",
    [
        {"time": "-1s"},
        {"time": "0"},
        {"time": "2h"},
        {"time": "9" * 400 + "h"},
        {"time": "soon"},
        {"time": "5 s"},
        {"time": ""},
        {"packets": 0},
        {"packets": 1_000_000},
        {"rate": 0},
    ],
    ids=lambda limits: str(limits)[:30],
)
def test_wrong_limits_are_refused(limits):
    with pytest.raises(InvalidRequest):
        limits_of(**{"packets": 1, "time": "1s", "rate": 1, **limits})


def test_a_format_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(InvalidRequest, match="table, wide, json, jsonl"):
        checked_format("xml")
