"""The traces of rules in all of a host's namespaces: armed and disarmed beside everything else."""

import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from dyetrace.datapath.linux.errors import DatapathError
from dyetrace.datapath.linux.legacy_counts import Counts, legacy_counts
from dyetrace.datapath.linux.namespaces import Netns
from dyetrace.datapath.linux.nft_trace import TraceStep
from dyetrace.datapath.linux.rule_traces import TABLE, place_of
from dyetrace.datapath.linux.rule_watch import UNCOLORED_TABLE, RuleWatch, colored, uncolored
from dyetrace.datapath.linux.ruleset import Chain, RuleListing, parse_ruleset
from dyetrace.datapath.linux.suspects import rule_at
from dyetrace.model.packet import FiveTuple
from dyetrace.model.site import Uncolored

LISTED_WITHIN_S = 1.0
MAC_BYTES = 6
ZONE = re.compile(r"\bzone set (\d+)")
MOST_ZONES = 64
LONGEST_LISTING = 4 << 20  # characters that are kept for as long as a task traces
NO_LIMIT = ""
UNTRACEABLE = ("netdev", "ingress")  # it comes before the hook that marks packets for tracing
UNTRACED = "rules at netdev's ingress come before tracing begins, and are not traced"


@dataclass(frozen=True, slots=True, kw_only=True)
class Traced:
    """What a packet met, and the rules as they were when tracing began."""

    steps: Sequence[TraceStep] = ()
    before: tuple[Chain, ...] = ()
    legacy: Counts = field(default_factory=dict)  # what iptables-legacy had counted
    notes: tuple[str, ...] = ()

    @property
    def destination_mac(self) -> str:
        """Where the frame was sent to, if a bridge's rules saw it."""
        frames = (step.link_layer_header for step in self.steps if step.family == "bridge")
        frame = next(filter(None, frames), b"")
        return frame[:MAC_BYTES].hex(":")

    @property
    def zones(self) -> tuple[int, ...]:
        """The zones of connections that rules choose from."""
        texts = (rule.text for chain in self.before for rule in chain.rules)
        return tuple({int(zone) for text in texts for zone in ZONE.findall(text)})[:MOST_ZONES]

    @property
    def names_the_dropper(self) -> bool:
        """Whether the rule that dropped it was there before, so that its text is known."""
        place = place_of(self.steps)
        return place is not None and bool(rule_at(place, self.before).text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Armed:
    """One namespace: its rules before the first colored packet, and their trace, if it has any."""

    before: tuple[Chain, ...] = ()
    watch: RuleWatch | None = None
    legacy: Counts = field(default_factory=dict)
    notes: tuple[str, ...] = ()  # what of its rules cannot be seen


class RuleWatches:
    """One driver's traces, by namespace. Arming has a thread: it waits for nft and the kernel."""

    def __init__(self, colors: Iterable[int]) -> None:
        self._colors = tuple(colors)
        self._uncolored: dict[int, RuleWatch] = {}
        self._armed: dict[int, Armed] = {}
        self._closer: dict[int, RuleWatch] = {}
        self._wanted: frozenset[int] = frozenset()
        self._notes: tuple[str, ...] = ()
        self._thread: threading.Thread | None = None

    def trace(self, places: Mapping[int, Netns]) -> None:
        """Begin to trace the first colored packets in exactly these namespaces.

        Those that have no rules are left alone. What was traced in others stays
        known until they are traced again.
        """
        self._await_thread()
        leaving = self._wanted - places.keys()
        coming = {netns: place for netns, place in places.items() if netns not in self._wanted}
        self._wanted = frozenset(places)
        if leaving or coming:
            self._start(lambda: self._change(leaving, coming))

    def ready(self) -> tuple[str, ...]:
        """Wait until what was begun is done; says what cannot be traced."""
        self._await_thread()
        notes, self._notes = self._notes, ()
        return notes

    def watch_closely(self, netns: int, place: Netns) -> None:
        """Trace all colored packets there from now on; raises OSError or DatapathError."""
        if netns not in self._closer:
            self._await_thread()
            self._disarm(netns)  # its table has the same name
            self._closer[netns] = RuleWatch(place, colored(self._colors), limit=NO_LIMIT)

    def watch_uncolored(self, netns: int, place: Netns, flow: FiveTuple) -> None:
        """Trace a flow's packets without color, the first few; raises OSError or DatapathError."""
        if before := self._uncolored.pop(netns, None):
            before.close()
        matches = uncolored(flow, self._colors)
        self._uncolored[netns] = RuleWatch(place, matches, table=UNCOLORED_TABLE)

    def uncolored(self, netns: int, flow: FiveTuple, *, family: str, table: str) -> Uncolored:
        """Count what became of those that met rules of a table."""
        watch = self._uncolored.get(netns)
        return watch.uncolored(flow, family=family, table=table) if watch else Uncolored()

    def traced(self, netns: int, flow: FiveTuple, *, dropped: bool | None) -> Traced:
        """Say what a flow's packet met: one that a rule dropped, its first, or None: either."""
        armed = self._armed.get(netns, Armed())
        watches = [each for each in (self._closer.get(netns), armed.watch) if each is not None]
        steps: Sequence[TraceStep] = ()
        if dropped is not False:
            steps = next(filter(None, (watch.dropped_of(flow) for watch in watches)), ())
        if not steps and not dropped:
            steps = next(filter(None, (watch.first_of(flow) for watch in watches)), ())
        return Traced(steps=steps, before=armed.before, legacy=armed.legacy, notes=armed.notes)

    def close(self) -> None:
        """End all traces and forget them."""
        self._await_thread()
        armed = (each.watch for each in self._armed.values())
        for watch in (*self._closer.values(), *self._uncolored.values(), *armed):
            if watch is not None:
                watch.close()
        self._closer.clear()
        self._uncolored.clear()
        self._armed.clear()
        self._wanted, self._notes = frozenset(), ()

    def _change(self, leaving: Iterable[int], coming: Mapping[int, Netns]) -> None:
        notes = []
        for netns, place in coming.items():
            self._disarm(netns)
            armed = Armed()
            try:
                armed = _armed(place, self._colors)
            except (OSError, DatapathError) as error:
                notes.append(f"which rules are met in {place.name} is not traced: {error}")
            self._armed[netns] = _with_legacy(armed, place)
        for netns in leaving:
            self._disarm(netns)
        self._notes = tuple(notes)

    def _disarm(self, netns: int) -> None:
        armed = self._armed.get(netns)
        if armed is not None and armed.watch is not None:
            armed.watch.close()

    def _start(self, work: Callable[[], None]) -> None:
        self._thread = threading.Thread(target=work, name="dyetrace-rules", daemon=True)
        self._thread.start()

    def _await_thread(self) -> None:
        if self._thread is not None:
            self._thread.join()
            self._thread = None


def _armed(place: Netns, colors: Iterable[int]) -> Armed:
    """Take the rules down, then trace them, if there are any."""
    listing = place.run(RuleListing)
    try:
        text = listing.text(within_s=LISTED_WITHIN_S)
    finally:
        listing.stop()
    if len(text) > LONGEST_LISTING:
        watch = RuleWatch(place, colored(colors))
        return Armed(watch=watch, notes=(f"{len(text) >> 20} MB of rules were not kept",))
    chains = [chain for chain in parse_ruleset(text) if not TABLE.fullmatch(chain.table)]
    hooks = {(chain.family, chain.hook) for chain in chains if chain.hook}
    traceable = hooks - {UNTRACEABLE}
    return Armed(
        before=tuple(chains),
        watch=RuleWatch(place, colored(colors)) if traceable else None,
        notes=(UNTRACED,) if UNTRACEABLE in hooks else (),
    )


def _with_legacy(armed: Armed, place: Netns) -> Armed:
    """Add what iptables-legacy has counted so far, where there are rules of it."""
    try:
        return replace(armed, legacy=place.run(legacy_counts))
    except (OSError, DatapathError) as error:
        note = f"rules of iptables-legacy were not counted: {error}"
        return replace(armed, notes=(*armed.notes, note))
