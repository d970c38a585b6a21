"""Who asks, as an identity provider says it: signed tokens (JWT) of OpenID Connect."""

from dyetrace.controller.oidc.keys import KeySet
from dyetrace.controller.oidc.provider import Claims, IdentityProvider, open_provider

__all__ = ["Claims", "IdentityProvider", "KeySet", "open_provider"]
