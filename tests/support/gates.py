"""A controller's gate in this process, and agents that come to it through real TLS."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from dyetrace.agent import enrol
from dyetrace.agent.dialer import Dialer
from dyetrace.agent.identity import Membership
from dyetrace.controller.enrolment import open_enrolment
from dyetrace.controller.gate import Gate
from support.fake_agents import Agents, until


def now():
    return datetime.now(UTC)


@dataclass
class AtGate:
    """A gate with a folder, and the agents that dial it."""

    gate: Gate
    folder: object
    dialing: dict = field(default_factory=dict)

    def member(self, host, port=0):
        return Membership(
            controller=f"127.0.0.1:{port or self.gate.port}", state=self.folder / f"state-{host}"
        )

    async def join(self, host, *, token=None):
        """Join as `dyetrace agent` does, in a thread instead of a process."""
        file = self.folder / f"{host}.token"
        file.write_text((token or self.gate.enrolment.make_token(now=now())).text)
        await asyncio.to_thread(enrol.join, self.member(host), host=host, token_file=str(file))

    def dial(self, host, socket, port=0):
        dialer = Dialer(member=self.member(host, port), agent_socket=socket, wait_s=0.01)
        self.dialing[host] = asyncio.create_task(dialer.run())

    async def come(self, agents: Agents):
        """Have all agents join, and wait until they are in; the agents' cloud is the gate's."""
        for address in agents.cloud.agents:
            await self.join(address.host)
            self.dial(address.host, address.socket)
        await until(lambda: len(self.gate.agents) == len(agents.cloud.agents))
        through_gate = self.gate.cloud("test").agents
        await until(lambda: all(address.socket.exists() for address in through_gate))
        agents.cloud = replace(agents.cloud, agents=through_gate)


@asynccontextmanager
async def a_gate(folder, *, lifetime=timedelta(hours=24), **settings) -> AsyncIterator[AtGate]:
    """Run a gate for the length of a block."""
    enrolment = open_enrolment(folder / "gate", lifetime=lifetime)
    gate = Gate(enrolment=enrolment, folder=folder / "gate", host="127.0.0.1", **settings)
    await gate.open()
    at = AtGate(gate, folder)
    try:
        yield at
    finally:
        for task in at.dialing.values():
            task.cancel()
        await asyncio.gather(*at.dialing.values(), return_exceptions=True)
        await gate.close()
