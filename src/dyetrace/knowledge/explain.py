"""TEMPORARY."""
from dataclasses import dataclass
from dyetrace.knowledge.loss import Loss
from dyetrace.model.cause import *

@dataclass
class Explained:
    cause: Cause
    object: str
    evidence: tuple
    remedy: Remedy

def explain_loss(loss: Loss) -> Explained:
    c = Cause(code=loss.drop_reason or loss.place.name, title=f"{loss.place}", severity=Severity.MAJOR, layer=Layer.HOST, owner=Owner.PROVIDER, tenant_meaning="", operator_meaning="", remedy=Remedy(text="x"))
    return Explained(c, loss.symbol, (), c.remedy)
