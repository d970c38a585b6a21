"""Explain a loss: from its facts to a cause, the object at fault, evidence and remedy."""

from dataclasses import dataclass

from dyetrace.knowledge.catalogue import entry_by_code, entry_by_facts, entry_of
from dyetrace.knowledge.evidence import evidence_of
from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.probe import Probe
from dyetrace.knowledge.probe_catalogue import probe_of
from dyetrace.knowledge.remedies import fill
from dyetrace.knowledge.signs import is_netfilter_drop, is_queue_drop, was_dropped
from dyetrace.model.cause import Cause, Evidence, Remedy


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """What a finding says beyond where and how many."""

    cause: Cause
    probe: Probe | None  # None where it was not dropped, but vanished
    object: str  # the very rule, route, neighbour or queue; "" where it is not known
    evidence: tuple[Evidence, ...]
    remedy: Remedy  # filled


def explain_loss(loss: Loss) -> Explained:
    """Explain a loss; there is always a cause, if need be UNSPECIFIED_DROP."""
    dropped_at = probe_of(loss.drop_reason, loss.symbol, _kind(loss))
    probe = dropped_at if was_dropped(loss) else None
    entry = entry_by_facts(loss)
    if entry is None:  # a reason newer than the probes has a family
        entry = entry_by_code(dropped_at.cause) if dropped_at.is_placed else entry_of(loss)
    at_fault = entry.at_fault(loss)
    return Explained(
        cause=entry.cause,
        probe=probe,
        object=at_fault,
        evidence=evidence_of(entry.cause, loss, probe),
        remedy=fill(entry.cause.remedy, loss, at_fault=at_fault, fallback=entry.fallback),
    )


def _kind(loss: Loss) -> str:
    """Say which kind of table or queue dropped it, where that is known."""
    rule, queue = loss.site.culprit_rule, loss.site.queue
    if rule is not None and is_netfilter_drop(loss):
        return rule.family
    return queue.kind if queue is not None and is_queue_drop(loss) else ""
