"""Which routing rule refuses a packet: rules can do so before any route is asked."""

import errno
from collections.abc import Iterable
from ipaddress import ip_network

from pyroute2 import IPRoute

from dyetrace.datapath.linux.route_query import Keys
from dyetrace.datapath.linux.rtnetlink import Message
from dyetrace.model.packet import Address
from dyetrace.model.site import PolicyRule, RouteKind

# FR_ACT_* and FIB_RULE_INVERT of include/uapi/linux/fib_rules.h
LOOK_UP = 1
REFUSING = {6: RouteKind.BLACKHOLE, 7: RouteKind.UNREACHABLE, 8: RouteKind.PROHIBIT}
INVERTED = 2
# What a look-up that such a rule ends fails with (fib4_rule_action, fib6_rule_action).
ERRORS = {
    RouteKind.BLACKHOLE: errno.EINVAL,
    RouteKind.UNREACHABLE: errno.ENETUNREACH,
    RouteKind.PROHIBIT: errno.EACCES,
}


def refusing_rule(
    ipr: IPRoute, keys: Keys, *, device: str, error: int, table: int = 0
) -> PolicyRule | None:
    """Find the rule that made a look-up fail with an errno; device is where the packet came in.

    table is where a route was found that refuses as well, if one was: a rule counts
    only if it stands before the rule that looks that table up.
    """
    for rule in _in_order(ipr.get_rules(family=keys.family)):
        if rule["action"] == LOOK_UP and table and rule.get_attr("FRA_TABLE") == table:
            return None
        kind = REFUSING.get(rule["action"])
        if kind is not None and ERRORS[kind] == error and _matches(rule, keys, device):
            return PolicyRule(
                priority=rule.get_attr("FRA_PRIORITY") or 0, kind=kind, selector=_selector(rule)
            )
    return None


def choosing_rule(ipr: IPRoute, keys: Keys, *, device: str, table: str) -> str:
    """Write the rule by which a packet without a mark is routed by a table, as `ip rule` does."""
    number = {"local": 255, "main": 254, "default": 253}.get(table)
    for rule in _in_order(ipr.get_rules(family=keys.family)):
        looked_up = rule.get_attr("FRA_TABLE") or rule["table"]
        is_meant = rule["action"] == LOOK_UP and str(looked_up) in {table, str(number)}
        if is_meant and not rule.get_attr("FRA_FWMARK") and _matches(rule, keys, device):
            return f"rule {rule.get_attr('FRA_PRIORITY') or 0}: {_selector(rule)} lookup {table}"
    return ""


def is_led_by_origin(ipr: IPRoute, keys: Keys, *, device: str, table: int) -> bool:
    """Whether a rule sends a packet to a table for where it comes from: others do not go there."""
    return any(
        rule["action"] == LOOK_UP
        and rule.get_attr("FRA_TABLE") == table
        and (rule.get_attr("FRA_IIFNAME") or rule.get_attr("FRA_SRC"))
        and _matches(rule, keys, device)
        for rule in ipr.get_rules(family=keys.family)
    )


def _in_order(rules: Iterable[Message]) -> list[Message]:
    return sorted(rules, key=lambda rule: rule.get_attr("FRA_PRIORITY") or 0)


def _matches(rule: Message, keys: Keys, device: str) -> bool:
    """Whether a rule means a packet; its mark is not known, so any may be the one."""
    flow = keys.flow
    conditions = (
        _is_in(flow.src, rule.get_attr("FRA_SRC"), rule["src_len"]),
        _is_in(flow.dst, rule.get_attr("FRA_DST"), rule["dst_len"]),
        rule.get_attr("FRA_IIFNAME") in {None, device},
        rule.get_attr("FRA_OIFNAME") is None,  # not known yet when a packet is forwarded
        rule["tos"] in {0, keys.dscp << 2},
        rule.get_attr("FRA_IP_PROTO") in {None, 0, flow.protocol},
        _is_within(flow.src_port, rule.get_attr("FRA_SPORT_RANGE")),
        _is_within(flow.dst_port, rule.get_attr("FRA_DPORT_RANGE")),
    )
    return all(conditions) != bool(rule["flags"] & INVERTED)


def _is_in(address: Address, prefix: str | None, length: int) -> bool:
    return prefix is None or address in ip_network(f"{prefix}/{length}", strict=False)


def _is_within(port: int, limits: str | None) -> bool:
    if not limits:
        return True
    first, _, last = limits.partition(":")
    return int(first) <= port <= int(last or first)


def _selector(rule: Message) -> str:
    """Write what a rule matches, as `ip rule` does."""
    words = ["not"] if rule["flags"] & INVERTED else []
    source, destination = rule.get_attr("FRA_SRC"), rule.get_attr("FRA_DST")
    words += [f"from {source}/{rule['src_len']}" if source else "from all"]
    words += [f"to {destination}/{rule['dst_len']}"] if destination else []
    for word, name in (
        ("iif", "FRA_IIFNAME"),
        ("fwmark", "FRA_FWMARK"),
        ("ipproto", "FRA_IP_PROTO"),
        ("sport", "FRA_SPORT_RANGE"),
        ("dport", "FRA_DPORT_RANGE"),
    ):
        value = rule.get_attr(name)
        words += [f"{word} {value}"] if value else []
    return " ".join(words)
