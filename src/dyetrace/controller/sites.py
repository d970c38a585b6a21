"""What the places of loss look like: as agents took it at the drop, else as they find it now."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from dyetrace.analysis.judge import SitePlace, places_to_inspect
from dyetrace.analysis.losses import LossKey
from dyetrace.analysis.partial import Alike
from dyetrace.controller.fleet import Fleet
from dyetrace.controller.inspections import OfHost, taken_at_drop, with_rule
from dyetrace.controller.part import Part
from dyetrace.errors import DyetraceError
from dyetrace.model.path import Fate
from dyetrace.model.record import Point
from dyetrace.model.site import Queue, SiteEvidence
from dyetrace.model.topology import Topology
from dyetrace.wire.messages import Done, Inspect, Inspected, Settle

NETFILTER_DROP = "NETFILTER_DROP"
DROP_INSPECTED_NS = 1_000_000_000
OTHERS_INSPECTED_NS = 120_000_000  # an answer does not wait longer for what explains no loss


@dataclass(frozen=True, slots=True, kw_only=True)
class Sites:
    """One task's places of loss; found is always what became of its packets."""

    fleet: Fleet
    topology: Topology
    note: Callable[[Iterable[str]], None]

    async def settle(self, found: Sequence[Alike]) -> None:
        """Take in the inspections that are still being made: a drop's, or what is good to know."""
        has_drops = any(alike.path.fate is Fate.DROPPED for alike in found)
        within_ns = DROP_INSPECTED_NS if has_drops else OTHERS_INSPECTED_NS
        settle = Settle(request=0, within_ns=within_ns)

        async def take_in(part: Part) -> None:
            await part.ask(settle, Done)
            await part.link.all_read()

        await self.fleet.each(self.fleet.up(), take_in)

    def taken(self) -> list[OfHost]:
        """Give what agents have inspected so far."""
        return [
            OfHost(
                host=part.host.number,
                taken=tuple(part.inspections),
                left_out=part.inspections_left_out,
            )
            for part in self.fleet.parts
        ]

    def dropped_by_unseen_rules(self, found: Sequence[Alike]) -> list[SitePlace]:
        """Name the places where netfilter dropped packets and no trace told by which rule."""
        taken = self.taken()
        return [
            place
            for key, place in places_to_inspect(found, self.topology).items()
            if _lacks_rule(key, taken_at_drop(taken, key, place.five_tuple))
        ]

    async def evidence(self, found: Sequence[Alike]) -> dict[LossKey, SiteEvidence]:
        """Give what was taken at each loss; where nothing was, or not all, ask now."""
        places, hosts = places_to_inspect(found, self.topology), self.taken()
        taken = {
            key: site
            for key, place in places.items()
            if (site := taken_at_drop(hosts, key, place.five_tuple)) is not None
        }
        asked = await self._asked(
            {
                key: place
                for key, place in places.items()
                if key not in taken or _lacks_rule(key, taken[key])
            }
        )
        return asked | {
            key: with_rule(site, asked[key]) if key in asked else site
            for key, site in taken.items()
        }

    async def as_they_are(self, found: Sequence[Alike]) -> dict[LossKey, SiteEvidence]:
        """Ask what all places look like now."""
        return await self._asked(places_to_inspect(found, self.topology))

    async def queues(self, found: Sequence[Alike]) -> dict[LossKey, Queue]:
        """Ask what waits in the queues of ports that packets left by and were not seen after.

        Records read afterwards tell of those that left a queue meanwhile: so never is more
        missing than what it held, if that is where they are.
        """
        left = [
            alike
            for alike in found
            if alike.path.fate is Fate.VANISHED and alike.path.last.point is Point.EGRESS
        ]
        asked = await self.as_they_are(left)
        return {key: site.queue for key, site in asked.items() if site.queue is not None}

    async def _asked(self, places: Mapping[LossKey, SitePlace]) -> dict[LossKey, SiteEvidence]:
        answers: dict[LossKey, SiteEvidence] = {}
        for key, place in places.items():
            request = Inspect(
                request=0,
                netns=place.netns,
                ifindex=place.ifindex,
                in_ifindex=place.in_ifindex,
                out_ifindex=place.out_ifindex,
                five_tuple=place.five_tuple,
                outer=place.outer,
            )
            for part in self.fleet.up([place.host]):
                try:
                    answers[key] = (await part.ask(request, Inspected)).site
                except DyetraceError as error:
                    self.note([str(error)])
        return answers


def with_queues(
    sites: Mapping[LossKey, SiteEvidence], earlier: Mapping[LossKey, Queue]
) -> dict[LossKey, SiteEvidence]:
    """Tell of queues as they were before the last records were read, where they held more."""

    def told(key: LossKey, site: SiteEvidence) -> SiteEvidence:
        before, now = earlier.get(key), site.queue
        is_more = before is not None and before.packets > (now.packets if now else 0)
        return replace(site, queue=before) if is_more else site

    return {key: told(key, site) for key, site in sites.items()}


def _lacks_rule(key: LossKey, site: SiteEvidence | None) -> bool:
    """Whether netfilter dropped packets there, and what was taken does not say by which rule."""
    return key[2] == NETFILTER_DROP and (site is None or site.dropped_by is None)
