"""What controller and agents say to each other.

Every request of the controller carries a number, which Done, Refused and the
other answers repeat. Records, Inspections and Health come
unasked while a task is active.
"""

from dataclasses import dataclass, field

from dyetrace.model.inspection import Inspection
from dyetrace.model.packet import FiveTuple, Outer
from dyetrace.model.policy import ColorCounts, ColorPolicy, LogPolicy
from dyetrace.model.site import SiteEvidence, Uncolored
from dyetrace.model.task import TaskId
from dyetrace.model.topology import Host

PROTOCOL_VERSION = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """Controller: who I am, which protocol I speak."""

    request: int
    protocol: int = PROTOCOL_VERSION


@dataclass(frozen=True, slots=True, kw_only=True)
class Welcome:
    """Agent: who I am, and the host as discovered just now."""

    request: int
    protocol: int
    version: str
    host: Host
    colors: tuple[tuple[int, int], ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ping:
    """Controller: what does your monotonic clock say?"""

    request: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pong:
    """Agent: this, when the ping came."""

    request: int
    clock_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """Controller: log colored packets and drops for this task, until the lease ends."""

    request: int
    task_id: TaskId
    policy: LogPolicy
    lease_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Color:
    """Controller: color this task's packets; LOG must stand everywhere by now."""

    request: int
    policy: ColorPolicy
    lease_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Renew:
    """Controller: I am still here."""

    request: int
    task_id: TaskId
    lease_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StopColor:
    """Controller: color no more of this task's packets."""

    request: int
    task_id: TaskId


@dataclass(frozen=True, slots=True, kw_only=True)
class Flush:
    """Controller: send every record that exists now; Health and Done follow them."""

    request: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Settle:
    """Controller: finish the inspections that wait; they and Done follow, in time."""

    request: int
    within_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Remove:
    """Controller: the task is over; leave nothing of it."""

    request: int
    task_id: TaskId


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchRules:
    """Controller: from now on see which security rule drops colored packets there."""

    request: int
    netns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchUncolored:
    """Controller: from now on see what rules there do with a flow's uncolored packets."""

    request: int
    netns: int
    five_tuple: FiveTuple


@dataclass(frozen=True, slots=True, kw_only=True)
class CountUncolored:
    """Controller: what became of those that met rules of this table?"""

    request: int
    netns: int
    five_tuple: FiveTuple
    family: str
    table: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UncoloredCounted:
    """Agent: this, by now."""

    request: int
    counted: Uncolored


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspect:
    """Controller: what does this place look like to a packet that was lost there?

    in_ifindex: where it came in; ifindex: where it was last seen, or 0;
    out_ifindex: the receiver's port, if it is one of this VFD, or 0.
    """

    request: int
    netns: int
    ifindex: int
    in_ifindex: int
    out_ifindex: int
    five_tuple: FiveTuple
    outer: Outer | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspected:
    """Agent: like this."""

    request: int
    site: SiteEvidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Examine:
    """Controller: how are you? checks: and is your host able? That takes a moment."""

    request: int
    checks: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HostCheck:
    """One thing that tracing needs of a host; ok: False: it lacks it, None: it shows less."""

    name: str
    ok: bool | None
    found: str
    advice: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vitals:
    """How an agent does; what is counted is counted from its start."""

    up_s: float = 0.0
    tasks: int = 0
    programs: int = 0
    recorded: int = 0
    lost_in_ring: int = 0
    unreadable: int = 0
    inspections_left_out: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """Agent: like this."""

    request: int
    version: str
    vitals: Vitals
    checks: tuple[HostCheck, ...] = ()
    certificate_ends_s: float | None = None  # since 1970; None: it has none, or was not asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """Agent: it is so; notes say what had to be left out."""

    request: int
    probes: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Agent: it could not be done; nothing of it was left behind."""

    request: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """Agent: records, as one blob, with the names of the drops among them."""

    blob: bytes
    drop_names: dict[int, str] = field(default_factory=dict)  # drop_reason -> name
    symbols: dict[int, str] = field(default_factory=dict)  # call_site -> function


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Agent: how it goes; what was lost stays counted from the agent's start."""

    colored: dict[TaskId, ColorCounts] = field(default_factory=dict)
    recorded: int = 0
    lost_in_ring: int = 0
    unreadable: int = 0
    inspections_left_out: int = 0  # there were more first packets than it may inspect for


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspections:
    """Agent: how VFDs looked to first packets."""

    taken: tuple[Inspection, ...]


Request = (
    Hello
    | Ping
    | Log
    | Color
    | Renew
    | StopColor
    | Flush
    | Settle
    | Remove
    | WatchRules
    | WatchUncolored
    | CountUncolored
    | Inspect
    | Examine
)
Answer = Welcome | Pong | Inspected | Examined | UncoloredCounted | Done | Refused
News = Records | Inspections | Health
Message = Request | Answer | News
