"""Carry out the scenarios of one break: works, broken, lost, diagnosed, healed, works."""

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any, Protocol

from dyetrace.lab.cloud import Cloud
from dyetrace.lab.errors import LabError
from dyetrace.lab.faults.fault import Truth
from dyetrace.lab.matrix.outcome import Found, Outcome, found_in, healthy_truth, objects_of
from dyetrace.lab.matrix.scenario import L4, Family, Group, Scenario
from dyetrace.lab.traffic import Report, exchange, flowing

WORKS_WITHIN_S = 15.0
FLOW_S = 45.0
LET_EACH_TRY_S = 1.0


class Diagnose(Protocol):
    """Diagnose the lab's traffic; gives the product's answer as its JSON."""

    def __call__(
        self, cloud: Cloud, source: str, destination: str, *, family: Family, protocol: L4
    ) -> Mapping[str, Any]:
        """Trace what flows between the ends now."""


class DoesNotWork(LabError):
    """The traffic of a scenario does not work where nothing should be broken."""

    def __init__(self, *, when: str, flows: list[str]) -> None:
        super().__init__(f"{when} the fault, traffic does not work: {', '.join(flows)}")


def conduct(cloud: Cloud, group: Group, diagnose: Diagnose) -> list[Outcome]:
    """Carry a group out. Raises DoesNotWork; then the cloud cannot be used any more."""
    prove_it_works(cloud, group, when="before")
    truth = healthy_truth() if group.fault is None else group.fault.truth(cloud)
    if group.fault is not None:
        cloud.inject(group.fault)
    try:
        outcomes = diagnosed(cloud, group, truth, diagnose)
    finally:
        cloud.heal()
    if group.fault is not None:
        prove_it_works(cloud, group, when="after")
    return outcomes


def prove_it_works(cloud: Cloud, group: Group, *, when: str) -> None:
    """Have all flows arrive in full, by the receiver's count."""
    deadline = time.monotonic() + WORKS_WITHIN_S
    left = list(group.flows)
    with ThreadPoolExecutor(len(left)) as pool:
        while True:
            lost = pool.map(lambda flow: is_lossy(cloud, group, *flow), left)
            left = [flow for flow, is_lost in zip(left, lost, strict=True) if is_lost]
            if not left:
                return
            if time.monotonic() > deadline:
                names = [f"{protocol}/ipv{family}" for family, protocol in left]
                raise DoesNotWork(when=when, flows=names)


def is_lossy(cloud: Cloud, group: Group, family: Family, protocol: L4) -> bool:
    """Whether any of a few packets gets lost, or none leaves."""
    report = exchange(
        cloud, group.route.source, group.route.destination, family=family, protocol=protocol,
        size=group.size, count=3, interval=0.005, deadline=LET_EACH_TRY_S,
    )  # fmt: skip
    return report.lost != 0 or report.received == 0


def diagnosed(cloud: Cloud, group: Group, truth: Truth, diagnose: Diagnose) -> list[Outcome]:
    """Let all flows run at once, and diagnose each of them at the same time."""
    with ExitStack() as stack, ThreadPoolExecutor(len(group.flows)) as pool:
        running = [
            stack.enter_context(
                flowing(
                    cloud, group.route.source, group.route.destination, family=family,
                    protocol=protocol, size=group.size, distinct=group.distinct,
                    rate=group.rate, duration=FLOW_S,
                )
            )
            for family, protocol in group.flows
        ]  # fmt: skip
        timed = list(pool.map(lambda flow: asked(cloud, group, diagnose, *flow), group.flows))
        reports = list(pool.map(lambda flow: flow.stop(), running))
    return [
        outcome(scenario, truth, found, seconds, report)
        for scenario, (found, seconds), report in zip(group.scenarios, timed, reports, strict=True)
    ]


def asked(
    cloud: Cloud, group: Group, diagnose: Diagnose, family: Family, protocol: L4
) -> tuple[Found, float]:
    """Ask for a verdict; an error of the product is a verdict too, and never a right one."""
    start = time.monotonic()
    try:
        answer = diagnose(
            cloud, group.route.source, group.route.destination, family=family, protocol=protocol
        )
        found = found_in(answer)
    except Exception as error:  # noqa: BLE001  # whatever it is, it goes into the report
        found = Found(verdict="ERROR", code=type(error).__name__, text=str(error))
    return found, time.monotonic() - start


def outcome(
    scenario: Scenario, truth: Truth, found: Found, seconds: float, report: Report
) -> Outcome:
    """Put the truth beside what was found, and check the truth by the receiver's count."""
    return Outcome(
        scenario=scenario,
        verdicts=(truth.verdict, *truth.other_verdicts),
        code=truth.code,
        host=truth.host,
        vfd=truth.vfd,
        objects=objects_of(truth.objects, scenario.family),
        found=found,
        sent=report.sent,
        received=report.received,
        seconds=seconds,
        invalid=why_invalid(truth, report),
    )


def why_invalid(truth: Truth, report: Report) -> str:
    """Say why the receiver's count does not bear the declared truth out; empty if it does."""
    if report.missed:
        return f"the count missed {report.missed} packets"
    if report.sent == 0:
        return "nothing left the sender"
    if truth.verdict == "DELIVERED":
        return f"{report.lost} packets of a healthy flow were lost" if report.lost else ""
    if report.lost <= 0:
        return "no packet was lost"
    if truth.verdict == "LOST" and not truth.other_verdicts and report.received:
        return f"{report.received} packets arrived"
    return ""
