"""What Prometheus is told: base units, and no addresses in labels."""

from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from dyetrace.controller.service import Prepared
from dyetrace.model.task import Task
from dyetrace.model.verdict import VerdictKind
from dyetrace.wire.answer import Json

NO_VERDICT = "none"  # it failed, or was cancelled before there was one
SECONDS = (0.25, 0.5, 1, 2, 3, 5, 10, 30, 60, 300, 3600)


class Meters:
    """One controller's metrics."""

    def __init__(self) -> None:
        """Begin at zero, with all verdicts there are."""
        self.registry = registry = CollectorRegistry()
        self.traces = Counter(
            "dyetrace_traces", "Tasks that have ended.", ["verdict"], registry=registry
        )
        for name in (*(kind.value for kind in VerdictKind), NO_VERDICT):
            self.traces.labels(verdict=name)
        self.duration = Histogram(
            "dyetrace_trace_duration_seconds",
            "From the request to the answer.",
            buckets=SECONDS,
            registry=registry,
        )
        self.active = Gauge("dyetrace_traces_active", "Tasks under way here.", registry=registry)
        self.records = Counter("dyetrace_records", "Records that were read.", registry=registry)
        self.lost = Counter(
            "dyetrace_records_lost", "Records that were lost.", ["stage"], registry=registry
        )
        self.lost.labels(stage="agent")
        self.refusals = Counter(
            "dyetrace_refusals", "Requests that were refused.", ["code"], registry=registry
        )
        self.agent_up = Gauge(
            "dyetrace_agent_up",
            "Whether an agent answered when it was last asked.",
            ["host"],
            registry=registry,
        )
        self.offset = Gauge(
            "dyetrace_clock_offset_seconds",
            "A host's monotonic clock less the controller's, when last asked.",
            ["host"],
            registry=registry,
        )

    def refused(self, code: str) -> None:
        """Count a request that was refused."""
        self.refusals.labels(code=code).inc()

    def ended(self, task: Task, answer: Json | None) -> None:
        """Count a task that has ended."""
        self.traces.labels(verdict=answer["verdict"] if answer else NO_VERDICT).inc()
        self.duration.observe((datetime.now(UTC) - task.opened_at).total_seconds())
        if answer:
            self.records.inc(answer["cost"]["records"])
            self.lost.labels(stage="agent").inc(answer["cost"]["records_lost"])

    def connected(self, prepared: Prepared) -> None:
        """Take what connecting to the agents told."""
        for link in prepared.fleet.links:
            self.agent_up.labels(host=link.name).set(link.is_up)
            if link.clock is not None:
                self.offset.labels(host=link.name).set(link.clock.offset_ns / 1e9)

    def text(self, *, active: int) -> bytes:
        """Write all in Prometheus' format."""
        self.active.set(active)
        return generate_latest(self.registry)
