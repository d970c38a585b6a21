"""The Linux data path driver: discovery, eBPF programs and site evidence as one."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from ctypes import CDLL
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dyetrace.datapath.driver import Batch, Look, Losses, Spot
from dyetrace.datapath.linux.attach import PortHandle
from dyetrace.datapath.linux.btf import drop_reason_name, drop_reason_names
from dyetrace.datapath.linux.discovery import NONE_KNOWN, Discovered, discover
from dyetrace.datapath.linux.errors import DatapathError, PortVanished
from dyetrace.datapath.linux.layout import POLICIES
from dyetrace.datapath.linux.namespaces import Netns, Scope
from dyetrace.datapath.linux.probes import try_tcx
from dyetrace.datapath.linux.programs import Programs
from dyetrace.datapath.linux.rule_watches import RuleWatches
from dyetrace.datapath.linux.site import inspect_site
from dyetrace.datapath.linux.symbols import Symbols
from dyetrace.datapath.packet import fill_records
from dyetrace.errors import PolicyRefused
from dyetrace.model.packet import ColorMap, FiveTuple
from dyetrace.model.policy import ColorCounts, ColorPolicy
from dyetrace.model.record import Point
from dyetrace.model.site import SiteEvidence, Uncolored
from dyetrace.model.task import TaskId
from dyetrace.model.topology import Host, Port, PortKey, PortKind, host_number

SECOND_NS = 1_000_000_000


@dataclass(slots=True, kw_only=True)
class Coloring:
    """One task's slots, and when its trace time ends."""

    slots: tuple[int, ...]
    ports: tuple[PortHandle, ...]
    ends_ns: int
    is_live: bool = True


class LinuxDriver:
    """One host's Linux namespaces. Nothing is attached while no port is logged."""

    def __init__(  # noqa: PLR0913 - an agent's settings, by keyword
        self,
        *,
        host: str,
        netns: tuple[str, ...] = (),
        others: Callable[[], tuple[str, ...]] = tuple,
        colors: ColorMap,
        ring_bytes: int,
        vxlan_ports: tuple[int, ...],
        uses_clsact: bool = False,
    ) -> None:
        """Create the maps and load the programs, attached nowhere yet.

        netns: globs over namespaces' names, none for all; others: says which are
        other agents' by now. uses_clsact attaches as kernels without tcx must;
        what a killed agent left there is removed first.
        """
        uses_clsact = uses_clsact or not has_tcx()
        self._may_find_leftovers = uses_clsact
        self.colors = colors
        self._name = host
        self._netns = netns
        self._others = others
        self._programs = Programs(
            colors=colors, ring_bytes=ring_bytes, vxlan_ports=vxlan_ports, uses_clsact=uses_clsact
        )
        try:
            self._programs.preload()  # a task then waits for attaching only
        except BaseException:
            self._programs.close()
            raise
        self._found: Discovered | None = None
        self._earlier: list[Discovered] = []  # attached ports' namespaces are held by these
        self._ports: dict[PortKey, Port] = {}
        self._logged: dict[PortKey, PortHandle] = {}
        self._tasks: dict[TaskId, Coloring] = {}
        self._rules = RuleWatches(colors.class_by_color)
        self._unparsed = 0
        self._symbols = Symbols()

    @property
    def number(self) -> int:
        """This host's number."""
        return host_number(self._name)

    def discover(self) -> tuple[Host, tuple[str, ...]]:
        """Look at the namespaces anew."""
        scope = Scope(names=self._netns, others=self._others())
        known = self._found.routers if self._found is not None else NONE_KNOWN
        found = discover(scope, host_number=self.number, host_name=self._name, known=known)
        if self._found is not None:
            self._earlier.append(self._found)
        self._found = found
        # What is logged stays known, though it may have vanished by now.
        self._ports = {key: self._ports[key] for key in self._logged}
        self._ports |= {port.key: port for vfd in found.host.vfds for port in vfd.ports}
        if self._may_find_leftovers:
            self._remove_leftovers(found)
        if not self._logged and not self._tasks:
            self._let_go_of_namespaces()
        return found.host, found.notes

    def log_at(self, ports: frozenset[PortKey]) -> tuple[int, tuple[str, ...]]:
        """Log at exactly these ports; ports that have vanished are noted."""
        for key in self._logged.keys() - ports:
            self._unlog(self._logged.pop(key))
        notes = []
        for key in sorted(ports - self._logged.keys()):
            try:
                self._logged[key] = self._log(self._port(key))
            except PortVanished as error:
                notes.append(str(error))
        self._programs.watch({key[1] for key in self._logged})
        if not self._logged:
            self._rules.close()
            self._let_go_of_namespaces()
            self._programs.rest()
            give_back_memory()
        return self._logging_programs(), tuple(notes)

    def color(self, policy: ColorPolicy, *, lease_ns: int) -> int:
        """Color at the policy's ports."""
        slots = self._free_slots(len(policy.filters))
        try:
            handles = [self._handle(self._port(key)) for key in sorted(policy.ports)]
        except PortVanished as error:
            raise PolicyRefused(str(error)) from error
        now_ns = time.monotonic_ns()
        coloring = Coloring(
            slots=slots,
            ports=tuple(handles),
            ends_ns=now_ns + int(policy.limits.trace_time.total_seconds() * SECOND_NS),
        )
        self._tasks[policy.task_id] = coloring
        try:
            for handle in handles:
                self._programs.color(handle)
            for slot, wanted in zip(slots, policy.filters, strict=True):
                self._programs.set_policy(
                    slot,
                    wanted,
                    policy.limits,
                    handles,
                    expires_ns=min(now_ns + lease_ns, coloring.ends_ns),
                )
        except BaseException as error:
            self.stop_color(policy.task_id)
            self.forget(policy.task_id)
            if isinstance(error, PortVanished):
                raise PolicyRefused(str(error)) from error
            raise
        return len(handles)

    def renew(self, task_id: TaskId, *, lease_ns: int) -> None:
        """Extend the lease, never beyond the trace time."""
        coloring = self._tasks[task_id]
        expires_ns = min(time.monotonic_ns() + lease_ns, coloring.ends_ns)
        for slot in coloring.slots:
            self._programs.renew(slot, expires_ns)

    def stop_color(self, task_id: TaskId) -> None:
        """End the task's policies, and take the program off ports that nobody colors at now."""
        coloring = self._tasks[task_id]
        coloring.is_live = False
        for slot in coloring.slots:
            self._programs.clear_policy(slot)
        live = (other for other in self._tasks.values() if other.is_live)
        wanted = {port.key for other in live for port in other.ports}
        for handle in coloring.ports:
            if handle.key not in wanted:
                self._programs.uncolor(handle)

    def forget(self, task_id: TaskId) -> None:
        """Free the task's slots; records of it must have been read by now."""
        self._tasks.pop(task_id, None)

    def color_counts(self, task_id: TaskId) -> ColorCounts:
        """Sum over the task's filters."""
        coloring = self._tasks.get(task_id)
        slots = coloring.slots if coloring else ()
        return sum((self._programs.policy_state(slot) for slot in slots), ColorCounts())

    def read(self) -> Batch:
        """Drain the ring and parse."""
        sightings = self._programs.drain()
        if not self._logged:
            self._programs.rest()
        if len(sightings) == 0:
            return Batch()
        records, unparsed = fill_records(
            sightings, host=self.number, task_ids_of=self._tasks_of_slots
        )
        self._unparsed += unparsed
        drops = records[records["point"] == Point.DROP]
        return Batch(
            records=records,
            drop_names={
                number: drop_reason_name(number, self._drop_reason_names)
                for number in np.unique(drops["drop_reason"]).tolist()
            },
            symbols={
                address: self._symbols.name(address)
                for address in np.unique(drops["call_site"]).tolist()
            },
        )

    def losses(self) -> Losses:
        """Count what the programs and the parser could not record."""
        counters = self._programs.counters()
        return Losses(
            recorded=counters["recorded"],
            lost_in_ring=counters["ring_full"],
            unreadable=counters["unreadable"] + self._unparsed,
        )

    def programs(self) -> int:
        """Count those that log, and those that color."""
        live = (each for each in self._tasks.values() if each.is_live)
        return self._logging_programs() + len({port.key for each in live for port in each.ports})

    def _logging_programs(self) -> int:
        at_ports = sum(len(_points(self._ports[key])) for key in self._logged)
        return at_ports + bool(self._logged)

    def trace_rules(self, netns: frozenset[int]) -> None:
        """Begin to have nftables trace the first colored packets in exactly these namespaces."""
        places = self._found.netns if self._found is not None else {}
        self._rules.trace({each: places[each] for each in netns if each in places})

    def rules_traced(self) -> tuple[str, ...]:
        """Wait for the traces."""
        return self._rules.ready()

    def watch_rules(self, netns: int) -> None:
        """Have nftables trace all colored packets there."""
        with _rules_traced():
            self._rules.watch_closely(netns, self._logged_place(netns))

    def watch_uncolored(self, netns: int, flow: FiveTuple) -> None:
        """Have nftables trace a flow's uncolored packets there."""
        with _rules_traced():
            self._rules.watch_uncolored(netns, self._logged_place(netns), flow)

    def uncolored(self, netns: int, flow: FiveTuple, *, family: str, table: str) -> Uncolored:
        """Count what nftables has told of them."""
        return self._rules.uncolored(netns, flow, family=family, table=table)

    def inspection_at(self, spot: Spot) -> Look:
        """Prepare to look around in a namespace that was discovered."""
        found = self._found.netns.get(spot.netns) if self._found is not None else None
        if found is None:
            return lambda: SiteEvidence(notes=("the namespace is gone",))
        # By its path: our descriptor may be closed before the other thread gets there.
        place = Netns(inode=found.inode, name=found.name, path=found.path, owner=found.owner)
        rules = self._rules

        def look() -> SiteEvidence:
            came_as = spot.came_as or spot.five_tuple
            traced = rules.traced(spot.netns, came_as, dropped=spot.is_dropped_by_rule)
            return inspect_site(
                place,
                spot.five_tuple,
                ifindex=spot.ifindex,
                came_in_by=spot.in_ifindex,
                bound_for=spot.out_ifindex,
                receiver_mac=spot.receiver_mac,
                homes=spot.homes,
                destination_mac=traced.destination_mac,
                came_as=spot.came_as,
                outer=spot.outer,
                in_vni=spot.in_vni,
                is_loss=spot.point is not Point.INGRESS,
                traced=traced,
                lists_rules=spot.may_be_dropped_by_rule and not traced.names_the_dropper,
            )

        return look

    def fileno(self) -> int:
        """The ring's descriptor."""
        return self._programs.fileno()

    def close(self) -> None:
        """Take everything out of the kernel."""
        self._rules.close()
        self._programs.close()
        self._let_go_of_namespaces()

    def _let_go_of_namespaces(self) -> None:
        """Close them: an idle agent keeps none alive. They can be entered by path again."""
        for found in (*self._earlier, *filter(None, [self._found])):
            found.close()
        self._earlier.clear()

    def _remove_leftovers(self, found: Discovered) -> None:
        """Take off what a killed agent left; nothing of ours can be attached yet."""
        from dyetrace.datapath.linux.clsact import remove_leftovers  # slow, and rarely needed

        remove_leftovers(found.netns[vfd.netns].fileno() for vfd in found.host.vfds)
        self._may_find_leftovers = False

    @cached_property
    def _drop_reason_names(self) -> dict[int, str]:
        return drop_reason_names()

    def _logged_place(self, netns: int) -> Netns:
        place = self._found.netns.get(netns) if self._found is not None else None
        if place is None or not self._logged:
            raise PolicyRefused("the namespace is gone, or nothing is logged")
        return place

    def _port(self, key: PortKey) -> Port:
        if key not in self._ports:
            raise PortVanished(netns=key[1], ifindex=key[2])
        return self._ports[key]

    def _log(self, port: Port) -> PortHandle:
        handle = self._handle(port)
        try:
            for point in _points(port):
                restore = point is Point.EGRESS and port.kind.is_edge_of_cloud
                self._programs.log(handle, point, restore=restore)
        except PortVanished:
            self._unlog(handle)
            raise
        return handle

    def _unlog(self, handle: PortHandle) -> None:
        for point in (Point.INGRESS, Point.EGRESS):
            self._programs.unlog(handle, point)

    def _handle(self, port: Port) -> PortHandle:
        place = self._found.netns[port.netns] if self._found is not None else None
        if place is None:
            raise PortVanished(netns=port.netns, ifindex=port.ifindex)
        return PortHandle(
            netns=port.netns,
            namespace=place.fileno() if place.is_open else place.path,
            ifindex=port.ifindex,
            has_link_layer=port.has_link_layer,
            is_reversed=port.is_reversed,
        )

    def _free_slots(self, wanted: int) -> tuple[int, ...]:
        taken = {slot for coloring in self._tasks.values() for slot in coloring.slots}
        free = [slot for slot in range(POLICIES) if slot not in taken][:wanted]
        if len(free) < wanted:
            raise PolicyRefused(
                f"this host traces as many filters as it can ({POLICIES}): wait for a task to end"
            )
        return tuple(free)

    def _tasks_of_slots(self, bits: int) -> tuple[TaskId, ...]:
        return tuple(
            task_id
            for task_id, coloring in self._tasks.items()
            if any(bits >> slot & 1 for slot in coloring.slots)
        )


def give_back_memory() -> None:
    """Have glibc return what tasks have freed; other C libraries do so by themselves."""
    with suppress(OSError, AttributeError):
        CDLL(None).malloc_trim(0)


@contextmanager
def _rules_traced() -> Iterator[None]:
    try:
        yield
    except (OSError, DatapathError) as error:
        raise PolicyRefused(f"its rules cannot be traced: {error}") from error


def has_tcx() -> bool:
    """Whether this kernel has tcx links: tried out, in a namespace made for it."""
    try:
        try_tcx()
    except OSError:
        return False
    return True


def _points(port: Port) -> tuple[Point, ...]:
    """Where to log at a port.

    Where packets enter the cloud only the source VFD's coloring sees them:
    whatever has a color there was not colored by us.
    """
    if port.kind in {PortKind.VNIC, PortKind.EXTERNAL}:
        return (Point.EGRESS,)
    return (Point.INGRESS, Point.EGRESS)
