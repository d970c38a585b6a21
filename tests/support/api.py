"""The API over a cloud of agents in this process: real requests, data planes in memory."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from ipaddress import ip_address

import httpx

from dyetrace.controller.api.app import make_app
from dyetrace.controller.diagnoses import Diagnoses
from dyetrace.controller.metrics import Meters
from dyetrace.controller.principal import Principal, Role
from dyetrace.controller.roll import Roll
from dyetrace.controller.store import Admission, TaskStore, TokenStore
from dyetrace.model.topology import Nic
from support.builders import DB
from support.fake_agents import Agents, two_agents, until

RED = Nic(id="secret-eth0", vm="secret", tenant="red", addresses=(ip_address("10.0.9.2"),))
PRINCIPALS = {
    "operator": Principal(name="olga", role=Role.OPERATOR),
    "admin": Principal(name="ada", role=Role.ADMIN),
    "blue": Principal(name="bob", role=Role.TENANT, tenant="blue"),
    "blue-reader": Principal(name="bea", role=Role.TENANT_READER, tenant="blue"),
    "red": Principal(name="bob", role=Role.TENANT, tenant="red"),
    "agent": Principal(name="cn-1", role=Role.AGENT),
}
FILTER = {"srcVM_ID": "web", "dst_ip": DB}
ASKED = {"filter": FILTER, "packet_count": 3}


@dataclass
class Api:
    """Clients of every role, and what is behind the API."""

    agents: Agents
    store: TaskStore
    diagnoses: Diagnoses
    tokens: dict[str, str]
    client: httpx.AsyncClient

    async def ask(self, method, path, *, as_="operator", headers=None, **kwargs):
        """Send a request as somebody."""
        token = {"Authorization": f"Bearer {self.tokens[as_]}"} if as_ else {}
        return await self.client.request(
            method, path, headers={**token, **(headers or {})}, **kwargs
        )

    async def add(self, *, as_="operator", headers=None, **fields):
        """Ask for a diagnosis."""
        return await self.ask("POST", "/v1/traces", as_=as_, json=ASKED | fields, headers=headers)

    async def ended(self, name):
        """Wait until a task has ended, and give it."""
        await until(lambda: self.diagnoses.live(name) is None)
        return self.store.get(name)

    async def coloring(self):
        """Wait until web's agent colors."""
        await until(lambda: self.agents.web.coloring)


@asynccontextmanager
async def an_api(
    folder, *, admission: Admission | None = None, identity_provider=None, **settings
) -> AsyncIterator[Api]:
    """Serve the API for the length of a block."""
    async with two_agents(folder, **settings) as agents:
        cloud = replace(agents.cloud, nics={("cn-2", "cn-2.vswitch", "p13"): RED})
        store, meters = TaskStore(f"sqlite:///{folder / 'tasks.db'}"), Meters()
        diagnoses = Diagnoses(
            find_cloud=lambda: cloud,
            store=store,
            admission=admission or Admission(),
            on_end=meters.ended,
            on_fleet=meters.connected,
        )
        tokens = TokenStore(store.database)
        roll = Roll(find_cloud=lambda: cloud, on_called=meters.called)
        app = make_app(diagnoses, meters, identity_provider=identity_provider, roll=roll)
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
            texts = {name: tokens.issue(principal) for name, principal in PRINCIPALS.items()}
            try:
                yield Api(agents, store, diagnoses, texts, client)
            finally:
                await diagnoses.close()
                store.close()
