"""Which host does what for a task: COLOR at the sources, LOG wherever its packets can come to."""

from collections import defaultdict

from dyetrace.model.policy import ColorPolicy, LogPolicy, Plan, Receiver
from dyetrace.model.task import Task
from dyetrace.model.topology import PortKey, Topology
from dyetrace.planning.reach import hosts_in_reach
from dyetrace.planning.scope import own_filter, own_sources, own_topology
from dyetrace.planning.sources import resolved_filters, source_ports


def plan(task: Task, topology: Topology, *, also: frozenset[int] = frozenset()) -> Plan:
    """Place the task's policies; raises what source_ports raises, before anything is touched.

    also: hosts to log at, in reach or not.

    A tenant's packets are colored where they are its own, and logged everywhere: wherever
    they go, their DSCP is given back.
    """
    wanted, known = task.wanted, topology
    if task.tenant:
        wanted = own_filter(wanted, task.tenant)
        known = own_topology(topology, task.tenant)
    ports = source_ports(wanted, known)
    if task.tenant:
        ports = own_sources(ports, wanted, own=known, topology=topology)
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
            host.number: LogPolicy(
                ports=frozenset(port.key for vfd in host.vfds for port in vfd.ports),
                receivers=tuple(
                    Receiver(address=address, port=port.key, mac=port.nic.mac)
                    for vfd in host.vfds
                    for port in vfd.ports
                    if port.nic is not None
                    for address in port.nic.addresses
                ),
            )
            for host in topology.hosts
            if host.number in reached
        },
    )
