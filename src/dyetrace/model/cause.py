"""Our explanation of a loss: what went wrong, whose it is, what to do."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How bad it is while it lasts."""

    CRITICAL = "critical"  # nothing of the flow gets through
    MAJOR = "major"  # part of the flow is lost, or more than this flow is hit
    MINOR = "minor"  # a few packets, with little effect
    INFO = "info"  # not a loss by itself


class Layer(StrEnum):
    """Where in the network stack the cause lies."""

    DEVICE = "device"  # interfaces, queues, drivers
    LINK = "link"  # bridges, neighbours, MAC addresses
    NETWORK = "network"  # routes, TTL, fragments
    SECURITY = "security"  # filters, conntrack, policies
    OVERLAY = "overlay"  # encapsulation, VNIs, VTEPs, SIDs
    UNDERLAY = "underlay"  # what carries the overlay
    TRANSPORT = "transport"  # TCP, UDP, sockets
    HOST = "host"  # memory, CPU, the kernel itself


class Owner(StrEnum):
    """Whose job it is to repair."""

    TENANT = "tenant"
    PROVIDER = "provider"
    OUTSIDE = "outside"


class EvidenceClass(StrEnum):
    """How we know: inferred must never look like observed."""

    OBSERVED = "observed"  # seen happening to the packets themselves
    INFERRED = "inferred"  # follows from what was and was not seen
    CONFIG = "config"  # read from configuration or counters afterwards


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One thing that shows the cause."""

    kind: EvidenceClass
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedy:
    """What to do: a sentence, and a command to copy where there is one."""

    text: str
    command: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """One kind of fault, as the catalogue describes it.

    remedy may hold {placeholders}, filled from the loss's facts: host, netns,
    vfd, port, src, dst, protocol, src_port, dst_port, object.
    """

    code: str  # stable, UPPER_SNAKE
    title: str
    severity: Severity
    layer: Layer
    owner: Owner
    tenant_meaning: str
    operator_meaning: str
    remedy: Remedy
    drop_reasons: tuple[str, ...] = ()  # the kernel's names that mean this by themselves
