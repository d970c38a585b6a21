"""What a task will take, said before anything is done."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from dyetrace.controller.part import LEASE_NS
from dyetrace.controller.service import Prepared
from dyetrace.model.policy import Plan
from dyetrace.model.topology import PortKey, Topology
from dyetrace.wire.answer import Json, rfc3339


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """How much of the cloud a task touches, and until when at most."""

    hosts: int
    vfds: int
    probes: int  # programs at ports, and one on each host for its drops
    expires_at: datetime  # even if the controller dies, nothing of the task is left by then


def price_of(prepared: Prepared) -> Price:
    """Count what the plan would attach."""
    wanted, task = prepared.plan, prepared.task
    logged = [key for policy in wanted.log.values() for key in policy.ports]
    at_ports = sum(_probes_at(key, prepared.topology) for key in logged)
    return Price(
        hosts=len(wanted.log),
        vfds=len({(host, netns) for host, netns, _ in logged}),
        probes=at_ports + len(wanted.log) + _colored_ports(wanted),
        expires_at=task.opened_at + task.limits.trace_time + timedelta(seconds=LEASE_NS / 1e9),
    )


def price_json(price: Price) -> Json:
    """Write a price."""
    return {
        "hosts": price.hosts,
        "vfds": price.vfds,
        "probes": price.probes,
        "expires_at": rfc3339(price.expires_at),
    }


def _probes_at(key: PortKey, topology: Topology) -> int:
    """Where packets enter the cloud only their source colors them, so nothing logs them in."""
    return 1 if topology.port_by_key[key].kind.is_edge_of_cloud else 2


def _colored_ports(wanted: Plan) -> int:
    return sum(len(policy.ports) for policy in wanted.color.values())
