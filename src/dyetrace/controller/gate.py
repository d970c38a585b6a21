"""The controller's gate: agents of other machines come in here, each proven by its certificate.

Each agent that is in has a Unix socket on this side, by which it is spoken to as
an agent of this machine is; every connection to it is a stream of its channel.
"""

import asyncio
import logging
import math
import socket
import ssl
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from dyetrace.controller.authority import CONTROLLER_LIFETIME, new_identity, write_private
from dyetrace.controller.enrolment import RENEW_AT, Enrolment
from dyetrace.controller.register import Entry
from dyetrace.errors import CertificateRefused, DyetraceError, InvalidRequest
from dyetrace.inventory.clouds import AgentAddress, Cloud
from dyetrace.wire.admission import (
    CHANNEL_VERSION,
    CONTROLLER,
    LONGEST_LINE,
    Admitted,
    AuthorityShown,
    Join,
    NotAdmitted,
    OpenChannel,
    RenewCertificate,
    Reply,
    ShowAuthority,
    Wish,
    line_of,
    said_in,
)
from dyetrace.wire.channel import Channel, notice_silence
from dyetrace.wire.codec import BadMessage

SPEAK_WITHIN_S = 5.0
MOST_STRANGERS = 512  # connections that have not said who they are
MOST_FROM_ONE_ADDRESS = 64  # of these
LOOK_EVERY_S = 1.0  # for certificates that were revoked or have expired
BACKLOG = 128

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Inside:
    """An agent that is in."""

    entry: Entry
    channel: Channel
    running: "asyncio.Task[None]"


@dataclass(frozen=True, slots=True)
class _Told:
    """The hosts that were told of last, and what that was made of."""

    cloud: Cloud = field(default_factory=lambda: Cloud(name="", agents=()))
    entries: tuple[Entry, ...] = ()
    holds_until: float = -math.inf

    def is_of(self, name: str, entries: tuple[Entry, ...], now: float) -> bool:
        """Whether that is as it was."""
        return name == self.cloud.name and entries is self.entries and now < self.holds_until


@dataclass(slots=True, kw_only=True)
class Gate:
    """Admits agents while it is open; the folder holds its own certificate and the sockets."""

    enrolment: Enrolment
    folder: Path
    host: str = ""
    port: int = 0
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    on_change: Callable[[], None] = lambda: None  # an agent came or went
    _inside: dict[str, _Inside] = field(default_factory=dict)
    _sent_away: dict[str, str] = field(default_factory=dict)  # why, by host
    _told: _Told = field(default_factory=_Told)
    _visits: "set[asyncio.Task[None]]" = field(default_factory=set)
    _standing: "list[asyncio.Task[None]]" = field(default_factory=list)
    _strangers: "Counter[str]" = field(default_factory=Counter)
    _context: ssl.SSLContext = field(init=False)
    _certified_at: datetime = field(init=False)

    async def open(self) -> None:
        """Listen; raises InvalidRequest where that cannot be. The port is known from then on."""
        self._sockets.mkdir(parents=True, exist_ok=True, mode=0o700)
        for left_over in self._sockets.glob("*.sock"):
            left_over.unlink()
        self._context = _context(self.enrolment.authority.pem)
        self._certify()
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        try:
            listening = socket.create_server((self.host, self.port), family=family, backlog=BACKLOG)
        except OSError as error:
            raise InvalidRequest(f"cannot listen on {self.host}:{self.port}: {error}") from error
        listening.setblocking(False)
        self.port = listening.getsockname()[1]
        self._standing = [
            asyncio.create_task(self._listen(listening)),
            asyncio.create_task(self._look_after_certificates()),
        ]

    async def close(self) -> None:
        """Send everybody away."""
        ending = [*self._standing, *self._visits]
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)

    @property
    def is_open(self) -> bool:
        """Whether agents can come in."""
        return bool(self._standing) and not any(task.done() for task in self._standing)

    @property
    def agents(self) -> tuple[str, ...]:
        """The hosts whose agents are in."""
        return tuple(sorted(self._inside))

    def cloud(self, name: str) -> Cloud:
        """Give all hosts that have joined, those too whose agents are away.

        It is the same as long as they are.
        """
        now, entries = self.now().timestamp(), self.enrolment.register.entries()
        if self._told.is_of(name, entries, now):
            return self._told.cloud
        holding = [entry for entry in entries if entry.holds(now)]
        cloud = Cloud(
            name=name,
            agents=tuple(
                AgentAddress(host=host, socket=self._socket_of(host), is_certified=True)
                for host in sorted({entry.host for entry in holding})
            ),
        )
        holds_until = min((entry.expires for entry in holding), default=math.inf)
        self._told = _Told(cloud, entries, holds_until)
        return cloud

    def certificates(self) -> dict[str, float]:
        """Say until when each host's newest certificate holds, in seconds since 1970."""
        ends: dict[str, float] = {}
        for entry in self.enrolment.register.holding(self.now().timestamp()):
            ends[entry.host] = max(entry.expires, ends.get(entry.host, 0.0))
        return ends

    def revoke(self, name: str) -> tuple[str, ...]:
        """Revoke a host's certificates, or one by serial; its agent is out at once."""
        serials = self.enrolment.register.revoke(name)
        self._send_away_unproven()
        return serials

    def why_out(self, host: str) -> str:
        """Say why a host was sent away; nothing for one that was not, or is in again."""
        return self._sent_away.get(host, "")

    async def _listen(self, listening: socket.socket) -> None:
        with listening:
            while True:
                try:
                    sock, address = await asyncio.get_running_loop().sock_accept(listening)
                except OSError as error:  # too many files are open, or it has gone already
                    log.warning("an agent could not be let in: %s", error)
                    await asyncio.sleep(LOOK_EVERY_S)
                    continue
                if self._is_crowded(address[0]):
                    log.warning("%s was refused: too many strangers at the gate", address[0])
                    sock.close()
                    continue
                visit = asyncio.create_task(self._visit(sock, address[0]))
                self._visits.add(visit)
                visit.add_done_callback(self._visits.discard)

    def _is_crowded(self, address: str) -> bool:
        return (
            self._strangers.total() >= MOST_STRANGERS
            or self._strangers[address] >= MOST_FROM_ONE_ADDRESS
        )

    async def _visit(self, sock: socket.socket, address: str) -> None:
        """Hear what one connection wants, and never let it harm another."""
        writer: asyncio.StreamWriter | None = None
        try:
            self._strangers[address] += 1
            try:
                async with asyncio.timeout(SPEAK_WITHIN_S):
                    reader, writer = await self._under_tls(sock)
                    wish = said_in(await reader.readline())
                    bearer = self._bearer(writer)
            finally:
                self._strangers[address] -= 1
                self._strangers += Counter()  # forgets who is not there
            await self._grant(wish, bearer, reader, writer, address)
        except (OSError, TimeoutError, ValueError, BadMessage) as error:
            log.warning("%s was refused: %s", address, str(error) or type(error).__name__)
        except Exception:
            log.exception("bug at the gate, with %s", address)
        finally:
            if writer is not None:
                writer.transport.abort()

    async def _under_tls(
        self, sock: socket.socket
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        notice_silence(sock)
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=LONGEST_LINE)
        protocol = asyncio.StreamReaderProtocol(reader)
        transport, _ = await loop.connect_accepted_socket(
            lambda: protocol, sock, ssl=self._context, ssl_handshake_timeout=SPEAK_WITHIN_S
        )
        return reader, asyncio.StreamWriter(transport, protocol, reader, loop)

    def _bearer(self, writer: asyncio.StreamWriter) -> Entry | CertificateRefused:
        verified = writer.get_extra_info("peercert")
        if not verified:
            return CertificateRefused("only an agent that has joined may do that")
        try:
            return self.enrolment.bearer(verified, now=self.now())
        except CertificateRefused as error:
            return error

    async def _grant(
        self,
        wish: Wish | Reply,
        bearer: Entry | CertificateRefused,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        address: str,
    ) -> None:
        try:
            if isinstance(wish, OpenChannel):
                await self._admit(wish, _proven(bearer), reader, writer)
                return
            reply = self._answer(wish, bearer)
        except DyetraceError as error:
            log.warning("%s was refused: %s", address, error)
            reply = NotAdmitted(text=str(error))
        writer.write(line_of(reply))
        await writer.drain()
        writer.close()
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(SPEAK_WITHIN_S):
                await writer.wait_closed()

    def _answer(self, wish: Wish | Reply, bearer: Entry | CertificateRefused) -> Reply:
        now = self.now()
        match wish:
            case ShowAuthority():
                return AuthorityShown(certificate_pem=self.enrolment.authority.pem.decode())
            case Join():
                certified = self.enrolment.join(
                    secret=wish.secret, host=wish.host, request_pem=wish.request_pem, now=now
                )
                log.info("host %s has joined", wish.host)
                self.on_change()
                return certified
            case RenewCertificate():
                before = _proven(bearer)
                certified, entry = self.enrolment.renew(
                    before, request_pem=wish.request_pem, now=now
                )
                inside = self._inside.get(entry.host)
                if inside is not None and inside.entry.serial == before.serial:
                    inside.entry = entry  # its connection is as good as the new certificate
                return certified
        return NotAdmitted(text=f"{type(wish).__name__} is not for the gate")

    async def _admit(
        self,
        wish: OpenChannel,
        bearer: Entry,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        """Let an agent in until its connection ends, or a newer one of its host comes."""
        if wish.channel_version != CHANNEL_VERSION:
            raise InvalidRequest(
                f"this controller speaks version {CHANNEL_VERSION} of the channel, not "
                f"{wish.channel_version}: run the same version of dyetrace on both sides"
            )
        while (older := self._inside.pop(bearer.host, None)) is not None:
            log.warning("host %s connects anew: its older connection ends", bearer.host)
            older.running.cancel()
            await asyncio.gather(older.running, return_exceptions=True)
        renew_in_s = self.enrolment.renew_in_s(bearer, self.now())
        writer.write(line_of(Admitted(host=bearer.host, renew_in_s=renew_in_s)))
        channel = Channel(reader, writer)
        running = asyncio.create_task(channel.run())
        inside = self._inside[bearer.host] = _Inside(bearer, channel, running)
        self._sent_away.pop(bearer.host, None)
        try:
            await self._serve(inside)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            if self._inside.get(bearer.host) is inside:
                self._inside.pop(bearer.host)
            self.on_change()
            log.info("the agent of host %s is out", bearer.host)

    async def _serve(self, inside: _Inside) -> None:
        path = self._socket_of(inside.entry.host)
        path.unlink(missing_ok=True)
        server = await asyncio.start_unix_server(inside.channel.carry, path, start_serving=False)
        inode = path.stat().st_ino
        try:
            path.chmod(0o600)
            await server.start_serving()
            log.info("the agent of host %s is in", inside.entry.host)
            self.on_change()
            await asyncio.wait([inside.running])
            inside.running.result()
        except asyncio.CancelledError:
            if not inside.running.cancelled():  # it is we who are to end
                raise
        finally:
            server.close()
            with suppress(FileNotFoundError):
                if path.stat().st_ino == inode:
                    path.unlink()

    async def _look_after_certificates(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            self._send_away_unproven()
            if self.now() > self._certified_at + CONTROLLER_LIFETIME * RENEW_AT:
                self._certify()

    def _send_away_unproven(self) -> None:
        now = self.now().timestamp()
        entries = {entry.serial: entry for entry in self.enrolment.register.entries()}
        for host, inside in tuple(self._inside.items()):
            known = entries.get(inside.entry.serial)
            if known is None or not known.holds(now):
                is_revoked = known is None or known.is_revoked
                why = "its certificate was revoked" if is_revoked else "its certificate has expired"
                log.warning("host %s is sent away: %s", host, why)
                self._sent_away[host] = why
                inside.running.cancel()

    def _certify(self) -> None:
        """Take a certificate of our own, for connections from now on."""
        self._certified_at = self.now()
        file = self.folder / "controller.pem"
        authority = self.enrolment.authority
        write_private(file, new_identity(authority, names=[CONTROLLER], now=self._certified_at))
        self._context.load_cert_chain(file)

    @property
    def _sockets(self) -> Path:
        return self.folder / "agents"

    def _socket_of(self, host: str) -> Path:
        return self._sockets / f"{host}.sock"


def _proven(bearer: Entry | CertificateRefused) -> Entry:
    if isinstance(bearer, CertificateRefused):
        raise bearer
    return bearer


def _context(authority_pem: bytes) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.num_tickets = 0  # each connection proves itself anew
    context.verify_mode = ssl.CERT_OPTIONAL  # who has none may join; who shows a false one is out
    context.load_verify_locations(cadata=authority_pem.decode())
    return context
