"""Whether it was the color that changed the packets' fate.

Where a rule that looks at the DSCP dropped colored packets, the flow's packets
without color are watched at the same place, now that nobody colors any more.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from dyetrace.analysis.judge import SitePlace, places_to_inspect
from dyetrace.analysis.losses import LossKey
from dyetrace.analysis.partial import Alike
from dyetrace.controller.fleet import Fleet
from dyetrace.controller.part import Part
from dyetrace.errors import DyetraceError
from dyetrace.knowledge.signs import looks_at_dscp
from dyetrace.model.site import SecurityRule, SiteEvidence, Uncolored
from dyetrace.model.topology import Topology
from dyetrace.wire.messages import CountUncolored, Done, UncoloredCounted, WatchUncolored

RECHECK_S = 2.0
TICK_S = 0.1
ENOUGH = 3


async def with_uncolored(
    evidence: Mapping[LossKey, SiteEvidence],
    found: Sequence[Alike],
    *,
    fleet: Fleet,
    topology: Topology,
) -> dict[LossKey, SiteEvidence]:
    """Add what became of uncolored packets to the sites where the color may have decided.

    Where that can't be seen, or none comes in time, the site stays as it is.
    """
    places = places_to_inspect(found, topology)
    checked = dict(evidence)
    for key, site in evidence.items():
        rule = site.dropped_by
        if rule is None or not looks_at_dscp(site):
            continue
        for part in fleet.up([places[key].host]):
            with suppress(DyetraceError):  # then nobody knows
                seen = await _uncolored(part, places[key], rule)
                if seen != Uncolored():
                    checked[key] = replace(site, uncolored=seen)
    return checked


async def _uncolored(part: Part, place: SitePlace, rule: SecurityRule) -> Uncolored:
    """Watch a few packets pass the table that the rule is in, or be dropped there."""
    await part.ask(WatchUncolored(request=0, netns=place.netns, five_tuple=place.came_as), Done)
    count = CountUncolored(
        request=0,
        netns=place.netns,
        five_tuple=place.came_as,
        family=rule.family,
        table=rule.table,
    )
    deadline = time.monotonic() + RECHECK_S
    while True:
        await asyncio.sleep(TICK_S)
        before = (await part.ask(count, UncoloredCounted)).counted
        if before.passed + before.dropped >= ENOUGH or time.monotonic() > deadline:
            # The last packet's steps may have been told in part.
            await asyncio.sleep(TICK_S)
            return (await part.ask(count, UncoloredCounted)).counted
