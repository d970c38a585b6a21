"""Which routing rule refuses a packet."""

import errno
from typing import Any

import pytest

from dyetrace.datapath.linux.policy_rules import is_led_by_origin, refusing_rule
from dyetrace.datapath.linux.route_query import Keys
from dyetrace.model.site import PolicyRule, RouteKind
from support.builders import a_flow

UDP = 17
BLACKHOLE, UNREACHABLE, PROHIBIT, LOOK_UP = 6, 7, 8, 1
KEYS = Keys(flow=a_flow("10.0.1.11", "10.0.2.21", protocol=UDP, src_port=4000, dst_port=53))


class Rule(dict[str, Any]):
    """One rule, as pyroute2 gives it."""

    def get_attr(self, name: str) -> Any:
        return self["attributes"].get(name)


class Kernel:
    """Rules to list."""

    def __init__(self, *rules: Rule) -> None:
        self._rules = rules

    def get_rules(self, family: int) -> tuple[Rule, ...]:
        del family
        return self._rules


def a_rule(action: int = UNREACHABLE, priority: int = 77, **fields: Any) -> Rule:
    attributes = {f"FRA_{name.upper()}": value for name, value in fields.items()}
    lengths = {"src_len": 32, "dst_len": 32, "tos": 0, "flags": 0}
    known = {name: attributes.pop(f"FRA_{name.upper()}", value) for name, value in lengths.items()}
    return Rule(action=action, attributes={"FRA_PRIORITY": priority} | attributes, **known)


def refused(*rules: Rule, error: int = errno.ENETUNREACH, table: int = 0) -> PolicyRule | None:
    kernel: Any = Kernel(*rules)
    return refusing_rule(kernel, KEYS, device="net-a", error=error, table=table)


@pytest.mark.parametrize(
    ("action", "error", "kind"),
    [
        (BLACKHOLE, errno.EINVAL, RouteKind.BLACKHOLE),
        (UNREACHABLE, errno.ENETUNREACH, RouteKind.UNREACHABLE),
        (PROHIBIT, errno.EACCES, RouteKind.PROHIBIT),
    ],
)
def test_the_rule_whose_error_came_back_is_named(action: int, error: int, kind: RouteKind) -> None:
    found = refused(a_rule(action, dst="10.0.2.21"), error=error)

    assert found == PolicyRule(priority=77, kind=kind, selector="from all to 10.0.2.21/32")
    assert str(found) == f"rule 77: from all to 10.0.2.21/32 {kind}"


@pytest.mark.parametrize(
    "match",
    [
        {"src": "10.0.1.0", "src_len": 24},
        {"iifname": "net-a"},
        {"ip_proto": UDP},
        {"dport_range": "50:60"},
        {"sport_range": "4000:4000"},
        {"fwmark": 7},
        {"dst": "10.9.9.9", "flags": 2},
    ],
)
def test_a_rule_that_means_the_packet_counts(match: dict[str, Any]) -> None:
    assert refused(a_rule(**match)) is not None


@pytest.mark.parametrize(
    "match",
    [
        {"src": "10.0.9.0", "src_len": 24},
        {"dst": "10.0.2.22"},
        {"iifname": "net-b"},
        {"oifname": "net-b"},
        {"ip_proto": 6},
        {"dport_range": "54:60"},
        {"tos": 16},
        {"dst": "10.0.2.21", "flags": 2},
    ],
)
def test_a_rule_that_means_other_packets_does_not(match: dict[str, Any]) -> None:
    assert refused(a_rule(**match)) is None


def test_the_first_of_several_refused_it() -> None:
    found = refused(a_rule(priority=90), a_rule(priority=80))

    assert found is not None
    assert found.priority == 80


def test_another_error_is_another_rules() -> None:
    assert refused(a_rule(PROHIBIT), error=errno.ENETUNREACH) is None


def test_a_route_that_refuses_comes_before_a_later_rule() -> None:
    main = a_rule(LOOK_UP, 32766, table=254)
    early, late = a_rule(PROHIBIT, 77), a_rule(PROHIBIT, 40000)

    assert refused(main, late, error=errno.EACCES, table=254) is None
    assert refused(main, early, error=errno.EACCES, table=254) is not None


@pytest.mark.parametrize(
    ("rule", "leads"),
    [
        (a_rule(LOOK_UP, table=177, iifname="net-a"), True),
        (a_rule(LOOK_UP, table=177, src="10.0.1.11"), True),
        (a_rule(LOOK_UP, table=177, iifname="net-b"), False),
        (a_rule(LOOK_UP, table=178, iifname="net-a"), False),
        (a_rule(LOOK_UP, table=177, dst="10.0.2.21"), False),
    ],
)
def test_a_table_may_be_asked_only_for_where_packets_come_from(rule: Rule, *, leads: bool) -> None:
    kernel: Any = Kernel(rule)

    assert is_led_by_origin(kernel, KEYS, device="net-a", table=177) is leads
