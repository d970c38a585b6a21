"""The sessions of all controllers: which there are, and what ends them."""

import logging
import time
from dataclasses import dataclass, field

from dyetrace.agent.outbox import Outbox
from dyetrace.agent.session import Connection, Session
from dyetrace.agent.spool import SESSION, Spools
from dyetrace.agent.tasks import HeldTasks
from dyetrace.errors import InvalidRequest
from dyetrace.wire.messages import Hello, SessionId

KEPT_S = 600.0  # what a controller that is gone never fetched
MOST_SESSIONS = 64

log = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class Sessions:
    """All sessions; a resumable one outlives its connections and, by its spool, this process."""

    held: HeldTasks
    spools: Spools | None = None
    _sessions: dict[SessionId, Session] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Take in what an earlier process of this agent kept on disk."""
        for name in self.spools.left_over() if self.spools else ():
            self._sessions[name] = self._made(name, is_resumable=True)

    def unnamed(self, number: int) -> Session:
        """Make one that ends with its connection."""
        name = f"connection {number}"  # no name that a controller may choose
        return self._sessions.setdefault(name, Session(name, Outbox()))

    def named(self, hello: Hello) -> Session:
        """Find a session, or make it; raises InvalidRequest."""
        name = hello.session
        if not SESSION.fullmatch(name):
            raise InvalidRequest(f"{name!r} names no session: up to 32 hexadecimal digits")
        if name not in self._sessions:
            if len(self._sessions) >= MOST_SESSIONS:
                raise InvalidRequest(f"this agent serves as many controllers as it can: {name}")
            self._sessions[name] = self._made(name, is_resumable=hello.is_resumable)
        session = self._sessions[name]
        session.is_resumable, session.reads_log = hello.is_resumable, bool(hello.log_partitions)
        session.outbox.go_on_after(hello.received, hello.records)
        return session

    def tracing(self) -> list[Session]:
        """Give those that have tasks here."""
        return [self._sessions[name] for name in self.held.sessions() if name in self._sessions]

    def leave(self, session: Session, connection: Connection, *, is_over: bool) -> None:
        """A connection has ended, and its session with it unless that goes on without."""
        if session.connection is not connection:
            return  # a newer one has come
        session.disconnect()
        if is_over or not session.is_resumable:
            self._end(session)

    def cut_off_deaf(self, name: SessionId) -> None:
        """Disconnect a controller that lets its leases end, and does not read either."""
        session = self._sessions.get(name)
        if session is None or session.connection is None:
            return
        writer = session.connection.writer
        if writer.transport.get_write_buffer_size() or not session.connection.has_sent_all:
            log.warning("controller %s does not read: cut off", name)
            writer.transport.abort()

    def forget_long_gone(self) -> None:
        """End sessions without a controller that have nothing to hand over, or had for too long."""
        now, busy = time.monotonic(), self.held.sessions()
        for session in list(self._sessions.values()):
            if session.connection is not None or session.id in busy:
                continue
            if session.outbox.is_empty or now - session.away_since > KEPT_S:
                self._end(session)

    def put_away(self) -> None:
        """Keep on disk what the next process of this agent is to hand over."""
        for session in self._sessions.values():
            if session.is_resumable:
                session.outbox.put_away()

    @property
    def dropped(self) -> int:
        """How many records found no room, in memory or on disk."""
        on_disk = self.spools.dropped if self.spools else 0
        return on_disk + sum(session.outbox.dropped for session in self._sessions.values())

    @property
    def spool_bytes(self) -> int:
        """How much waits on disk."""
        return self.spools.size if self.spools else 0

    def _made(self, name: SessionId, *, is_resumable: bool) -> Session:
        spool = self.spools.of(name) if self.spools else None
        return Session(name, Outbox(spool), is_resumable=is_resumable)

    def _end(self, session: Session) -> None:
        self._sessions.pop(session.id, None)
        if self.spools is not None:
            self.spools.close(session.id)
        self.held.remove_session(session.id)
