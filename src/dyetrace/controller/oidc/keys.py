"""An identity provider's public keys: kept while they are fresh, fetched anew in bounds.

A token whose key is not known may be of a new key, or of anybody who makes one up: so that
is asked for at most every few seconds, whoever sends what.
"""

import asyncio
import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from jwt import PyJWK
from jwt.exceptions import PyJWTError

from dyetrace.errors import IdentityProviderUnreachable

ALGORITHMS = ("RS256", "ES256", "EdDSA")
FRESH_S = 300.0
AGAIN_AFTER_S = 10.0  # between two attempts, whatever came of the first
KEPT_S = 24 * 3600.0  # an absent provider's last keys

log = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class KeySet:
    """The keys by their ids (RFC 7517), for one event loop."""

    fetch: Callable[[], bytes]  # called in a thread; raises OSError or ValueError
    now: Callable[[], float] = time.monotonic
    fresh_s: float = FRESH_S
    again_after_s: float = AGAIN_AFTER_S
    kept_s: float = KEPT_S
    _keys: Mapping[str, PyJWK] = field(default_factory=dict)
    _fetched_at: float | None = None
    _tried_at: float | None = None
    _trouble: str = ""
    _fetching: "asyncio.Task[None] | None" = None
    # One thread of its own: a provider that does not answer must not hold up the store's.
    _thread: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="jwks")
    )

    async def key(self, kid: str | None) -> PyJWK | None:
        """Give a key, or the only one there is if none is named; None: there is no such key.

        Raises IdentityProviderUnreachable where that cannot be known.
        """
        if not self._is_younger_than(self.fresh_s) or self._named(kid) is None:
            await self._refreshed()
        if not self._is_younger_than(self.kept_s):
            raise IdentityProviderUnreachable(self._trouble or "it has not been asked yet")
        found = self._named(kid)
        if found is None and self._trouble:  # it may be a new one
            raise IdentityProviderUnreachable(self._trouble)
        return found

    def _named(self, kid: str | None) -> PyJWK | None:
        if kid is None:
            return next(iter(self._keys.values())) if len(self._keys) == 1 else None
        return self._keys.get(kid)

    def _is_younger_than(self, limit_s: float) -> bool:
        return self._fetched_at is not None and self.now() - self._fetched_at <= limit_s

    async def _refreshed(self) -> None:
        """Fetch, unless that was tried a moment ago; all who want it at once wait for one."""
        if self._fetching is None:
            if self._tried_at is not None and self.now() - self._tried_at < self.again_after_s:
                return
            self._fetching = asyncio.create_task(self._fetched())
        await asyncio.shield(self._fetching)

    async def _fetched(self) -> None:
        try:
            loop = asyncio.get_running_loop()
            self._keys = dict(_read(await loop.run_in_executor(self._thread, self.fetch)))
            self._fetched_at, self._trouble = self.now(), ""
        except (OSError, ValueError) as error:
            self._trouble = str(error) or type(error).__name__
            log.warning("the identity provider's keys cannot be fetched: %s", self._trouble)
        finally:
            self._tried_at, self._fetching = self.now(), None


def _read(content: bytes) -> Iterator[tuple[str, PyJWK]]:
    """Read what keys there are for signatures that we accept; raises ValueError."""
    told: Any = json.loads(content)
    if not isinstance(told, dict) or not isinstance(told.get("keys"), list):
        raise ValueError("that is no set of keys (JWKS)")  # noqa: TRY004 - as json does
    for one in told["keys"]:
        if not isinstance(one, dict) or one.get("use", "sig") != "sig":
            continue
        try:
            key = PyJWK(one)
        except (PyJWTError, KeyError) as error:
            log.warning("a key of the identity provider is left out: %s", type(error).__name__)
            continue
        if key.algorithm_name in ALGORITHMS:  # never a secret that both sides share
            yield str(one.get("kid", "")), key
