"""Gets an agent its certificate: a process of its own, that ends when it has one.

The agent itself stays for months, and so does without a library of cryptography.
"""

import json
import os
import secrets
import socket
import ssl
import sys
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from dyetrace.agent.identity import SPEAK_WITHIN_S, Membership, trusting
from dyetrace.errors import (
    AgentUnreachable,
    CertificateRefused,
    DyetraceError,
    InvalidRequest,
    exit_status,
)
from dyetrace.wire.admission import (
    CONTROLLER,
    LONGEST_LINE,
    AuthorityShown,
    Certified,
    Join,
    JoinToken,
    NotAdmitted,
    RenewCertificate,
    Reply,
    ShowAuthority,
    Wish,
    line_of,
    said_in,
)
from dyetrace.wire.codec import BadMessage


def main() -> None:
    """Do what the settings, one JSON object, say; tell when to renew, if that is known."""
    settings = json.loads(sys.argv[1])
    member = Membership(controller=settings["controller"], state=Path(settings["state"]))
    try:
        if settings["renews"]:
            print(renew(member).renew_in_s)  # noqa: T201 - the agent reads it
        else:
            join(member, host=settings["host"], token_file=settings["token_file"])
    except DyetraceError as error:
        print(f"dyetrace: {error}", file=sys.stderr)  # noqa: T201 - the agent's log
        sys.exit(exit_status(error))


def join(member: Membership, *, host: str, token_file: str | None) -> None:
    """Join, unless this host has joined and its certificate still holds.

    Raises InvalidRequest, CertificateRefused or AgentUnreachable.
    """
    now = datetime.now(UTC)
    until = _valid_until(member.identity)
    if until is not None and now < until:
        return
    if token_file is None:
        why = "has not joined" if until is None else f"has a certificate that ended at {until}"
        raise InvalidRequest(f"this host {why}: add --token-file with a join token's file")
    token = _token_in(Path(token_file))
    authority_pem = _pinned_authority(member, token)
    key = ec.generate_private_key(ec.SECP256R1())
    wish = Join(secret=token.secret, host=host, request_pem=_request(key))
    certified = _certified(_asked(member, wish, trusting(authority_pem)))
    member.state.mkdir(parents=True, exist_ok=True, mode=0o700)
    _write_private(member.authority, authority_pem.encode())
    _write_identity(member, key, certified)


def renew(member: Membership) -> Certified:
    """Take a new key and its certificate, proven by the old one; raises as joining does."""
    key = ec.generate_private_key(ec.SECP256R1())
    wish = RenewCertificate(request_pem=_request(key))
    certified = _certified(_asked(member, wish, member.context()))
    _write_identity(member, key, certified)
    return certified


def _pinned_authority(member: Membership, token: JoinToken) -> str:
    """Fetch the authority's certificate from whoever answers; the token says which is right."""
    anybody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    anybody.minimum_version = ssl.TLSVersion.TLSv1_3
    anybody.check_hostname, anybody.verify_mode = False, ssl.CERT_NONE
    shown = _asked(member, ShowAuthority(), anybody)
    if not isinstance(shown, AuthorityShown):
        raise CertificateRefused(f"{member.controller} is no controller's gate")
    try:
        der = ssl.PEM_cert_to_DER_cert(shown.certificate_pem)
    except ValueError as error:
        raise CertificateRefused(f"{member.controller} showed no certificate") from error
    if sha256(der).hexdigest() != token.fingerprint:
        raise CertificateRefused(
            f"{member.controller} is not the controller that the join token is of: nothing was "
            "told to it. Check the address, and the network between"
        )
    return ssl.DER_cert_to_PEM_cert(der)


def _asked(member: Membership, wish: Wish, context: ssl.SSLContext) -> Wish | Reply:
    try:
        with (
            socket.create_connection(member.address, timeout=SPEAK_WITHIN_S) as plain,
            context.wrap_socket(plain, server_hostname=CONTROLLER) as secured,
            secured.makefile("rb") as answers,
        ):
            secured.sendall(line_of(wish))
            if not (line := answers.readline(LONGEST_LINE)):
                raise ConnectionResetError("it ended the connection; its log says why")
            return said_in(line)
    except ssl.SSLCertVerificationError as error:
        raise CertificateRefused(
            f"the certificate of {member.controller} is not believed ({error.verify_message}): "
            "check the address, and whether both hosts' clocks are right"
        ) from error
    except (OSError, BadMessage) as error:
        raise AgentUnreachable(f"no answer from {member.controller}: {error}") from error
    except ValueError as error:
        raise InvalidRequest(f"--join: {error}") from error


def _certified(reply: Wish | Reply) -> Certified:
    if isinstance(reply, NotAdmitted):
        raise CertificateRefused(reply.text)
    if not isinstance(reply, Certified):
        raise CertificateRefused("the controller sent no certificate")
    return reply


def _token_in(file: Path) -> JoinToken:
    try:
        return JoinToken.parse(file.read_text(encoding="ascii"))
    except (OSError, ValueError) as error:
        raise InvalidRequest(f"--token-file {file}: {error}") from error


def _valid_until(identity: Path) -> datetime | None:
    try:
        found = x509.load_pem_x509_certificate(identity.read_bytes())
    except (OSError, ValueError):
        return None
    return found.not_valid_after_utc


def _request(key: ec.EllipticCurvePrivateKey) -> str:
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def _write_identity(
    member: Membership, key: ec.EllipticCurvePrivateKey, certified: Certified
) -> None:
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    _write_private(member.identity, secret + certified.certificate_pem.encode())


def _write_private(path: Path, data: bytes) -> None:
    """Write a file that only we can read; a crash leaves the old one or the new one, whole."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


if __name__ == "__main__":
    main()
