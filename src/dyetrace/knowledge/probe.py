"""A probe: one place where a data plane can discard a packet, and one reason why."""

from dataclasses import dataclass

Row = tuple[str, str, str, str, str] | tuple[str, str, str, str, str, str]
"""code, place, reason, cause ("": what the reason means by itself), description, kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A distinct place and reason, with a code of its own."""

    code: str  # stable, UPPER_SNAKE
    subsystem: str
    place: str  # kernel function, counter or stage; "" for anywhere
    reason: str  # the dropper's word; "" for any
    kind: str = ""  # of the queue (tbf) or table (inet), where that tells more
    description: str
    cause: str  # the code of what it means if nothing else is known

    @property
    def is_placed(self) -> bool:
        """Whether it says more than the drop reason does."""
        return bool(self.place or self.kind)
