"""The roll of a cloud's agents: who answers, of which version, how its clock relates to ours."""

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from dyetrace import __version__
from dyetrace.controller.clocks import Clock
from dyetrace.controller.link import FRESH_NS, AgentLink
from dyetrace.controller.links import Links
from dyetrace.errors import DyetraceError
from dyetrace.inventory.clouds import AgentAddress, Cloud
from dyetrace.model.topology import Host
from dyetrace.wire.answer import Json, rfc3339
from dyetrace.wire.messages import Examine, Examined, Vitals

HOWEVER_OLD_NS = 2**62  # more than a century
CALL_EVERY_S = 30.0
EXAMINED_WITHIN_S = 20.0
AT_ONCE = 256  # agents that are asked
CLOCK_IS_TOLD_S = 600.0  # whoever lists clocks wants to see which are wrong
CLOCK_IS_VAGUE_NS = 1_000_000  # a hop takes less
CERTIFICATE_ENDS_SOON = timedelta(hours=1)  # it should have been renewed long before

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One agent, as it answered; or why it did not."""

    name: str
    called_at: datetime
    host: Host | None = None
    notes: tuple[str, ...] = ()
    clock: Clock | None = None
    told: Examined | None = None
    error: str = ""
    heard_at: datetime | None = None  # None: never
    certified_until_s: float | None = None  # since 1970, as our register has it

    @property
    def is_up(self) -> bool:
        """Whether it answered."""
        return self.told is not None

    @property
    def is_able(self) -> bool:
        """Whether its host can trace, as far as that was asked."""
        return self.told is not None and all(check.ok is not False for check in self.told.checks)

    @property
    def certificate_ends_at(self) -> datetime | None:
        """Until when it may speak for its host."""
        ends_s = self.told.certificate_ends_s if self.told else None
        ends_s = ends_s if ends_s is not None else self.certified_until_s
        return datetime.fromtimestamp(ends_s, UTC) if ends_s is not None else None


async def call_roll(
    cloud: Cloud, *, checks: bool = False, links: Links | None = None
) -> tuple[Entry, ...]:
    """Ask all agents of a cloud; checks: have their hosts examined as well.

    links: to ask by, and to leave open; else agents are connected to for this only.
    """
    turn = asyncio.Semaphore(AT_ONCE)
    if links is not None:
        links.serve(cloud)

    async def called(agent: AgentAddress) -> Entry:
        async with turn:
            link = links.to(agent) if links is not None else _link_to(agent)
            try:
                return await _called(link, checks=checks)
            finally:
                if links is None:
                    await link.close()

    return tuple(await asyncio.gather(*map(called, cloud.agents)))


def _link_to(agent: AgentAddress) -> AgentLink:
    return AgentLink(
        name=agent.host,
        socket=agent.socket,
        on_records=lambda *_: None,
        is_certified=agent.is_certified,
    )


async def _called(link: AgentLink, *, checks: bool) -> Entry:
    try:
        # Who only calls the roll has no host look around for it.
        await link.look(at_most_old_ns=FRESH_NS if checks else HOWEVER_OLD_NS)
        await link.relate(holds_s=CLOCK_IS_TOLD_S)
        told = await link.ask(
            Examine(request=0, checks=checks), Examined, within_s=EXAMINED_WITHIN_S
        )
    except DyetraceError as error:
        return Entry(name=link.name, called_at=datetime.now(UTC), error=str(error))
    now = datetime.now(UTC)
    return Entry(
        name=link.name,
        called_at=now,
        host=link.host,
        notes=link.notes,
        clock=link.clock,
        told=told,
        heard_at=now,
    )


def problems_of(entry: Entry) -> Iterator[str]:
    """Say what is not as it should be, the worst first."""
    if entry.told is None:
        yield entry.error
        return
    for check in sorted(entry.told.checks, key=lambda check: check.ok is None):
        if check.ok is not True:
            advice = f": {check.advice}" if check.advice else ""
            yield f"{check.name}: {check.found}{advice}"
    if entry.told.version != __version__:
        yield f"it is dyetrace {entry.told.version}, this is {__version__}: run the same on both"
    ends_at = entry.certificate_ends_at
    if ends_at is not None and ends_at - entry.called_at < CERTIFICATE_ENDS_SOON:
        yield f"its certificate ends at {rfc3339(ends_at)}: see its log for why it is not renewed"
    if entry.clock is not None and entry.clock.uncertainty_ns > CLOCK_IS_VAGUE_NS:
        yield f"its clock is known to +- {entry.clock.uncertainty_ns / 1e6:.1f} ms only"
    vitals = entry.told.vitals
    if lost := vitals.lost_in_ring + vitals.unreadable:
        yield f"{lost} records were lost since it started: see --ring-kib of `dyetrace agent`"
    if vitals.not_kept:
        yield f"{vitals.not_kept} records found no room while a controller was away"
    if entry.host is not None and not entry.host.vfds:
        yield "no VFD was found on it"
    yield from entry.notes


def entry_json(entry: Entry) -> Json:
    """Write an agent: the names that CLI and API share."""
    vitals = entry.told.vitals if entry.told else None
    return {
        "host": entry.name,
        "is_up": entry.is_up,
        "is_able": entry.is_able,
        "version": entry.told.version if entry.told else None,
        "up_since": rfc3339(entry.called_at - timedelta(seconds=vitals.up_s)) if vitals else None,
        "last_heard_at": rfc3339(entry.heard_at) if entry.heard_at else None,
        "clock_offset_ns": entry.clock.offset_ns if entry.clock else None,
        "clock_uncertainty_ns": entry.clock.uncertainty_ns if entry.clock else None,
        "tasks": vitals.tasks if vitals else None,
        "programs": vitals.programs if vitals else None,
        "records": vitals.recorded if vitals else None,
        "records_lost": _lost(vitals) if vitals else None,
        "vfds": len(entry.host.vfds) if entry.host else None,
        "certificate_ends_at": rfc3339(entry.certificate_ends_at)
        if entry.certificate_ends_at
        else None,
        "checks": [
            {"name": check.name, "ok": check.ok, "found": check.found, "advice": check.advice}
            for check in (entry.told.checks if entry.told else ())
        ],
        "problems": list(problems_of(entry)),
    }


def _lost(vitals: Vitals) -> Json:
    return {
        "ring": vitals.lost_in_ring,
        "parser": vitals.unreadable,
        "spool": vitals.not_kept,
    }


@dataclass(slots=True, kw_only=True)
class Roll:
    """The roll of one controller, called again and again; it remembers who was there."""

    find_cloud: Callable[[], Cloud]  # called in a thread
    on_called: Callable[[tuple[Entry, ...]], None] = lambda _: None
    certificates: Callable[[], Mapping[str, float]] = dict  # by host; called in a thread
    links: Links | None = None  # to ask by
    every_s: float = CALL_EVERY_S
    _heard_at: dict[str, datetime] = field(default_factory=dict)

    async def call(self, *, checks: bool = False) -> tuple[Entry, ...]:
        """Call it now; raises what finding the cloud raises."""
        cloud = await asyncio.to_thread(self.find_cloud)
        called = await call_roll(cloud, checks=checks, links=self.links)
        self._heard_at |= {entry.name: entry.called_at for entry in called if entry.is_up}
        ends = await asyncio.to_thread(self.certificates)
        entries = tuple(
            replace(
                entry,
                heard_at=self._heard_at.get(entry.name),
                certified_until_s=ends.get(entry.name),
            )
            for entry in called
        )
        self.on_called(entries)
        return entries

    async def keep_calling(self) -> None:
        """Call it every so often, until cancelled."""
        while True:
            try:
                await self.call()
            except DyetraceError as error:
                log.warning("the agents cannot be called: %s", error)
            await asyncio.sleep(self.every_s)
