"""Explain a loss: from its facts to a cause, the object at fault, evidence and remedy."""

from dataclasses import dataclass

from dyetrace.knowledge.catalogue import Entry, entry_of
from dyetrace.knowledge.evidence import evidence_of
from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.remedies import fill
from dyetrace.model.cause import Cause, Evidence, Remedy


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """What a finding says beyond where and how many."""

    cause: Cause
    object: str  # the very rule, route, neighbour or queue; "" where it is not known
    evidence: tuple[Evidence, ...]
    remedy: Remedy  # filled


def explain_loss(loss: Loss) -> Explained:
    """Explain a loss; there is always a cause, if need be UNSPECIFIED_DROP."""
    entry: Entry = entry_of(loss)
    at_fault = entry.at_fault(loss)
    return Explained(
        cause=entry.cause,
        object=at_fault,
        evidence=evidence_of(entry.cause, loss),
        remedy=fill(entry.cause.remedy, loss, at_fault=at_fault, fallback=entry.fallback),
    )
