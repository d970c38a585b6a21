"""What nftables told of the packets it traced, packet by packet: which rules each met. Pure."""

import re
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from dyetrace.datapath.headers import parse_headers
from dyetrace.datapath.linux.nft_trace import Kind, TraceStep, Verdict
from dyetrace.datapath.linux.ruleset import Chain, Rule, RulePlace
from dyetrace.datapath.linux.suspects import shortened
from dyetrace.model.packet import FiveTuple
from dyetrace.model.record import address_of
from dyetrace.model.rule_met import MetAs, RuleMet
from dyetrace.model.site import Uncolored

TABLE = re.compile(r"dyetrace-\d+(-uncolored)?")
"""How our own tables are called, of whichever agent."""

PACKETS_KEPT = 64
STEPS_KEPT = 256  # of one packet
MOST_SHOWN = 64  # of those, the last
COUNTER = re.compile(r"(?:^| )counter packets (?P<packets>\d+) bytes (?P<bytes>\d+)")
MET_AS = {Kind.RULE: MetAs.RULE, Kind.POLICY: MetAs.POLICY, Kind.RETURN: MetAs.RETURN}


@dataclass(slots=True)
class Walk:
    """One packet's steps in the order they were taken, and the flows it belonged to on its way."""

    trace_id: int
    marked_in: set[str] = field(default_factory=set)  # families whose table of ours it met
    flows: set[FiveTuple] = field(default_factory=set)
    steps: list[TraceStep] = field(default_factory=list)

    @property
    def is_dropped(self) -> bool:
        """Whether a rule or policy ended it."""
        return bool(self.steps) and self.steps[-1].is_drop


class RuleTraces:
    """The latest packets that were traced; what is too much is forgotten."""

    def __init__(self) -> None:
        self._walks: deque[Walk] = deque(maxlen=PACKETS_KEPT)

    def take(self, step: TraceStep) -> None:
        """Add a step to its packet."""
        walk = self._walk_of(step)
        if step.network_header:
            with suppress(ValueError):
                walk.flows |= _flow(step.network_header + step.transport_header)
        if TABLE.fullmatch(step.table):
            walk.marked_in.add(step.family)
        elif len(walk.steps) < STEPS_KEPT or step.is_drop:
            walk.steps.append(step)

    def first_of(self, flow: FiveTuple) -> Sequence[TraceStep]:
        """Give what the first packet of a flow met; nothing if none was traced."""
        return next((walk.steps for walk in self._walks if flow in walk.flows), ())

    def dropped_of(self, flow: FiveTuple) -> Sequence[TraceStep]:
        """Give what the latest packet of a flow met that a rule dropped."""
        walks = (each for each in reversed(self._walks) if each.is_dropped and flow in each.flows)
        return next((walk.steps for walk in walks), ())

    def uncolored(self, flow: FiveTuple, *, family: str, table: str) -> Uncolored:
        """Count what became of a flow's packets that met rules of a table."""
        walks = [
            walk
            for walk in self._walks
            if flow in walk.flows
            and any((step.family, step.table) == (family, table) for step in walk.steps)
        ]
        dropped = sum(walk.is_dropped for walk in walks)
        return Uncolored(passed=len(walks) - dropped, dropped=dropped)

    def _walk_of(self, step: TraceStep) -> Walk:
        """Find whose step it is: the kernel makes ids of addresses, and soon uses one again."""
        known = next(
            (each for each in reversed(self._walks) if each.trace_id == step.trace_id), None
        )
        begins = (
            bool(TABLE.fullmatch(step.table))
            and step.kind is Kind.RULE
            and step.handle != 0
            and (known is None or known.is_dropped or step.family in known.marked_in)
        )
        if known is not None and not begins:
            return known
        made = Walk(trace_id=step.trace_id)
        self._walks.append(made)
        return made


def place_of(steps: Sequence[TraceStep]) -> RulePlace | None:
    """Say which rule or policy ended a packet; None if it went on."""
    last = steps[-1] if steps else None
    if last is None or not last.is_drop:
        return None
    return RulePlace(family=last.family, table=last.table, chain=last.chain, handle=last.handle)


def rules_met(
    steps: Iterable[TraceStep], before: Iterable[Chain], now: Iterable[Chain] = ()
) -> tuple[RuleMet, ...]:
    """Describe a packet's steps by the rules as they are now, and as they were before it came.

    nftables tells of rules that matched and of chains' ends, those as rules without a
    handle; older kernels tell the ends of base chains only, so that a packet came back
    from another shows in where it goes on.
    """
    texts = {**_rules_of(before), **_rules_of(now)}
    stack: tuple[str, ...] = ()
    found = []
    for step in steps:
        if step.network_header:  # a base chain begins
            stack = ()
        elif step.chain in stack:
            stack = stack[: stack.index(step.chain)]
        is_end = step.kind is Kind.RULE and not step.handle
        if is_end and not stack:
            continue  # its policy comes next
        rule = texts.get((step.family, step.table, step.chain, step.handle))
        counted = COUNTER.search(rule.text) if rule else None
        found.append(
            RuleMet(
                family=step.family,
                table=step.table,
                chain=step.chain,
                met_as=MetAs.RETURN if is_end else MET_AS[step.kind],
                decision="return" if is_end else _decision(step),
                handle=step.handle,
                stack=stack,
                text=shortened(rule.text) if rule else "",
                comment=rule.comment if rule else "",
                packets=int(counted["packets"]) if counted else None,
                bytes=int(counted["bytes"]) if counted else None,
            )
        )
        if step.verdict == Verdict.JUMP:
            stack = (*stack, step.chain)
    return tuple(found[-MOST_SHOWN:])


def _rules_of(chains: Iterable[Chain]) -> dict[tuple[str, str, str, int], Rule]:
    return {
        (chain.family, chain.table, chain.name, rule.handle): rule
        for chain in chains
        for rule in chain.rules
    }


def _decision(step: TraceStep) -> str:
    if step.kind is Kind.RETURN:
        return "return"
    if step.verdict not in set(Verdict):
        return f"verdict {step.verdict}"
    name = Verdict(step.verdict).name.lower()
    return f"{name} {step.target}" if step.target else name


def _flow(head: bytes) -> set[FiveTuple]:
    headers = parse_headers(head)
    if headers is None:
        return set()
    return {
        FiveTuple(
            src=address_of(headers.src),
            dst=address_of(headers.dst),
            protocol=headers.protocol,
            src_port=headers.src_port,
            dst_port=headers.dst_port,
        )
    }
