"""All hosts of a cloud looked at, now and then: for all tasks together, not for each.

What tasks have to do with is looked at for each of them; a survey is how they know what
that is. The more hosts there are, the older it may be, so that surveys take a share of
the controller that does not grow.
"""

import asyncio
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from dyetrace.controller.link import FRESH_NS, SECOND_NS, AgentLink
from dyetrace.errors import DyetraceError

HOLDS_S = 0.02  # for each host
URGENT_HOLDS_S = 0.002  # where a task names what nobody knows
AT_ONCE = 64
PATIENCE_S = 3.0  # where nobody has answered for so long, a task goes on without the rest


@dataclass(slots=True)
class Survey:
    """The agents of one cloud, and when all were asked last."""

    unknown: dict[str, str] = field(default_factory=dict)  # never seen, by name, with the reason
    _links: Mapping[str, AgentLink] = field(default_factory=dict)
    _asked_at: float = -math.inf
    _answered: int = 0
    _running: "set[asyncio.Task[None]]" = field(default_factory=set)
    _being_asked: set[str] = field(default_factory=set)  # of those unknown

    def of(self, links: Mapping[str, AgentLink]) -> None:
        """Have these agents from now on; who was never seen is looked at next."""
        self.unknown = {
            name: f"the agent of host {name} does not answer"
            for name, link in links.items()
            if not link.host.number
        }
        self._links = links

    def link(self, name: str) -> AgentLink:
        """Give the link to a host's agent."""
        return self._links[name]

    @property
    def is_any_up(self) -> bool:
        """Whether any agent can be reached."""
        return any(link.is_up for link in self._links.values())

    async def catch_up(self, *, is_urgent: bool) -> None:
        """Ask all that is due: those never seen, and everybody once the last survey is old."""
        share = URGENT_HOLDS_S if is_urgent else HOLDS_S
        holds_s = max(share * len(self._links), FRESH_NS / SECOND_NS)
        if time.monotonic() - self._asked_at > holds_s:
            self._asked_at = time.monotonic()
            self._begin(self._links)
        elif new := self.unknown.keys() - self._being_asked:
            self._begin({name: self._links[name] for name in new})
        awaited, answered = set(self._running), -1
        while awaited and (is_urgent or not self.is_any_up or answered != self._answered):
            answered = self._answered
            _, awaited = await asyncio.wait(awaited, timeout=PATIENCE_S)

    async def close(self) -> None:
        """Ask no more."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def _begin(self, links: Mapping[str, AgentLink]) -> None:
        self._being_asked |= links.keys() & self.unknown.keys()
        task = asyncio.create_task(self._ask(links))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _ask(self, links: Mapping[str, AgentLink]) -> None:
        turn = asyncio.Semaphore(AT_ONCE)

        async def ask(name: str, link: AgentLink) -> None:
            async with turn:
                if link.is_away:  # known it is, and looked at when it is back
                    return
                try:
                    await link.look(at_most_old_ns=FRESH_NS)
                except DyetraceError as error:
                    if name in self.unknown:
                        self.unknown[name] = str(error)
                else:
                    self.unknown.pop(name, None)
            self._answered += 1
            self._being_asked.discard(name)

        await asyncio.gather(*(ask(name, link) for name, link in links.items()))
