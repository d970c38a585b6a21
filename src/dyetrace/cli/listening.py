"""Where the API listens, and with which certificate; all that can be refused is refused early."""

import socket
import ssl
from ipaddress import ip_address
from pathlib import Path

from dyetrace.errors import InvalidRequest


def url_of(listening: socket.socket, *, is_encrypted: bool) -> str:
    """Write the URL of what listens."""
    address, port = listening.getsockname()[:2]
    shown = f"[{address}]" if ":" in address else address
    return f"{'https' if is_encrypted else 'http'}://{shown}:{port}"


def certificate_of(certificate: Path | None, key: Path | None) -> tuple[str, str] | None:
    """Take what HTTPS needs, if it is wanted; raises InvalidRequest for what TLS cannot use."""
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise InvalidRequest("give both --tls-cert and --tls-key, or neither")
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(certificate, key)
    except OSError as error:  # ssl.SSLError is one
        raise InvalidRequest(f"--tls-cert {certificate}, --tls-key {key}: {error}") from error
    return str(certificate), str(key)


def listening(text: str, *, is_encrypted: bool) -> socket.socket:
    """Listen; raises InvalidRequest, also where tokens would travel in the clear."""
    host, _, port = text.rpartition(":")
    try:
        address = ip_address(host.strip("[]"))
        number = int(port)
    except ValueError as error:
        raise InvalidRequest(f"--listen {text}: write ADDRESS:PORT or [ADDRESS]:PORT") from error
    if not address.is_loopback and not is_encrypted:
        raise InvalidRequest(
            f"--listen {text}: tokens would travel in the clear: give --tls-cert and --tls-key"
        )
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6  # noqa: PLR2004 - IPv4
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((str(address), number))
        made.listen(128)  # from now on clients wait, and are not refused
    except (OSError, OverflowError) as error:
        made.close()
        raise InvalidRequest(f"--listen {text}: {error}") from error
    return made
