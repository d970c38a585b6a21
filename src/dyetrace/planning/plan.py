"""Which host does what for a task: COLOR at the sources, LOG wherever its packets can come to."""

from collections import defaultdict

from dyetrace.model.policy import ColorPolicy, LogPolicy, Plan, Receiver
from dyetrace.model.task import Task
from dyetrace.model.topology import Host, PortKey
from dyetrace.planning.lookups import Lookups
from dyetrace.planning.reach import hosts_in_reach
from dyetrace.planning.scope import own_filter, own_sources, own_topology
from dyetrace.planning.sources import resolved_filters, source_ports


def plan(task: Task, topology: Lookups, *, also: frozenset[int] = frozenset()) -> Plan:
    """Place the task's policies; raises what source_ports raises, before anything is touched.

    also: hosts to log at, in reach or not.

    A tenant's packets are colored where they are its own, and logged everywhere: wherever
    they go, their DSCP is given back.
    """
    wanted, known = task.wanted, topology
    if task.tenant:
        wanted = own_filter(wanted, task.tenant)
        known = own = own_topology(topology, task.tenant)
        ports = own_sources(source_ports(wanted, own), wanted, own=own, topology=topology)
    else:
        ports = source_ports(wanted, topology)
    sources: dict[int, set[PortKey]] = defaultdict(set)
    for port in ports:
        sources[port.host_number].add(port.key)
    filters = resolved_filters(wanted, known)
    reached = hosts_in_reach(wanted, ports, topology) | also
    return Plan(
        color={
            host: ColorPolicy(
                task_id=task.id, ports=frozenset(ports), filters=filters, limits=task.limits
            )
            for host, ports in sources.items()
        },
        log={
            number: _everywhere(topology.host_by_number[number])
            for number in sorted(reached & topology.host_by_number.keys())
        },
    )


def _everywhere(host: Host) -> LogPolicy:
    return LogPolicy(
        ports=frozenset(port.key for port in host.ports),
        receivers=tuple(
            Receiver(address=address, port=port.key, mac=port.nic.mac)
            for port in host.ports
            if port.nic is not None
            for address in port.nic.addresses
        ),
    )
