"""All the scenarios there are, and choices among them."""

import random
import re
from collections.abc import Iterable, Iterator
from itertools import groupby

from dyetrace.lab.matrix.entries import ENTRIES
from dyetrace.lab.matrix.route import ROUTES
from dyetrace.lab.matrix.scenario import FAMILIES, PROTOCOLS, Group, Scenario

# What healthy traffic may look like: the name, bytes of payload, whether packets differ.
HEALTHY_LOOKS = (("small", 64, True), ("large", 1200, True), ("identical", 64, False))


def all_groups() -> tuple[Group, ...]:
    """Give the whole matrix."""
    groups = [*healthy_groups()]
    for entry in ENTRIES:
        groups += entry.groups()
    return tuple(groups)


def healthy_groups() -> Iterator[Group]:
    """Yield the flows of every route with nothing broken."""
    for look, size, distinct in HEALTHY_LOOKS:
        for route in ROUTES:
            yield Group(
                fault=None,
                position=look,
                route=route,
                flows=tuple((family, protocol) for family in FAMILIES for protocol in PROTOCOLS),
                size=size,
                distinct=distinct,
            )


def chosen(groups: Iterable[Group], *, pattern: str | None = None) -> tuple[Group, ...]:
    """Keep the scenarios whose id a pattern is found in; raises re.error."""
    wanted = re.compile(pattern or "")
    groups = tuple(groups)
    return kept(groups, {each.id for each in scenarios_of(groups) if wanted.search(each.id)})


def sampled(groups: Iterable[Group], *, seed: int) -> tuple[Group, ...]:
    """Keep one scenario for each fault and position, chosen by the seed."""
    chooser = random.Random(seed)  # noqa: S311  # a choice that can be repeated, no secret
    groups = tuple(groups)
    scenarios = sorted(scenarios_of(groups), key=place_of)
    ids = {chooser.choice(list(alike)).id for _, alike in groupby(scenarios, key=place_of)}
    return kept(groups, ids)


def kept(groups: Iterable[Group], ids: Iterable[str]) -> tuple[Group, ...]:
    """Leave out what is not wanted, and groups of which nothing is left."""
    wanted = frozenset(ids)
    return tuple(group for each in groups if (group := each.only(wanted)).flows)


def scenarios_of(groups: Iterable[Group]) -> list[Scenario]:
    """Give the scenarios of groups, in order."""
    return [scenario for group in groups for scenario in group.scenarios]


def place_of(scenario: Scenario) -> tuple[str, str]:
    """Give what a sample takes one scenario of."""
    return scenario.fault, scenario.position


def in_working_order(groups: Iterable[Group]) -> tuple[Group, ...]:
    """Put groups of one kind of cloud together, the healthy ones first."""
    return tuple(
        sorted(groups, key=lambda group: (group.route.kind, group.fault is not None, group.name))
    )
