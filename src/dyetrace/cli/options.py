"""Options that several commands share, and the request they make."""

import re
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dyetrace.errors import InvalidRequest

if TYPE_CHECKING:
    from dyetrace.model.filter import PacketFilter
    from dyetrace.model.packet import Network, Protocol
    from dyetrace.model.task import Limits

Source = Annotated[
    str | None, typer.Option("--src", help="Sender: address, prefix, VM id, NIC id or MAC.")
]
Destination = Annotated[
    str | None, typer.Option("--dst", help="Receiver: address, prefix, VM id, NIC id or MAC.")
]
ProtocolName = Annotated[
    str | None, typer.Option("--proto", help="tcp, udp, icmp, icmpv6, sctp; any if left out.")
]
SourcePort = Annotated[int | None, typer.Option("--sport", help="Source port.")]
DestinationPort = Annotated[int | None, typer.Option("--dport", help="Destination port.")]
Tenant = Annotated[
    str | None, typer.Option("--tenant", help="Whose addresses these are, where they overlap.")
]
Packets = Annotated[int, typer.Option("--packets", help="Color this many packets, then answer.")]
TraceTime = Annotated[
    str, typer.Option("--time", help="Color for at most this long: 500ms, 30s, 5m.")
]
Rate = Annotated[int, typer.Option("--rate", help="Color at most this many packets a second.")]
DirectionName = Annotated[
    str,
    typer.Option("--direction", help="there, back (the answers), or both: two tasks."),
]
CloudName = Annotated[
    str | None,
    typer.Option(
        "--cloud",
        envvar="DYETRACE_CLOUD",
        help="A cloud that is up on this machine, or 'host' for this host itself.",
    ),
]
InventoryFile = Annotated[
    Path | None,
    typer.Option(
        "--inventory",
        metavar="FILE",
        envvar="DYETRACE_INVENTORY",
        help="What your VMs, NICs, networks and VFDs are called: docs/howto/inventory.md.",
    ),
]
DatabaseUrl = Annotated[
    str | None,
    typer.Option(
        "--database",
        metavar="URL",
        envvar="DYETRACE_DATABASE",
        help="Where tasks are kept: sqlite:////PATH or postgresql://USER@HOST/NAME.",
    ),
]
LogFormat = Annotated[
    str,
    typer.Option("--log-format", envvar="DYETRACE_LOG_FORMAT", help="The log's lines: text, json."),
]
DatabaseFile = Annotated[
    Path | None,
    typer.Option(
        "--database-file",
        metavar="FILE",
        envvar="DYETRACE_DATABASE_FILE",
        help="File that holds that URL, where it has a password.",
    ),
]
State = Annotated[
    Path,
    typer.Option(
        "--state",
        metavar="FOLDER",
        envvar="DYETRACE_STATE",
        help="The controller's folder: tasks, the operator's token, the gate's authority.",
    ),
]
STATE = Path("/var/lib/dyetrace")
Server = Annotated[
    str | None,
    typer.Option(
        "--server",
        metavar="URL",
        envvar="DYETRACE_SERVER",
        help="Ask the controller at this URL; else the one of `dyetrace context`, if any.",
    ),
]
TokenFile = Annotated[
    str | None,
    typer.Option(
        "--token-file",
        metavar="FILE",
        envvar="DYETRACE_TOKEN_FILE",
        help="File with the token for it.",
    ),
]
Output = Annotated[str, typer.Option("--output", "-o", help="table, wide, json or jsonl.")]

As = Annotated[
    str,
    typer.Option("--as", help="Who looks: operator, or tenant: without the provider's insides."),
]

Inspect = Annotated[
    bool,
    typer.Option("--inspect", help="Also show what each VFD on the path decided for the packets."),
]

FORMATS = ("table", "wide", "json", "jsonl")
DIRECTIONS = ("there", "back", "both")
ROLES = ("operator", "tenant")
MAC = re.compile(r"[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}")
LOOKS_LIKE_ADDRESS = re.compile(r"[0-9.]+(/.*)?|[0-9a-fA-F:.]*:[0-9a-fA-F:.]*(/.*)?")
TIME = re.compile(r"(-?\d+(?:\.\d+)?)(ms|s|m|h)?")
SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, None: 1.0}


def checked_format(output: str) -> str:
    """Refuse a format that is not there, before anything is done."""
    if output not in FORMATS:
        raise InvalidRequest(f"no output format {output!r}: {', '.join(FORMATS)}")
    return output


def checked_role(role: str) -> str:
    """Refuse a role that is not there."""
    if role not in ROLES:
        raise InvalidRequest(f"no role {role!r}: {', '.join(ROLES)}")
    return role


def checked_direction(direction: str) -> str:
    """Refuse a direction that is not there."""
    if direction not in DIRECTIONS:
        raise InvalidRequest(f"no direction {direction!r}: {', '.join(DIRECTIONS)}")
    return direction


def is_json(output: str) -> bool:
    """Whether a format is for programs."""
    return output in {"json", "jsonl"}


def filter_of(
    *,
    src: str | None,
    dst: str | None,
    proto: str | None,
    sport: int | None,
    dport: int | None,
    tenant: str | None,
) -> "PacketFilter":
    """Build the filter; raises InvalidRequest with what is wrong."""
    from dyetrace.model.filter import PacketFilter

    fields: dict[str, Any] = {"src_port": sport, "dst_port": dport, "tenant": tenant}
    for side, text in (("src", src), ("dst", dst)):
        prefix = _prefix(text)
        name = text.lower() if text and MAC.fullmatch(text) else text
        fields[side if prefix else f"{side}_vm"] = prefix or name
    if proto is not None and proto != "any":
        fields["protocol"] = _protocol(proto)
    for name, value in fields.items():
        if isinstance(value, str) and not value.strip():
            raise InvalidRequest(f"{name} is empty")
    try:
        return PacketFilter(**fields)
    except ValueError as error:
        raise InvalidRequest(str(error)) from error


def limits_of(*, packets: int, time: str, rate: int) -> "Limits":
    """Build the limits; raises InvalidRequest with what is wrong."""
    from dyetrace.model.task import Limits

    match = TIME.fullmatch(time)
    if match is None:
        raise InvalidRequest(f"{time!r} is no time like 500ms, 30s or 5m")
    try:
        return Limits(
            packet_count=packets,
            trace_time=timedelta(seconds=float(match[1]) * SECONDS[match[2]]),
            packets_per_second=rate,
        )
    except (ValueError, OverflowError) as error:
        raise InvalidRequest(str(error)) from error


def _prefix(text: str | None) -> "Network | None":
    """Read an address or prefix; None for what must be a name."""
    from ipaddress import ip_network

    if text is None or MAC.fullmatch(text) or not LOOKS_LIKE_ADDRESS.fullmatch(text):
        return None
    try:
        return ip_network(text)
    except ValueError as error:
        raise InvalidRequest(f"{text!r} is neither an address nor a prefix: {error}") from error


def _protocol(name: str) -> "Protocol":
    from dyetrace.model.packet import Protocol

    try:
        return Protocol[name.upper().replace("-", "")]
    except KeyError:
        known = ", ".join(protocol.name.lower() for protocol in Protocol)
        raise InvalidRequest(f"no protocol {name!r}: {known}, any") from None
