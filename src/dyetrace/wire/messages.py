"""What controller and agents say to each other.

Every request of the controller carries a number, which Done, Refused and the
other answers repeat; it may be sent again over another connection, and then
changes nothing more. Records, Inspections and Health come unasked while a task
is active. Records and Inspections are shipments: they are numbered for each
session, and come again until they are acknowledged.
"""

from dataclasses import dataclass, field

from dyetrace.model.inspection import Inspection
from dyetrace.model.packet import FiveTuple, Outer
from dyetrace.model.policy import ColorCounts, ColorPolicy, LogPolicy
from dyetrace.model.site import SiteEvidence, Uncolored
from dyetrace.model.task import TaskId
from dyetrace.model.topology import Host

PROTOCOL_VERSION = 5
LOWEST_PROTOCOL = 4  # before, shipments had no numbers
LOWEST_WITH_LOG = 5  # before, agents wrote into no record log

SessionId = str
"""Random, of hexadecimal digits: what one controller's connections to an agent have in common."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """Controller: who I am, which protocols I speak, and what I have of this session."""

    request: int
    protocol: int = PROTOCOL_VERSION  # the highest
    lowest: int = LOWEST_PROTOCOL
    session: SessionId = ""  # none: it ends with the connection
    is_resumable: bool = False  # without a connection it goes on, as long as its leases do
    received: int = 0  # the last shipment
    records: int = 0  # in all shipments up to that one
    log_partitions: int = 0  # of the record log that I read; none: send me the records


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldTask:
    """A task that an agent holds, and what it had lost when that began."""

    lost: int = 0
    inspections_left_out: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Welcome:
    """Agent: who I am, which protocol we speak, and how this session stands."""

    request: int
    protocol: int
    version: str
    process: str  # another one after every start
    host: str
    number: int  # Host.number
    colors: tuple[tuple[int, int], ...]
    held: dict[TaskId, HeldTask] = field(default_factory=dict)
    records_acknowledged: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Discover:
    """Controller: what is the host like? It may be as it was so long ago."""

    request: int
    at_most_old_ns: int = 0
    known: str = ""  # the revision that I know


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovered:
    """Agent: like this."""

    request: int
    revision: str = ""  # another one whenever anything has changed
    host: Host | None = None  # None: as you know it
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledge:
    """Controller: shipments up to this one need no keeping. It is not answered."""

    request: int
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bye:
    """Controller: this session is over; leave nothing of it."""

    request: int


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
    """Controller: log colored packets and drops for this task, until some time after its lease."""

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
    """Controller: I am still here, for these tasks."""

    request: int
    tasks: tuple[TaskId, ...]
    lease_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewed:
    """Agent: they go on, but for those that I do not hold any more."""

    request: int
    gone: tuple[TaskId, ...] = ()


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
    spool_bytes: int = 0  # what waits on disk for a controller
    not_kept: int = 0  # records that found no room while a controller was away or deaf


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """Agent: like this."""

    request: int
    version: str
    vitals: Vitals
    checks: tuple[HostCheck, ...] = ()
    certificate_ends_s: float | None = None  # since 1970; None: it has none, or was not asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """How far an agent's records stand in the record log of its region."""

    region: str
    offsets: dict[int, int] = field(default_factory=dict)  # its youngest entry, by partition
    waiting: int = 0  # records that the log has not taken
    slowest_s: float = 0.0  # how long it took for one that it has taken of late, at worst


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """Agent: it is so; notes say what had to be left out."""

    request: int
    probes: int = 0
    notes: tuple[str, ...] = ()
    at_start: HeldTask | None = None  # of a task that is logged: what had been lost by then
    written: Written | None = None  # after a flush, for who reads the record log


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Agent: it could not be done; nothing of it was left behind."""

    request: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """Agent: records, as one blob, with the names of the drops among them."""

    number: int = 0
    before: int = 0  # records in all shipments of the session before this one
    records: int = 0  # in this one
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
    spool_bytes: int = 0  # what waits on disk for a controller
    not_kept: int = 0  # records that found no room while a controller was away or deaf
    shipped: int | None = None  # records in all shipments of the session, if all were sent by now


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspections:
    """Agent: how VFDs looked to first packets."""

    number: int = 0
    before: int = 0
    records: int = 0
    taken: tuple[Inspection, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectionsKept:
    """Agent: the same, for who reads the record log: as a document beside the records."""

    number: int = 0
    before: int = 0
    records: int = 0
    region: str
    document: int


Request = (
    Hello
    | Discover
    | Acknowledge
    | Bye
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
Answer = (
    Welcome | Discovered | Pong | Renewed | Inspected | Examined | UncoloredCounted | Done | Refused
)
Shipped = Records | Inspections | InspectionsKept
News = Shipped | Health
Message = Request | Answer | News
