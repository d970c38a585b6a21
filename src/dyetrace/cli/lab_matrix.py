"""Runs the lab's scenario matrix with the product's own diagnosis."""

import re
import shlex
import sys
import time
from collections.abc import Mapping
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import typer

from dyetrace.cli.run import run_task
from dyetrace.controller.store import TaskStore
from dyetrace.errors import InvalidRequest
from dyetrace.inventory.clouds import load_cloud
from dyetrace.lab.cloud import Cloud
from dyetrace.lab.ends import Internet
from dyetrace.lab.lifecycle import require_root
from dyetrace.lab.matrix.choice import all_groups, chosen, in_working_order, sampled, scenarios_of
from dyetrace.lab.matrix.outcome import Outcome
from dyetrace.lab.matrix.page import page
from dyetrace.lab.matrix.report import MatrixReport
from dyetrace.lab.matrix.run import run_matrix
from dyetrace.lab.matrix.scenario import L4, Family, Group
from dyetrace.model.filter import PacketFilter
from dyetrace.model.packet import Protocol
from dyetrace.model.task import Limits

PACKETS = 20
TRACE_TIME_S = 8.0


def run(*, only: str | None, seed: int | None, jobs: int, report: Path | None) -> MatrixReport:
    """Run the matrix, or what was chosen of it, and write the report."""
    require_root()
    try:
        groups = chosen(all_groups(), pattern=only)
    except re.error as error:
        raise InvalidRequest(f"{only!r} is no regular expression: {error}") from error
    if seed is not None:
        groups = sampled(groups, seed=seed)
    groups = in_working_order(groups)
    if not groups:
        raise InvalidRequest(f"no scenario's id contains {only!r}")
    start = time.monotonic()
    outcomes = run_matrix(groups, diagnose=diagnose_flow, jobs=jobs, on_done=Teller(groups).on_done)
    told = MatrixReport(
        command=shlex.join(["dyetrace", *sys.argv[1:]]),
        seconds=time.monotonic() - start,
        outcomes=tuple(sorted(outcomes, key=lambda each: each.scenario.id)),
        whole=len(scenarios_of(all_groups())),
    )
    if report is not None:
        report.write_text(page(told))
        report.with_suffix(".json").write_text(told.as_json())
    return told


def diagnose_flow(
    cloud: Cloud, source: str, destination: str, *, family: Family, protocol: L4
) -> Mapping[str, Any]:
    """Diagnose lab traffic the way `dyetrace trace` does, with a store of its own."""
    start, goal = cloud.end(source), cloud.end(destination)
    is_outside = isinstance(start, Internet)
    wanted = PacketFilter(
        src_vm=None if is_outside else source,
        src=ip_network(start.address(family)) if is_outside else None,
        dst=ip_network(goal.address(family)),
        protocol=protocol_of(protocol, family),
    )
    store = TaskStore("sqlite://")
    try:
        return run_task(
            wanted,
            Limits(
                packet_count=PACKETS,
                trace_time=timedelta(seconds=TRACE_TIME_S),
                packets_per_second=1000,
            ),
            cloud=load_cloud(cloud.name),
            store=store,
            on_progress=lambda _: None,
        )
    finally:
        store.close()


def protocol_of(name: L4, family: Family) -> Protocol:
    """Give the protocol of lab traffic."""
    if name == "icmp":
        return Protocol.ICMP if family == 4 else Protocol.ICMPV6  # noqa: PLR2004  # IPv4
    return Protocol.TCP if name == "tcp" else Protocol.UDP


class Teller:
    """Tells on stderr how far the matrix has come."""

    def __init__(self, groups: tuple[Group, ...]) -> None:
        self._groups = len(groups)
        self._done = 0

    def on_done(self, group: Group, outcomes: list[Outcome], seconds: float) -> None:
        """Write a line for a group, and one for each of its scenarios that went wrong."""
        self._done += 1
        right = sum(each.is_right and not each.invalid for each in outcomes)
        typer.echo(
            f"[{self._done}/{self._groups}] {group.name}: {right}/{len(outcomes)} right, "
            f"{seconds:.1f} s",
            err=True,
        )
        for each in outcomes:
            flow = f"{each.scenario.protocol}/ipv{each.scenario.family}"
            if each.invalid:
                typer.echo(f"    {flow} invalid: {each.invalid}", err=True)
            elif not each.is_right:
                found = each.found
                typer.echo(
                    f"    {flow} wanted {each.verdicts[0]} {each.code} {each.host}/{each.vfd}, "
                    f"found {found.verdict} {found.code} {found.host}/{found.vfd} "
                    f"+{found.surplus}: {found.text}",
                    err=True,
                )
