"""The cloud's own certificate authority: who may speak as which host's agent.

Certificates of agents are short-lived and renewed by the agents themselves. A
request's own subject is never believed: a certificate names the host that the
controller gave it to.
"""

import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from dyetrace.errors import CertificateRefused

AUTHORITY_LIFETIME = timedelta(days=3650)
AGENT_LIFETIME = timedelta(hours=24)
CONTROLLER_LIFETIME = timedelta(days=365)
CLOCKS_DIFFER_BY = timedelta(minutes=5)  # a host whose clock is behind takes it at once
AUTHORITY_FILE = "authority.pem"  # key and certificate in one: a crash leaves both or none
IDENTITY_FILE = "identity.pem"  # of who is not the authority
TRUSTED_FILE = "authority.pem"  # and whom it trusts: the authority's certificate alone


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """Signs certificates. Its key never leaves the controller's folder."""

    certificate: x509.Certificate
    _key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> bytes:
        """What agents trust."""
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def fingerprint(self) -> str:
        """What a join token says of it: SHA-256 of the certificate, in hexadecimal."""
        return self.certificate.fingerprint(hashes.SHA256()).hex()

    def certify_agent(
        self, request_pem: bytes, *, host: str, now: datetime, lifetime: timedelta = AGENT_LIFETIME
    ) -> bytes:
        """Certify the key of a request as that of a host's agent; raises CertificateRefused."""
        return self._certified(
            _requested_key(request_pem),
            name=host,
            usage=ExtendedKeyUsageOID.CLIENT_AUTH,
            alternatives=[x509.UniformResourceIdentifier(agent_uri(host))],
            now=now,
            lifetime=lifetime,
        )

    def certify_peer(self, request_pem: bytes, *, kind: str, name: str, now: datetime) -> bytes:
        """Certify the key of a request as that of another process that uses the record log.

        No agent can have such a name, for no host can.
        """
        return self._certified(
            _requested_key(request_pem),
            name=f"{kind}:{name}",
            usage=ExtendedKeyUsageOID.CLIENT_AUTH,
            alternatives=[x509.UniformResourceIdentifier(f"dyetrace://{kind}/{name}")],
            now=now,
            lifetime=CONTROLLER_LIFETIME,
        )

    def certify_controller(
        self, request_pem: bytes, *, names: Sequence[str], now: datetime
    ) -> bytes:
        """Certify the key of a request as the controller's, under these names and addresses."""
        return self._certified(
            _requested_key(request_pem),
            name=names[0],
            usage=ExtendedKeyUsageOID.SERVER_AUTH,
            alternatives=[_general_name(name) for name in names],
            now=now,
            lifetime=CONTROLLER_LIFETIME,
        )

    def _certified(  # noqa: PLR0913 - what a certificate says
        self,
        key: ec.EllipticCurvePublicKey,
        *,
        name: str,
        usage: x509.ObjectIdentifier,
        alternatives: Sequence[x509.GeneralName],
        now: datetime,
        lifetime: timedelta,
    ) -> bytes:
        own = x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())
        certificate = (
            _builder(name, self.certificate.subject, now=now, lifetime=lifetime)
            .public_key(key)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=True)
            .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own),
                critical=False,
            )
            .sign(self._key, hashes.SHA256())
        )
        return certificate.public_bytes(Encoding.PEM)


def open_authority(folder: Path, *, now: datetime) -> Authority:
    """Read the authority from its folder, or found it there.

    Raises CertificateRefused where its file is not readable.
    """
    file = folder / AUTHORITY_FILE
    try:
        if not file.exists():
            found(folder, now=now)
        content = file.read_bytes()
        key = load_pem_private_key(content, password=None)
        certificate = x509.load_pem_x509_certificate(content)
    except (OSError, ValueError) as error:
        raise CertificateRefused(
            f"the authority in {file} cannot be read ({error}): restore it from a backup, or "
            "remove it and let all agents join again"
        ) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or _public(key) != _public(certificate):
        raise CertificateRefused(f"{file} holds a key that is not its certificate's")
    return Authority(certificate=certificate, _key=key)


def found(folder: Path, *, now: datetime) -> None:
    """Make a new authority; of two that do so at once, the first one's stays."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = ec.generate_private_key(ec.SECP256R1())
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    name = f"dyetrace authority {secrets.token_hex(4)}"
    certificate = (
        _builder(name, _name(name), now=now, lifetime=AUTHORITY_LIFETIME)
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_may_sign_certificates(), critical=True)
        .add_extension(identifier, critical=False)
        .sign(key, hashes.SHA256())
    )
    draft = folder / f".{AUTHORITY_FILE}.{secrets.token_hex(4)}"
    write_private(draft, private_pem(key) + certificate.public_bytes(Encoding.PEM))
    try:
        with suppress(FileExistsError):
            (folder / AUTHORITY_FILE).hardlink_to(draft)
    finally:
        draft.unlink()


def new_identity(authority: Authority, *, names: Sequence[str], now: datetime) -> bytes:
    """Make a controller's key and certificate, and the authority's after it, in one PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = authority.certify_controller(certificate_request(key), names=names, now=now)
    return private_pem(key) + certificate + authority.pem


def peer_identity(authority: Authority, *, kind: str, name: str, now: datetime) -> bytes:
    """Make the key and certificate of an analyzer or a controller, for the record log."""
    key = ec.generate_private_key(ec.SECP256R1())
    request = certificate_request(key)
    return private_pem(key) + authority.certify_peer(request, kind=kind, name=name, now=now)


def write_identity(folder: Path, identity: bytes, authority: Authority) -> None:
    """Write a key with its certificate, and whom to trust, as an agent has them."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_private(folder / IDENTITY_FILE, identity)
    write_private(folder / TRUSTED_FILE, authority.pem)


def certificate_request(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Ask for a certificate of a key; who it is for is not the asker's to say."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


def private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Write a key, unencrypted: its file's mode protects it."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def agent_uri(host: str) -> str:
    """Name an agent as its certificate does."""
    return f"dyetrace://agent/{host}"


def write_private(path: Path, data: bytes) -> None:
    """Write a file that only we can read; a crash leaves the old one or the new one, whole."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _requested_key(request_pem: bytes) -> ec.EllipticCurvePublicKey:
    """Take the key from a request that proves to have its private half."""
    try:
        request = x509.load_pem_x509_csr(request_pem)
        key = request.public_key()
        if not request.is_signature_valid:
            raise CertificateRefused("the certificate request is not signed by its own key")
    except (ValueError, InvalidSignature) as error:
        raise CertificateRefused(f"not a certificate request: {error}") from error
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise CertificateRefused("the certificate request's key is not an elliptic curve's")
    return key


def _builder(
    name: str, issuer: x509.Name, *, now: datetime, lifetime: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(issuer)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCKS_DIFFER_BY)
        .not_valid_after(now + lifetime)
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _may_sign_certificates() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        address: IPv4Address | IPv6Address = ip_address(name)
    except ValueError:
        return x509.DNSName(name)
    return x509.IPAddress(address)


def _public(of: ec.EllipticCurvePrivateKey | x509.Certificate) -> bytes:
    return of.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
