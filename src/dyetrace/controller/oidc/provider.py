"""A signed token checked, and whose it is: issuer, audience, times, signature, role, tenant."""

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, build_opener

import jwt
from jwt.exceptions import PyJWTError

from dyetrace.controller.oidc.keys import ALGORITHMS, KeySet
from dyetrace.controller.principal import Principal, Role
from dyetrace.errors import InvalidRequest, NotPermitted, TokenRefused

DISCOVERY = "/.well-known/openid-configuration"
FETCH_WITHIN_S = 5.0
LARGEST = 1024 * 1024
LEEWAY_S = 60.0  # clocks differ
LONGEST_NAME = 128
NEEDED = ["exp", "iss", "aud", "sub"]
ROLES = frozenset({Role.TENANT_READER, Role.TENANT, Role.OPERATOR, Role.ADMIN})
TOKEN_PARTS = 3

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """In which claims a token says the role and, for a tenant's, the tenant."""

    role: str = "dyetrace_role"
    tenant: str = "dyetrace_tenant"


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityProvider:
    """One issuer whose tokens are believed, if they are for this audience."""

    issuer: str
    audience: str
    keys: KeySet
    claims: Claims = field(default_factory=Claims)
    leeway_s: float = LEEWAY_S

    async def principal_of(self, token: str) -> Principal:
        """Say whose a token is.

        Raises TokenRefused, which never tells what is wrong with it; NotPermitted for a
        true token that gives no role here; IdentityProviderUnreachable.
        """
        try:
            header = jwt.get_unverified_header(token)
            kid = header.get("kid")
            key = None
            if header.get("alg") in ALGORITHMS and (kid is None or isinstance(kid, str)):
                key = await self.keys.key(kid)
            if key is None:
                raise jwt.InvalidKeyError("no key for it is known")
            told = jwt.decode(
                token,
                key=key,
                algorithms=list(ALGORITHMS),
                issuer=self.issuer,
                audience=self.audience,
                leeway=self.leeway_s,
                options={"require": NEEDED, "enforce_minimum_key_length": True},
            )
        except (PyJWTError, ValueError) as error:
            log.info("a token of the identity provider was refused: %s", error)
            raise TokenRefused from error
        return principal_in(told, self.claims)


def looks_signed(token: str) -> bool:
    """Whether a token is of the form of a JWT: our own have another."""
    return len(token.split(".")) == TOKEN_PARTS


def principal_in(told: Mapping[str, Any], claims: Claims) -> Principal:
    """Read the principal from claims that are true; raises NotPermitted."""
    role = _role_in(told.get(claims.role), claims.role)
    tenant = told.get(claims.tenant) if role.is_of_tenant else ""
    if role.is_of_tenant and (not isinstance(tenant, str) or not _is_name(tenant)):
        raise NotPermitted(f"your identity has no tenant here: claim {claims.tenant} must name one")
    name = f"oidc:{told['sub']}"
    if not _is_name(name):
        raise NotPermitted("your identity's subject is no name: printable, and not too long")
    return Principal(name=name, role=role, tenant=str(tenant))


def _role_in(said: Any, claim: str) -> Role:  # noqa: ANN401 - straight from JSON
    """Find the one role among what a claim says: it may name groups of other programs as well."""
    names = {one for one in (said if isinstance(said, list) else [said]) if isinstance(one, str)}
    found = [role for role in ROLES if role.value in names]
    if len(found) != 1:
        known = ", ".join(sorted(role.value for role in ROLES))
        raise NotPermitted(f"your identity has no role here: claim {claim} must say one of {known}")
    return found[0]


def _is_name(text: str) -> bool:
    return 0 < len(text) <= LONGEST_NAME and text.isprintable() and text == text.strip()


def open_provider(
    issuer: str, audience: str, *, jwks: str | None = None, claims: Claims | None = None
) -> IdentityProvider:
    """Take a provider's settings; nothing is fetched yet. Raises InvalidRequest.

    jwks: a URL or a file; left out, the issuer's discovery document tells.
    """
    _checked(issuer, "--oidc-issuer")
    if not audience:
        raise InvalidRequest("--oidc-issuer needs --oidc-audience: who tokens must be for")
    return IdentityProvider(
        issuer=issuer,
        audience=audience,
        keys=KeySet(fetch=_source(issuer, jwks)),
        claims=claims or Claims(),
    )


def _source(issuer: str, jwks: str | None) -> Callable[[], bytes]:
    if jwks is None:
        return lambda: _get(_keys_url(issuer))
    if "://" not in jwks:
        return Path(jwks).read_bytes
    url = _checked(jwks, "--oidc-jwks")
    return lambda: _get(url)


def _keys_url(issuer: str) -> str:
    """Ask where the keys are (OpenID Connect Discovery 1.0, section 4)."""
    told: Any = json.loads(_get(issuer.rstrip("/") + DISCOVERY))
    if not isinstance(told, dict) or told.get("issuer") != issuer:
        raise ValueError(f"{issuer}{DISCOVERY} does not tell of issuer {issuer}")
    try:
        return _checked(str(told.get("jwks_uri")), "jwks_uri")
    except InvalidRequest as error:
        raise ValueError(str(error)) from error


def _checked(text: str, what: str) -> str:
    """Take a URL whose content cannot be changed on its way; raises InvalidRequest."""
    try:
        parts = urlsplit(text)
        is_here = parts.hostname == "localhost" or ip_address(parts.hostname or "").is_loopback
    except ValueError:
        is_here = False
    if not text.startswith("https://") and not (is_here and text.startswith("http://")):
        raise InvalidRequest(f"{what} {text}: write https://..., or http:// on this machine")
    return text


class _NoRedirect(HTTPRedirectHandler):
    """Keys are taken from where they were said to be, and nowhere else."""

    def redirect_request(self, *_: Any) -> None:  # noqa: ANN401 - whatever urllib gives
        """Follow none."""


def _get(url: str) -> bytes:
    with build_opener(_NoRedirect).open(url, timeout=FETCH_WITHIN_S) as told:
        content: bytes = told.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise ValueError(f"{url} is too large")
    return content
