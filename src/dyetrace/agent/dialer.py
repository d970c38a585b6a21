"""Keeps an agent's one connection to its controller, and its certificate young."""

import asyncio
import json
import logging
import random
import ssl
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from dyetrace.agent.identity import SPEAK_WITHIN_S, Membership
from dyetrace.errors import CertificateRefused, DyetraceError
from dyetrace.wire.admission import (
    CONTROLLER,
    LONGEST_LINE,
    Admitted,
    NotAdmitted,
    OpenChannel,
    line_of,
    said_in,
)
from dyetrace.wire.channel import Channel, notice_silence
from dyetrace.wire.codec import BadMessage

FIRST_WAIT_S = 0.2
LONGEST_WAIT_S = 15.0
RENEW_AGAIN_AFTER_S = 60.0
SOONEST_RENEWAL_S = 0.2

log = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class Dialer:
    """Connects to the gate again and again; each stream leads to the agent's own socket."""

    member: Membership
    agent_socket: Path
    wait_s: float = FIRST_WAIT_S
    _said: str = ""

    async def run(self) -> None:
        """Be connected whenever that is possible, until cancelled."""
        while True:
            try:
                await self._connected()
                self._say("the controller has ended the connection")
            except (OSError, TimeoutError, DyetraceError) as error:
                self._say(f"not connected: {error}" if str(error) else "it does not answer")
            # A controller that comes back meets all agents at once: they spread.
            await asyncio.sleep(self.wait_s * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
            self.wait_s = min(self.wait_s * 2, LONGEST_WAIT_S)

    async def _connected(self) -> None:
        reader, writer = await self._dialled()
        try:
            async with asyncio.timeout(SPEAK_WITHIN_S):
                writer.write(line_of(OpenChannel()))
                if not (line := await reader.readline()):
                    raise ConnectionResetError("it ended the connection; its log says why")
                answer = said_in(line)
            if isinstance(answer, NotAdmitted):
                raise CertificateRefused(answer.text)
            if not isinstance(answer, Admitted):
                raise BadMessage(f"{self.member.controller} is no controller's gate")
            self._say(f"connected as host {answer.host}")
            self.wait_s = FIRST_WAIT_S
            renewing = asyncio.create_task(self._keep_young(answer.renew_in_s))
            try:
                await Channel(reader, writer, accept=self._accept).run()
            finally:
                renewing.cancel()
                await asyncio.gather(renewing, return_exceptions=True)
        except ValueError as error:
            raise BadMessage("an answer is too long") from error
        finally:
            writer.transport.abort()

    async def _dialled(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        host, port = self.member.address
        try:
            async with asyncio.timeout(SPEAK_WITHIN_S):
                reader, writer = await asyncio.open_connection(
                    host,
                    port,
                    ssl=self.member.context(),
                    server_hostname=CONTROLLER,
                    limit=LONGEST_LINE,
                )
        except ssl.SSLCertVerificationError as error:
            raise CertificateRefused(
                f"the certificate of {self.member.controller} is not believed "
                f"({error.verify_message}): check the address, and both hosts' clocks"
            ) from error
        notice_silence(writer.get_extra_info("socket"))
        return reader, writer

    async def _accept(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_unix_connection(self.agent_socket)

    async def _keep_young(self, renew_in_s: float) -> None:
        """Renew the certificate at two thirds of its life, by another process."""
        while True:
            # By the clock of the wall, which goes on while a machine sleeps.
            due = time.time() + max(renew_in_s, SOONEST_RENEWAL_S)
            while (left := due - time.time()) > 0:  # noqa: ASYNC110 - the wall's clock has no event
                await asyncio.sleep(min(left, RENEW_AGAIN_AFTER_S))
            renew_in_s = await self._renewed() or RENEW_AGAIN_AFTER_S

    async def _renewed(self) -> float | None:
        settings = {
            "controller": self.member.controller,
            "state": str(self.member.state),
            "renews": True,
        }
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "dyetrace.agent.enrol", json.dumps(settings)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            told, _ = await process.communicate()
        except asyncio.CancelledError:
            with suppress(ProcessLookupError):  # it has ended by itself
                process.kill()
            await process.communicate()
            raise
        return float(told) if process.returncode == 0 else None

    def _say(self, text: str) -> None:
        """Log what is new: an absent controller is absent for long."""
        if text != self._said:
            log.warning("%s: %s", self.member.controller, text)
            self._said = text
