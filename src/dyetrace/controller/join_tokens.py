"""Join tokens: each lets one host join once, until it expires; kept as digests."""

import json
import secrets
from contextlib import suppress
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
        self, *, fingerprint: str, now: datetime, host: str = "", lifetime: timedelta = JOIN_WITHIN
    ) -> JoinToken:
        """Make a token; with a host, for that one only, though it may have joined before."""
        if host and not HOST_NAME.fullmatch(host):
            raise InvalidRequest(f"{host!r} cannot be a host's name")
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._forget_expired(now)
        token = JoinToken(secret=secrets.token_urlsafe(32), fingerprint=fingerprint)
        content = {"host": host, "expires": (now + lifetime).timestamp()}
        write_private(self._file(token.secret), json.dumps(content).encode())
        return token

    def spend(self, secret: str, *, now: datetime) -> str:
        """Use a token up, and say for which host it is, or nothing; raises TokenRefused."""
        file = self._file(secret)
        try:
            content = json.loads(file.read_bytes())
            file.unlink()  # of several who use it at once, one gets here
        except FileNotFoundError:
            raise TokenRefused from None
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
