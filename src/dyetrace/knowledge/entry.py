"""A cause, with how it is recognised and told."""

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType

from dyetrace.knowledge import objects
from dyetrace.knowledge.loss import Loss
from dyetrace.model.cause import Cause


def _never(loss: Loss) -> bool:
    """Leave the loss to its drop reason."""
    del loss
    return False


@dataclass(frozen=True, slots=True)
class Entry:
    """A cause, and how it is recognised and told."""

    cause: Cause
    explains: Callable[[Loss], bool] = _never  # beyond its drop reasons
    at_fault: Callable[[Loss], str] = objects.nothing  # names the very object
    fallback: str = ""  # the command for when facts are missing that the remedy's names


def an_entry(module: ModuleType, *, at_fault: Callable[[Loss], str] = objects.nothing) -> Entry:
    """Read a cause's file: CAUSE, and where it has them, explains and FALLBACK."""
    return Entry(
        cause=module.CAUSE,
        explains=getattr(module, "explains", _never),
        at_fault=at_fault,
        fallback=getattr(module, "FALLBACK", ""),
    )
