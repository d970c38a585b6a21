"""Who gets a certificate: hosts with a join token, and agents whose certificate holds."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509

from dyetrace.controller.authority import (
    AGENT_LIFETIME,
    Authority,
    agent_uri,
    open_authority,
)
from dyetrace.controller.join_tokens import JOIN_WITHIN, JoinTokens
from dyetrace.controller.register import Entry, Register
from dyetrace.errors import CertificateRefused
from dyetrace.wire.admission import HOST_NAME, Certified, JoinToken

RENEW_AT = 2 / 3  # of its life


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """The authority, the join tokens and the register of one controller's folder."""

    authority: Authority
    tokens: JoinTokens
    register: Register
    lifetime: timedelta = AGENT_LIFETIME

    def make_token(
        self,
        *,
        host: str = "",
        uses: int = 1,
        now: datetime,
        lifetime: timedelta = JOIN_WITHIN,
    ) -> JoinToken:
        """Make a join token, for any new host, for several, or for one by name."""
        return self.tokens.make(
            fingerprint=self.authority.fingerprint,
            now=now,
            host=host,
            uses=uses,
            lifetime=lifetime,
        )

    def join(self, *, secret: str, host: str, request_pem: str, now: datetime) -> Certified:
        """Certify a new host's agent; raises TokenRefused or CertificateRefused."""
        if not HOST_NAME.fullmatch(host):
            raise CertificateRefused(f"{host[:80]!r} cannot be a host's name")
        meant = self.tokens.spend(secret, now=now)
        if meant and meant != host:
            raise CertificateRefused(f"this join token is for host {meant}, not for {host}")
        pem, entry = self._certified(request_pem, host=host, now=now)
        self.register.add_joined(entry, may_replace=bool(meant), now=now.timestamp())
        return Certified(certificate_pem=pem, renew_in_s=self.renew_in_s(entry, now))

    def renew(self, bearer: Entry, *, request_pem: str, now: datetime) -> tuple[Certified, Entry]:
        """Certify another key of an agent; raises CertificateRefused."""
        pem, entry = self._certified(request_pem, host=bearer.host, now=now)
        self.register.add_renewed(entry, of=bearer.serial, now=now.timestamp())
        return Certified(certificate_pem=pem, renew_in_s=self.renew_in_s(entry, now)), entry

    def bearer(self, verified: Mapping[str, Any], *, now: datetime) -> Entry:
        """Say whose a certificate is, as TLS has verified it; raises CertificateRefused."""
        entry = self.register.entry(f"{int(verified['serialNumber'], 16):x}")
        if entry is None or not entry.holds(now.timestamp()):
            raise CertificateRefused(
                "this certificate is revoked or unknown: join again with a new token"
            )
        if verified.get("subjectAltName") != (("URI", agent_uri(entry.host)),):
            raise CertificateRefused("this certificate does not name the host it was given to")
        return entry

    def renew_in_s(self, entry: Entry, now: datetime) -> float:
        """Say when an agent should renew: at two thirds of its certificate's life."""
        left = entry.expires - now.timestamp()
        return max(left - self.lifetime.total_seconds() * (1 - RENEW_AT), 0.0)

    def _certified(self, request_pem: str, *, host: str, now: datetime) -> tuple[str, Entry]:
        pem = self.authority.certify_agent(
            request_pem.encode(), host=host, now=now, lifetime=self.lifetime
        )
        serial = f"{x509.load_pem_x509_certificate(pem).serial_number:x}"
        expires = (now + self.lifetime).timestamp()
        return pem.decode(), Entry(serial=serial, host=host, lineage=serial, expires=expires)


def open_enrolment(folder: Path, *, lifetime: timedelta = AGENT_LIFETIME) -> Enrolment:
    """Read a controller's folder, or found it; raises CertificateRefused."""
    return Enrolment(
        authority=open_authority(folder, now=datetime.now(UTC)),
        tokens=JoinTokens(folder=folder / "join-tokens"),
        register=Register(folder=folder / "certificates"),
        lifetime=lifetime,
    )
