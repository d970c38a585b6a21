"""The controller's process once all is chosen: gate and API open, until a signal says to end."""

import asyncio
import socket
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from dyetrace.cli.listening import url_of
from dyetrace.cli.served import Registration, Served, fresh_join_token, reached_at
from dyetrace.controller.api.app import make_app
from dyetrace.controller.api.serve import serve
from dyetrace.controller.diagnoses import Diagnoses
from dyetrace.controller.gate import Gate
from dyetrace.controller.metrics import Meters
from dyetrace.controller.oidc.provider import IdentityProvider
from dyetrace.controller.operator_token import operator_token
from dyetrace.controller.roll import Roll
from dyetrace.wire.readiness import tell_ready

if TYPE_CHECKING:
    from dyetrace.analyzer.logged import LogReader

OPERATOR_TOKEN = "operator.token"  # noqa: S105 - a file's name
JOIN_TOKEN = "join.token"  # noqa: S105 - as above
LOOK_AFTER_S = 0.5
REACHED_AT = "reached-at"  # where the gate is, for those who make more join tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Controller:
    """What runs, and where."""

    diagnoses: Diagnoses
    meters: Meters
    roll: Roll
    identity_provider: IdentityProvider | None
    served: Served
    state: Path
    listening: socket.socket
    certificate: tuple[str, str] | None
    gate_at: str | None
    joined: str
    log_reader: "LogReader | None" = None

    def run(self) -> None:
        """Run until a signal; then nothing is left on any host."""
        self.diagnoses.store.fail_abandoned()
        operator_token(self.state / OPERATOR_TOKEN, self.diagnoses.store.database)
        asyncio.run(self._run())
        typer.echo("stopped: no task runs, and nothing of any is left on the hosts", err=True)

    async def _run(self) -> None:
        async with AsyncExitStack() as stack:
            if self.log_reader is not None:
                reading = asyncio.create_task(self.log_reader.run())
                stack.callback(reading.cancel)
            ways_in = []
            if (gate := self.served.gate) is not None:
                ways_in = await self._open(gate, stack)
            url = url_of(self.listening, is_encrypted=self.certificate is not None)
            said = [
                f"serving cloud {self.served.name} at {url}",
                f"operator's token: {self.state / OPERATOR_TOKEN}",
                *ways_in,
            ]

            def ready() -> None:
                typer.echo("\n".join(said))
                tell_ready()

            await serve(
                make_app(
                    self.diagnoses,
                    self.meters,
                    identity_provider=self.identity_provider,
                    roll=self.roll,
                    is_open=lambda: gate is None or gate.is_open,
                ),
                self.diagnoses,
                roll=self.roll,
                listening=self.listening,
                certificate=self.certificate,
                on_ready=ready,
            )

    async def _look_at_who_comes(self, has_changed: asyncio.Event) -> None:
        """Know hosts before a task asks for them, many that come at a time together."""
        while True:
            await has_changed.wait()
            await asyncio.sleep(LOOK_AFTER_S)
            has_changed.clear()
            await self.diagnoses.look_around()

    async def _open(self, gate: Gate, stack: AsyncExitStack) -> list[str]:
        """Open the gate, and say how a host comes in."""
        registration, has_changed = Registration(gate, self.joined), asyncio.Event()

        def changed() -> None:
            registration.renew_soon()
            has_changed.set()

        gate.on_change = changed
        looking = asyncio.create_task(self._look_at_who_comes(has_changed))
        stack.callback(looking.cancel)
        await gate.open()
        stack.callback(registration.end)
        stack.push_async_callback(gate.close)
        registration.renew()
        at = self.gate_at or reached_at(gate.host, gate.port)
        (gate.folder / REACHED_AT).write_text(f"{at}\n", encoding="utf-8")
        token = self.state / JOIN_TOKEN
        fresh_join_token(token, gate.enrolment)
        return [
            f"to join a host: dyetrace agent --join {at} --token-file {token}",
            "(on that host, with a copy of that file: it lets one in, within an hour)",
        ]
