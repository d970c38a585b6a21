"""Join tokens: each lets a host join once, or so many, until it expires; kept as digests."""

import fcntl
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path

from dyetrace.controller.authority import write_private
from dyetrace.errors import InvalidRequest, TokenRefused
from dyetrace.wire.admission import HOST_NAME, JoinToken

JOIN_WITHIN = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinTokens:
    """The join tokens that were not used yet, a file each."""

    folder: Path

    def make(
        self,
        *,
        fingerprint: str,
        now: datetime,
        host: str = "",
        uses: int = 1,
        lifetime: timedelta = JOIN_WITHIN,
    ) -> JoinToken:
        """Make a token; with a host, for that one only, though it may have joined before.

        uses: how many hosts may join by it. Raises InvalidRequest.
        """
        if host and not HOST_NAME.fullmatch(host):
            raise InvalidRequest(f"{host!r} cannot be a host's name")
        if uses < 1 or (host and uses > 1):
            raise InvalidRequest(f"a token for {uses} uses: take one for a host, else one or more")
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._forget_expired(now)
        token = JoinToken(secret=secrets.token_urlsafe(32), fingerprint=fingerprint)
        content = {"host": host, "expires": (now + lifetime).timestamp(), "uses": uses}
        write_private(self._file(token.secret), json.dumps(content).encode())
        return token

    def spend(self, secret: str, *, now: datetime) -> str:
        """Use a token, up in the end, and say for which host it is, or nothing.

        Raises TokenRefused.
        """
        file = self._file(secret)
        with self._locked():  # of several who use it at once, no more get it than may
            try:
                content = json.loads(file.read_bytes())
            except FileNotFoundError:
                raise TokenRefused from None
            left = content.get("uses", 1) - 1  # made before a token had several
            if left:
                write_private(file, json.dumps(content | {"uses": left}).encode())
            else:
                file.unlink()
        if now.timestamp() >= content["expires"]:
            raise TokenRefused
        return str(content["host"])

    def _forget_expired(self, now: datetime) -> None:
        for file in self.folder.glob("[0-9a-f]*"):
            with suppress(FileNotFoundError):  # used at this moment
                if now.timestamp() >= json.loads(file.read_bytes())["expires"]:
                    file.unlink()

    def _file(self, secret: str) -> Path:
        return self.folder / sha256(secret.encode()).hexdigest()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Let one process use tokens at a time."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self.folder / ".lock").open("w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
