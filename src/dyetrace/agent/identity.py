"""What an agent keeps of its membership: its key with its certificate, and whom it trusts."""

import ssl
from dataclasses import dataclass
from pathlib import Path

IDENTITY_FILE = "identity.pem"  # key and certificate in one: they change together
AUTHORITY_FILE = "authority.pem"
SPEAK_WITHIN_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """Where an agent joined, or is to join."""

    controller: str  # HOST:PORT
    state: Path

    @property
    def identity(self) -> Path:
        """The agent's key and certificate."""
        return self.state / IDENTITY_FILE

    @property
    def authority(self) -> Path:
        """The certificate of the authority that it joined."""
        return self.state / AUTHORITY_FILE

    @property
    def address(self) -> tuple[str, int]:
        """Where the gate listens; raises ValueError."""
        host, _, port = self.controller.rpartition(":")
        if not host or not port.isdecimal():
            raise ValueError(f"{self.controller!r} is not of the form HOST:PORT")
        return host.strip("[]"), int(port)

    def context(self) -> ssl.SSLContext:
        """Trust this authority only, and show our certificate."""
        context = trusting(self.authority.read_text(encoding="ascii"))
        context.load_cert_chain(self.identity)
        return context


def trusting(authority_pem: str) -> ssl.SSLContext:
    """Trust one authority and nobody else."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_verify_locations(cadata=authority_pem)
    return context
