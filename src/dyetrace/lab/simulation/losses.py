"""Agents that die while tasks run, and whose tasks that may have concerned."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from dyetrace.datapath.simulated.traffic import Planted

BACK_AFTER = 5  # answers; those of every second agent that dies


@dataclass(slots=True)
class Absence:
    """When one host had no agent, by this process's monotonic clock."""

    host: int
    since_s: float
    until_s: float = math.inf

    def overlaps(self, began_s: float, ended_s: float) -> bool:
        """Whether it was so at any moment between these."""
        return self.since_s <= ended_s and began_s <= self.until_s


@dataclass(slots=True, kw_only=True)
class AgentLosses:
    """Ends agents as tasks are answered, evenly over the run, and starts every second one again.

    Only hosts are chosen that packets of tasks to come pass.
    """

    planted: Sequence[Planted]
    agents: int
    seed: int
    lose: Callable[[int], None]
    bring_back: Callable[[int], None]
    absences: list[Absence] = field(default_factory=list)
    _due_back: list[tuple[int, Absence]] = field(default_factory=list)

    def answered(self, done: int, now_s: float) -> None:
        """So many tasks are answered: do what is due."""
        while len(self.absences) < self.agents and done >= self._due_at(len(self.absences)):
            absence = Absence(self._choice(done), now_s)
            self.lose(absence.host)
            if len(self.absences) % 2:
                self._due_back.append((done + BACK_AFTER, absence))
            self.absences.append(absence)
        for each in [each for each in self._due_back if done >= each[0]]:
            self._due_back.remove(each)
            self.bring_back(each[1].host)

    def is_back(self, host: int, now_s: float) -> None:
        """An agent serves again."""
        for absence in self.absences:
            if absence.host == host and absence.until_s == math.inf:
                absence.until_s = now_s

    def concern(self, planted: Planted, began_s: float, ended_s: float) -> bool:
        """Whether a task's packets passed, or should have, where there was no agent meanwhile."""
        hosts = {stop.host for stop in (*planted.way, *planted.ended)}
        return any(
            absence.host in hosts and absence.overlaps(began_s, ended_s)
            for absence in self.absences
        )

    def _due_at(self, number: int) -> float:
        return (number + 1) * len(self.planted) / (self.agents + 1)

    def _choice(self, done: int) -> int:
        """Choose a host that is there, on the way of tasks that are still to be asked, if any."""
        draw = np.random.default_rng([self.seed, 5, len(self.absences)])
        gone = {absence.host for absence in self.absences}
        coming = self.planted[done:] or self.planted
        hosts = sorted({stop.host for each in coming for stop in each.way} - gone)
        every = sorted({stop.host for each in self.planted for stop in each.way})
        chosen = hosts or every
        return chosen[draw.integers(len(chosen))]
