"""What clients send and get, as pydantic checks it and OpenAPI documents it."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from dyetrace.controller.directions import Direction
from dyetrace.model.filter import MAX_PORT
from dyetrace.model.task import MAX_PACKET_COUNT, MAX_TRACE_TIME, TaskState

WILDCARD: Literal["*"] = "*"
PRINTABLE = r"^[ -~]*$"
NAME = r"^[!-~]([ -~]{0,126}[!-~])?$"

Name = Annotated[str, Field(pattern=NAME, max_length=128)]
Prefix = Annotated[str, Field(min_length=1, max_length=64, examples=["10.0.0.1", "10.8.0.0/16"])]
PortNumber = Annotated[int, Field(ge=0, le=MAX_PORT)]
MAX_AMOUNT = 2**31 - 1
MAX_SEQ = 2**53  # JSON's readers lose digits beyond
Amount = Annotated[int | None, Field(ge=0, le=MAX_AMOUNT, strict=True)]  # no boolean
AnyPort = PortNumber | Literal["*"] | None
ProtocolName = Literal["tcp", "udp", "icmp", "icmpv6", "sctp", "*"]


class Strict(BaseModel):
    """Refuses what it does not know."""

    model_config = ConfigDict(extra="forbid")


class FilterIn(Strict):
    """Which packets: a field that is left out, null or "*" matches everything."""

    srcVM_ID: Name | None = Field(None, description="The sender: VM id, NIC id or MAC.")  # noqa: N815 - the paper's name
    dstVM_ID: Name | None = Field(None, description="The receiver: VM id, NIC id or MAC.")  # noqa: N815 - the paper's name
    NIC_ID: Name | None = Field(None, description="The sender's NIC, where its VM has several.")
    src_ip: Prefix | None = Field(None, description="The sender's address, or a prefix.")
    dst_ip: Prefix | None = Field(None, description="The receiver's address, or a prefix.")
    protocol: ProtocolName | None = None
    src_port: AnyPort = None
    dst_port: AnyPort = None
    tenant: Name | None = Field(None, description="Whose addresses these are.")


class PageIn(FilterIn):
    """Which tasks, by state and by what their filters say."""

    id: str | None = Field(
        None, pattern="^[0-9a-f]{1,16}$", description="The first digits of its id."
    )
    state: TaskState | None = None
    text: str = Field("", max_length=200, pattern=PRINTABLE, description="In the filter's text.")
    cursor: str | None = Field(None, max_length=200, description="`next` of the page before.")
    limit: int = Field(50, ge=1, le=200)


class TraceIn(Strict):
    """A diagnosis that is asked for."""

    filter: FilterIn
    packet_count: int = Field(
        20, ge=1, le=MAX_PACKET_COUNT, strict=True, description="Color this many."
    )
    trace_time: float = Field(
        30.0,
        strict=True,
        gt=0.0009,
        le=MAX_TRACE_TIME.total_seconds(),
        description="Color for at most this many seconds.",
    )
    packets_per_second: int = Field(1000, ge=1, le=MAX_PACKET_COUNT, strict=True)
    direction: Direction = Direction.THERE
    dry_run: bool = Field(False, description="Only say what it would take.")


class PriceOut(BaseModel):
    """What a task takes, at most."""

    hosts: int
    vfds: int
    probes: int
    expires_at: datetime


class TaskOut(BaseModel):
    """A task without its answer."""

    id: str
    cloud: str
    state: Literal["new", "ready", "tracing", "collecting", "done", "failed", "cancelled"]
    filter: str
    opened_at: datetime
    finished_at: datetime | None
    verdict: Literal["DELIVERED", "LOST", "PARTIAL", "NOT_SEEN", "UNDETERMINED"] | None
    error: str | None
    direction: Literal["there", "back"]
    linked: str | None = Field(description="The task of the other direction.")


class StartedOut(TaskOut):
    """A task that has been started, with its price."""

    price: PriceOut
    other: TaskOut | None = Field(description="With direction `both`: the task of the way back.")


class DryRunOut(BaseModel):
    """What a task would take; with direction `both`, what each of the two would."""

    dry_run: Literal[True]
    prices: list[PriceOut]


class AnswerOut(BaseModel):
    """A task's answer, as `dyetrace result -o json` prints it."""

    model_config = ConfigDict(extra="allow")

    id: str
    verdict: Literal["DELIVERED", "LOST", "PARTIAL", "NOT_SEEN", "UNDETERMINED"]
    summary: str
    total: int
    lost: int
    started_at: datetime
    finished_at: datetime
    filter: dict[str, Any]
    findings: list[dict[str, Any]]
    paths: list[dict[str, Any]]
    undetermined: list[dict[str, Any]]
    cost: dict[str, Any]


class PageOut(BaseModel):
    """Tasks, the latest first."""

    items: list[TaskOut]
    next: str | None = Field(description="The cursor of the next page; null: that was the last.")


class KillIn(Strict):
    """Why everything is to end."""

    reason: str = Field("", max_length=500)


class KillOut(BaseModel):
    """What has been ended."""

    cancelled: int


class QuotaIn(Strict):
    """What one tenant may have; null: as all."""

    active_tasks: Amount = None
    packets_per_task: Amount = None
    packets_per_second: Amount = Field(None, description="All its active tasks together.")
    packets_per_day: Amount = Field(None, description="Asked for in the last 24 hours.")


class QuotaOut(BaseModel):
    """What a tenant may have; null: as all."""

    active_tasks: int | None
    packets_per_task: int | None
    packets_per_second: int | None
    packets_per_day: int | None


class HostLimitsOut(BaseModel):
    """What one host may carry for everybody."""

    active_tasks: int
    packets_per_second: int


class QuotasOut(BaseModel):
    """How much may be traced."""

    all: QuotaOut
    tenants: dict[str, QuotaOut] = Field(description="Those with numbers of their own.")
    host: HostLimitsOut


class AuditIn(Strict):
    """Which lines of the audit log."""

    after: int = Field(0, ge=0, le=MAX_SEQ, description="`next` of the page before.")
    limit: int = Field(100, ge=1, le=1000)
    principal: str = Field("", max_length=260, pattern=PRINTABLE)
    action: str = Field("", max_length=32, pattern="^[a-z]*$", examples=["start", "refuse"])


class AuditLine(BaseModel):
    """Who did what, when, and what came of it."""

    seq: int
    at: datetime
    principal: str = Field(description="A tenant's as tenant/name; empty: nobody who is known.")
    role: str | None
    action: str
    target: str
    outcome: str


class AuditOut(BaseModel):
    """Lines of the audit log, the earliest first."""

    items: list[AuditLine]
    next: int | None = Field(description="For `after` of the next page; null: that was the last.")


class CheckOut(BaseModel):
    """One thing that tracing needs of a host."""

    name: str
    ok: bool | None = Field(description="False: it lacks it; null: it shows less without.")
    found: str
    advice: str


class AgentOut(BaseModel):
    """One host's agent; null is what cannot be known while it does not answer."""

    host: str
    is_up: bool
    is_able: bool = Field(description="Whether the host can trace; with `checks`, for certain.")
    version: str | None
    up_since: datetime | None
    last_heard_at: datetime | None
    clock_offset_ns: int | None = Field(description="Its monotonic clock less the controller's.")
    clock_uncertainty_ns: int | None
    tasks: int | None
    programs: int | None = Field(description="Attached now.")
    records: int | None
    records_lost: dict[str, int] | None = Field(description="By stage, since it started.")
    vfds: int | None
    certificate_ends_at: datetime | None
    checks: list[CheckOut]
    problems: list[str]


class AgentsOut(BaseModel):
    """All agents of the cloud."""

    items: list[AgentOut]


class Ready(BaseModel):
    """That the controller does what it is for."""

    status: Literal["ok"]


class Problem(BaseModel):
    """What went wrong (RFC 9457); `code` is stable, and some codes come with facts of their own."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    code: str
    detail: str
