"""What Prometheus is told: base units, and no addresses in labels."""

from collections.abc import Iterable
from datetime import UTC, datetime

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

from dyetrace import __version__
from dyetrace.controller.roll import Entry
from dyetrace.controller.service import Prepared
from dyetrace.model.task import Task
from dyetrace.model.verdict import VerdictKind
from dyetrace.wire.answer import Json

NO_VERDICT = "none"  # it failed, or was cancelled before there was one
SECONDS = (0.25, 0.5, 1, 2, 3, 5, 10, 30, 60, 300, 3600)
REQUEST_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Meters:
    """One controller's metrics."""

    def __init__(self) -> None:
        """Begin at zero, with all verdicts there are."""
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        info = Gauge("dyetrace_build_info", "Its version.", ["version"], registry=registry)
        info.labels(version=__version__).set(1)
        self._make_meters_of_tasks(registry)
        self._make_meters_of_requests(registry)
        self._make_meters_of_agents(registry)

    def _make_meters_of_tasks(self, registry: CollectorRegistry) -> None:
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
        self.is_stopped = Gauge(
            "dyetrace_kill_switch_pulled", "Whether tracing is stopped.", registry=registry
        )

    def _make_meters_of_requests(self, registry: CollectorRegistry) -> None:
        self.requests = Histogram(
            "dyetrace_request_duration_seconds",
            "From a request to the first byte of its answer.",
            ["operation"],
            buckets=REQUEST_SECONDS,
            registry=registry,
        )
        self.responses = Counter(
            "dyetrace_requests", "Requests answered.", ["operation", "status"], registry=registry
        )
        self.refusals = Counter(
            "dyetrace_refusals", "Requests that were refused.", ["code"], registry=registry
        )

    def _make_meters_of_agents(self, registry: CollectorRegistry) -> None:
        self.agent_up = Gauge(
            "dyetrace_agent_up",
            "Whether an agent answered when it was last asked.",
            ["host"],
            registry=registry,
        )
        self.agent_version = Gauge(
            "dyetrace_agent_version",
            "The version of a host's agent.",
            ["host", "version"],
            registry=registry,
        )
        self.offset = Gauge(
            "dyetrace_clock_offset_seconds",
            "A host's monotonic clock less the controller's, when last asked.",
            ["host"],
            registry=registry,
        )
        self.uncertainty = Gauge(
            "dyetrace_clock_uncertainty_seconds",
            "How wrong that offset may be.",
            ["host"],
            registry=registry,
        )

        self.certificate_ends = Gauge(
            "dyetrace_agent_certificate_end_timestamp_seconds",
            "Until when the certificate of an agent that has joined holds.",
            ["host"],
            registry=registry,
        )

    def refused(self, code: str) -> None:
        """Count a request that was refused."""
        self.refusals.labels(code=code).inc()

    def answered(self, operation: str, status: int, took_s: float) -> None:
        """Count a request and how long its answer took to begin."""
        self.responses.labels(operation=operation, status=status).inc()
        self.requests.labels(operation=operation).observe(took_s)

    def ended(self, task: Task, answer: Json | None) -> None:
        """Count a task that has ended."""
        self.traces.labels(verdict=answer["verdict"] if answer else NO_VERDICT).inc()
        self.duration.observe((datetime.now(UTC) - task.opened_at).total_seconds())
        if answer:
            self.records.inc(answer["cost"]["records"])
            self.lost.labels(stage="agent").inc(answer["cost"]["records_lost"])

    def connected(self, prepared: Prepared) -> None:
        """Take what connecting to the agents told."""
        for part in prepared.fleet.parts:
            self.agent_up.labels(host=part.name).set(part.is_up)
            if part.clock is not None:
                self.offset.labels(host=part.name).set(part.clock.offset_ns / 1e9)
                self.uncertainty.labels(host=part.name).set(part.clock.uncertainty_ns / 1e9)

    def called(self, entries: Iterable[Entry]) -> None:
        """Take what the roll tells; hosts that are no more have no figures."""
        for meter in (
            *(self.agent_up, self.agent_version, self.certificate_ends),
            *(self.offset, self.uncertainty),
        ):
            meter.clear()
        for entry in entries:
            self.agent_up.labels(host=entry.name).set(entry.is_up)
            if entry.certified_until_s is not None:
                self.certificate_ends.labels(host=entry.name).set(entry.certified_until_s)
            if entry.told is not None:
                self.agent_version.labels(host=entry.name, version=entry.told.version).set(1)
            if entry.clock is not None:
                self.offset.labels(host=entry.name).set(entry.clock.offset_ns / 1e9)
                self.uncertainty.labels(host=entry.name).set(entry.clock.uncertainty_ns / 1e9)

    def text(self, *, active: int, is_stopped: bool) -> bytes:
        """Write all in Prometheus' format."""
        self.active.set(active)
        self.is_stopped.set(is_stopped)
        return generate_latest(self.registry)
