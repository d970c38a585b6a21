"""API tokens: shown once, kept as digests, refused once expired or revoked."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, func, insert, select, update

from dyetrace.controller.principal import Principal, Role
from dyetrace.controller.store.database import Database, stored_time
from dyetrace.controller.store.schema import tokens
from dyetrace.errors import TokenRefused, UnknownToken

PREFIX = "dye"  # so that searchers for leaked secrets know one when they see it
NO_DIGEST = "0" * 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """All that is kept of a token."""

    id: str
    principal: Principal
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


class TokenStore:
    """The tokens there are."""

    def __init__(self, database: Database) -> None:
        """Share a database."""
        self._database = database

    def issue(self, principal: Principal, *, expires_at: datetime | None = None) -> str:
        """Make a token and give its text, which nobody can find out later."""
        token_id, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
        with self._database.writing() as connection:
            connection.execute(
                insert(tokens).values(
                    id=token_id,
                    digest=_digest(secret),
                    name=principal.name,
                    role=principal.role.value,
                    tenant=principal.tenant,
                    created_at=self._database.now(connection),
                    expires_at=stored_time(expires_at) if expires_at else None,
                )
            )
        return f"{PREFIX}_{token_id}_{secret}"

    def principal_of(self, text: str) -> Principal:
        """Say whose token it is; raises TokenRefused, which never tells what is wrong with it."""
        prefix, _, rest = text.partition("_")
        token_id, _, secret = rest.partition("_")
        with self._database.reading() as connection:
            row = connection.execute(
                select(tokens).where(tokens.c.id == token_id.replace("\0", ""))
            ).one_or_none()
            now = self._database.now(connection)
        # Compared in any case, so that time does not tell which ids there are.
        is_it = hmac.compare_digest(row.digest if row else NO_DIGEST, _digest(secret))
        if row is None or not is_it or prefix != PREFIX:
            raise TokenRefused
        if row.revoked_at is not None or (row.expires_at is not None and row.expires_at <= now):
            raise TokenRefused
        return _principal(row)

    def revoke(self, token_id: str) -> None:
        """Refuse a token from now on; raises UnknownToken."""
        with self._database.writing() as connection:
            now = self._database.now(connection)
            found = connection.execute(
                update(tokens)
                .where(tokens.c.id == token_id)
                .values(revoked_at=func.coalesce(tokens.c.revoked_at, now))
            )
        if found.rowcount == 0:
            raise UnknownToken(wanted=token_id)

    def list(self) -> list[Token]:
        """Give all tokens, the oldest first; their texts are not there."""
        with self._database.reading() as connection:
            rows = connection.execute(
                select(tokens).order_by(tokens.c.created_at, tokens.c.id)
            ).all()
        return [
            Token(
                id=row.id,
                principal=_principal(row),
                created_at=row.created_at.replace(tzinfo=UTC),
                expires_at=_aware(row.expires_at),
                revoked_at=_aware(row.revoked_at),
            )
            for row in rows
        ]


def _digest(secret: str) -> str:
    """Digest a secret; at 256 random bits a slow hash would protect nothing more."""
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()


def _principal(row: Row[Any]) -> Principal:
    return Principal(name=row.name, role=Role(row.role), tenant=row.tenant)


def _aware(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment else None
