"""How long what was shipped took to be acknowledged, at worst, of late."""

from collections import deque
from dataclasses import dataclass, field

REMEMBERED_S = 600.0  # longer than a task takes
MOST_FOLLOWED = 4096  # entries at once; the oldest matter
NOTICED_S = 1.0  # what is quicker is not remembered


@dataclass(slots=True)
class Delays:
    """Follows entries by number; time is an argument, in seconds."""

    _shipped: deque[tuple[int, float]] = field(default_factory=deque)
    _slow: deque[tuple[float, float]] = field(default_factory=deque)  # when, how long

    def shipped(self, number: int, now: float) -> None:
        """An entry, younger than all before, is on its way."""
        if len(self._shipped) < MOST_FOLLOWED:
            self._shipped.append((number, now))

    def acknowledged(self, number: int, now: float) -> None:
        """This entry and all that are older have arrived, or never will."""
        while self._shipped and self._shipped[0][0] <= number:
            _, since = self._shipped.popleft()
            if now - since > NOTICED_S:
                self._slow.append((now, now - since))
        self._forget(now)

    def worst(self, now: float) -> float:
        """Say how long the slowest took, of those that arrived of late."""
        self._forget(now)
        return max((took for _, took in self._slow), default=0.0)

    def _forget(self, now: float) -> None:
        while self._slow and self._slow[0][0] < now - REMEMBERED_S:
            self._slow.popleft()
