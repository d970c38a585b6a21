"""The answer to a task: one kind, one sentence, and what shows it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from dyetrace.model.cause import Cause, Evidence, Remedy
from dyetrace.model.inspection import InspectionReport
from dyetrace.model.packet import FiveTuple, Outer
from dyetrace.model.path import Fate
from dyetrace.model.record import Point
from dyetrace.model.task import Task


class VerdictKind(StrEnum):
    """A closed set: every task ends in one of these."""

    DELIVERED = "DELIVERED"  # all colored packets arrived
    LOST = "LOST"  # all were lost, at known places
    PARTIAL = "PARTIAL"  # k of n were lost, or it depends on the path
    NOT_SEEN = "NOT_SEEN"  # nothing was colored at the source; the absence says why
    UNDETERMINED = "UNDETERMINED"  # the records do not suffice; the absence says why


class Absence(StrEnum):
    """Why something was not seen: unobserved is not lost."""

    NO_TRAFFIC = "NO_TRAFFIC"  # no packet matched the filter
    NOT_COLORABLE = "NOT_COLORABLE"  # packets matched, but their DSCP class has no color
    ALREADY_COLORED = "ALREADY_COLORED"  # the tenant itself uses a color's DSCP
    NO_AGENT = "NO_AGENT"  # no agent where the packet went
    AGENT_DOWN = "AGENT_DOWN"  # an agent died or was cut off during the task
    PROBE_UNSUPPORTED = "PROBE_UNSUPPORTED"  # no probe sees what a program does with packets
    RECORDS_LOST = "RECORDS_LOST"  # some stage had to throw records away
    NOT_INSTALLED = "NOT_INSTALLED"  # a policy could not be installed
    IN_FLIGHT = "IN_FLIGHT"  # the grace time ended while a queue still held as many packets
    COLOR_LOST = "COLOR_LOST"  # something on the way sets the DSCP, and so took the color off
    COLOR_DECIDED = "COLOR_DECIDED"  # dropped for the color: packets without it pass there
    OUT_OF_SCOPE = "OUT_OF_SCOPE"  # the packet left what we may look at


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """Something the verdict cannot say, and why."""

    code: Absence
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Delay:
    """Delay since the packet was colored, over the packets seen at this hop, in ns."""

    p50: int
    p99: int
    max: int
    uncertainty: int | None = 0  # None: the hosts' clocks are not related


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """One row of the path's table."""

    host: str
    netns: str
    vfd: str
    port: str
    point: Point
    seen: int  # of the path's packets, how many were seen here
    delay: Delay | None = None
    five_tuple: FiveTuple
    nat_before: FiveTuple | None = None  # set where this hop's VFD has just translated
    outer: Outer | None = None
    absence: Absence | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PathReport:
    """One way that packets of the task took, and how it ended."""

    packets: int
    fate: Fate
    hops: tuple[Hop, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One loss: where, why, how we know, and what to do."""

    cause: Cause
    host: str
    netns: str
    vfd: str
    port: str
    next_host: str = ""  # where it was sent, if it was lost on the way to another host
    packets: int
    object: str = ""  # the very rule, route, neighbour, queue at fault
    drop_reason: str = ""
    probe: str = ""  # the code of the very place and reason; "" where it vanished
    evidence: tuple[Evidence, ...] = ()
    remedy: Remedy


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What the task took."""

    hosts: int = 0
    vfds: int = 0
    probes: int = 0
    records: int = 0
    records_lost: int = 0
    inspections: int = 0
    inspections_left_out: int = 0  # first packets that there was no inspection for
    inspections_took_ns: int = 0  # all of them together
    longest_inspection_ns: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A task's answer. Counts are of packets, never of their copies."""

    task: Task
    kind: VerdictKind
    summary: str
    total: int
    lost: int
    finished_at: datetime
    findings: tuple[Finding, ...] = ()
    paths: tuple[PathReport, ...] = ()
    unknowns: tuple[Unknown, ...] = ()
    inspections: tuple[InspectionReport, ...] = ()  # in the order of the paths
    cost: Cost = Cost()
