"""What an agent and the controller's gate say before the channel: one line of JSON each."""

import json
import re
from dataclasses import dataclass
from typing import get_args

from dyetrace.wire.codec import BadMessage, from_plain, to_plain

CONTROLLER = "dyetrace-controller"  # what the authority certifies a controller as
LONGEST_LINE = 16 * 1024
CHANNEL_VERSION = 1
HOST_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinToken:
    """By which a host joins once: a secret, and which authority may hear it."""

    secret: str
    fingerprint: str  # SHA-256 of the authority's certificate, in hexadecimal

    @property
    def text(self) -> str:
        """Write it as people carry it."""
        return f"dyetrace-join.{self.secret}.{self.fingerprint}"

    @classmethod
    def parse(cls, text: str) -> "JoinToken":
        """Read it; raises ValueError."""
        found = re.fullmatch(r"dyetrace-join\.([A-Za-z0-9_-]{20,})\.([0-9a-f]{64})", text.strip())
        if found is None:
            raise ValueError("not a join token: take what `dyetrace gate token` printed, whole")
        return cls(secret=found[1], fingerprint=found[2])


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowAuthority:
    """Anybody: whose certificates do you trust?"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Join:
    """Who has a join token: certify this key as that of this host's agent."""

    secret: str
    host: str
    request_pem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewCertificate:
    """A certified agent: certify this key too."""

    request_pem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenChannel:
    """A certified agent: open streams to me from now on."""

    channel_version: int = CHANNEL_VERSION


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorityShown:
    """Gate: this; compare it with your token."""

    certificate_pem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Certified:
    """Gate: here it is."""

    certificate_pem: str
    renew_in_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """Gate: you speak for this host; frames of the channel follow."""

    host: str
    renew_in_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NotAdmitted:
    """Gate: no, and what to do."""

    text: str


Wish = ShowAuthority | Join | RenewCertificate | OpenChannel
Reply = AuthorityShown | Certified | Admitted | NotAdmitted
KINDS = {kind.__name__: kind for kind in (*get_args(Wish), *get_args(Reply))}


def line_of(said: Wish | Reply) -> bytes:
    """Write one line."""
    return json.dumps([type(said).__name__, to_plain(said)]).encode() + b"\n"


def said_in(line: bytes) -> Wish | Reply:
    """Read one line; raises BadMessage for anything else, whatever the bytes."""
    try:
        name, fields = json.loads(line)
        kind = KINDS[name]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise BadMessage("not a line of this protocol") from error
    said: Wish | Reply = from_plain(fields, kind)
    return said
