"""dyetrace's kernel side in one place: load, attach, set policies, drain, close."""

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from types import TracebackType
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt

from dyetrace.datapath.linux import layout
from dyetrace.datapath.linux.attach import Attachment, Hook, NoTcx, PortHandle, attach_tcx
from dyetrace.datapath.linux.btf import drop_arguments
from dyetrace.datapath.linux.layout import Counter
from dyetrace.datapath.linux.libbpf import call, program_info
from dyetrace.datapath.linux.maps import U32, U64, Map
from dyetrace.datapath.linux.objects import Knob, Objects, knobs
from dyetrace.datapath.linux.policies import BURST_NS, Policies, PortId
from dyetrace.datapath.linux.ring import Ring, ring_size
from dyetrace.model.filter import PacketFilter
from dyetrace.model.packet import ColorMap
from dyetrace.model.policy import ColorCounts
from dyetrace.model.record import Point
from dyetrace.model.task import Limits

if TYPE_CHECKING:
    from dyetrace.datapath.linux.clsact import Clsact

RING_BYTES = 4 << 20
VXLAN_PORTS = (4789,)
GENEVE_PORT = 6081
ETHERNET_BYTES = 14


class Programs:
    """The kernel side of one agent; everything is gone when it closes or dies.

    Making one opens the objects and creates their maps. Programs are loaded
    when they are first attached, once per variant.
    """

    def __init__(  # noqa: PLR0913 - each can be left out
        self,
        *,
        colors: ColorMap,
        ring_bytes: int = RING_BYTES,
        vxlan_ports: tuple[int, ...] = VXLAN_PORTS,
        geneve_port: int = GENEVE_PORT,
        looks_into_tunnels: bool = True,
        uses_clsact: bool = False,
    ) -> None:
        """Create the maps.

        uses_clsact attaches as kernels before 6.6 must, also where there is
        tcx. Raises NotPermitted, NoBtf, ObjectsMissing or LibbpfMissing.
        """
        ring_bytes = ring_size(ring_bytes)
        self._uses_clsact = uses_clsact
        self._clsact: Clsact | None = None
        self._knobs: dict[str, Knob] = {
            "color_of": _table(colors.color_by_class),
            "class_of": _table(colors.class_by_color),
            "vxlan_ports": (vxlan_ports + (0,) * layout.VXLAN_PORTS)[: layout.VXLAN_PORTS],
            "geneve_port": geneve_port,
            "tunnels": looks_into_tunnels,
        }
        self._attached: dict[tuple[PortId, str], Attachment] = {}
        self._restores: dict[tuple[PortId, str], bool] = {}
        self._watched: frozenset[int] = frozenset()
        self._drop_link = -1
        self._drop_program = -1
        self._is_closed = False
        self.objects = Objects(ring_bytes=ring_bytes)
        try:
            for name in ("color", "log_hop", "log_drop"):
                self.objects.open_maps(name)
            self._ring = Ring(self.objects.map_fd("sightings"), ring_bytes)
        except BaseException:
            self.objects.close()
            raise
        self._policies = Policies(self.objects)

    def __enter__(self) -> Self:
        """Use it for the length of a `with` block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()

    def preload(self) -> None:
        """Load all that Ethernet ports need at once, on all CPUs: sooner than one by one."""
        loads = (
            self.color_program,
            self.drop_program,
            partial(self.hop_program, Point.INGRESS),
            partial(self.hop_program, Point.EGRESS),
            partial(self.hop_program, Point.EGRESS, restore=True),
        )
        with ThreadPoolExecutor(len(loads), "dyetrace-load") as pool:
            for loading in [pool.submit(load) for load in loads]:
                loading.result()

    def watch(self, netns: Iterable[int]) -> None:
        """Log drops in exactly these namespaces, by inode number; in none: detach."""
        wanted = frozenset(netns)
        for number in wanted - self._watched:
            self._watched_map.put(number, 1)
        for number in self._watched - wanted:
            self._watched_map.remove(number)
        self._watched = wanted
        if wanted and self._drop_link < 0:
            self._drop_link = call(
                "bpf_raw_tracepoint_open",
                None,
                self.drop_program(),
                doing="attaching to tracepoint kfree_skb",
            )
        elif not wanted and self._drop_link >= 0:
            os.close(self._drop_link)
            self._drop_link = -1

    def log(self, port: PortHandle, point: Point, *, restore: bool = False) -> None:
        """Log colored packets at a port; with restore, give their original DSCP back there.

        Does nothing if that is so already. Raises PortVanished.
        """
        key = (port.key, point.name)
        if key in self._attached and self._restores[key] == restore:
            return
        is_ingress = (point is Point.INGRESS) is not port.is_reversed
        program = self.hop_program(point, restore=restore, has_link_layer=port.has_link_layer)
        added = self._attach(port, Hook.INGRESS if is_ingress else Hook.EGRESS, program, "log")
        self._close_attachment(key)
        self._attached[key], self._restores[key] = added, restore

    def unlog(self, port: PortHandle, point: Point) -> None:
        """Stop logging at a port."""
        self._close_attachment((port.key, point.name))

    def color(self, port: PortHandle) -> None:
        """Have a port's incoming packets colored as the policies say.

        Coloring reports the packet itself, as INGRESS of this port. Does
        nothing if it is so already. Raises PortVanished.
        """
        key = (port.key, "COLOR")
        if key in self._attached:
            return
        program = self.color_program(has_link_layer=port.has_link_layer)
        hook = Hook.EGRESS if port.is_reversed else Hook.INGRESS
        self._attached[key] = self._attach(port, hook, program, "color")

    def uncolor(self, port: PortHandle) -> None:
        """Stop coloring at a port."""
        self._close_attachment((port.key, "COLOR"))

    def detach(self, port: PortHandle) -> None:
        """Take everything off a port."""
        for key in [key for key in self._attached if key[0] == port.key]:
            self._close_attachment(key)

    def set_policy(  # noqa: PLR0913 - a policy has this many parts
        self,
        slot: int,
        wanted: PacketFilter,
        limits: Limits,
        ports: Iterable[PortHandle],
        *,
        expires_ns: int,
        burst_ns: int = BURST_NS,
    ) -> None:
        """Color a filter's packets at these ports until expires_ns (CLOCK_MONOTONIC).

        Replaces what was in the slot and starts counting anew. Of the filter
        only prefixes, protocol and ports matter: names are resolved before.
        """
        self._policies.put(
            slot,
            wanted,
            limits,
            (port.key for port in ports),
            expires_ns=expires_ns,
            burst_ns=burst_ns,
        )

    def clear_policy(self, slot: int) -> None:
        """End a policy; its state stays readable until the slot is used again."""
        self._policies.clear(slot)

    def renew(self, slot: int, expires_ns: int) -> None:
        """Move a policy's expiry."""
        self._policies.renew(slot, expires_ns)

    def policy_state(self, slot: int) -> ColorCounts:
        """Read what came of a policy."""
        return self._policies.state(slot)

    def counters(self) -> dict[str, int]:
        """Count what was recorded and what could not be, since this was made.

        By the names of enum dye_counter, in lower case; and drops_missed:
        drops, most of them undyed, that interrupted the look at another one.
        """
        found = {counter.name.lower(): self._counters.total(counter) for counter in Counter}
        loaded = self._drop_program >= 0
        found["drops_missed"] = (
            int(program_info(self._drop_program).recursion_misses) if loaded else 0
        )
        return found

    def drain(self) -> npt.NDArray[np.void]:
        """Take out all sightings there are: one-dimensional, dtype layout.SIGHTING."""
        return self._ring.drain()

    def rest(self) -> None:
        """Give back the memory that only work needs."""
        self._ring.rest()

    def fileno(self) -> int:
        """Give what epoll waits on: readable when there is something to drain."""
        return self._ring.fileno()

    def close(self) -> None:
        """Take everything out of the kernel."""
        if self._is_closed:
            return
        self._is_closed = True
        for key in list(self._attached):
            self._close_attachment(key)
        if self._drop_link >= 0:
            os.close(self._drop_link)
            self._drop_link = -1
        self._ring.rest()
        self.objects.close()

    def color_program(self, *, has_link_layer: bool = True) -> int:
        """Load color.bpf.c for ports with or without Ethernet; gives its descriptor."""
        return self.objects.program("color", self._variant(has_link_layer=has_link_layer))

    def hop_program(
        self, point: Point, *, restore: bool = False, has_link_layer: bool = True
    ) -> int:
        """Load log_hop.bpf.c for one kind of port; gives its descriptor."""
        return self.objects.program(
            "log_hop",
            self._variant(has_link_layer=has_link_layer, point=point, restore=restore),
        )

    def drop_program(self) -> int:
        """Load log_drop.bpf.c; gives its descriptor."""
        if self._drop_program < 0:
            self._drop_program = self.objects.program(
                "log_drop", self._variant(drop_arguments=drop_arguments())
            )
        return self._drop_program

    def _attach(self, port: PortHandle, hook: Hook, program: int, role: str) -> Attachment:
        if not self._uses_clsact:
            try:
                return attach_tcx(port, hook, program)
            except NoTcx:
                self._uses_clsact = True
        from dyetrace.datapath.linux import clsact  # slow, and rarely needed

        if self._clsact is None:
            self._clsact = clsact.Clsact()
        handle = clsact.COLOR_HANDLE if role == "color" else clsact.LOG_HANDLE
        return self._clsact.attach(port, hook, program, handle)

    def _close_attachment(self, key: tuple[PortId, str]) -> None:
        self._restores.pop(key, None)
        attachment = self._attached.pop(key, None)
        if attachment:
            attachment.close()

    def _variant(self, *, has_link_layer: bool = True, **values: int) -> npt.NDArray[np.void]:
        link_layer_bytes = ETHERNET_BYTES if has_link_layer else 0
        return knobs(**self._knobs, link_layer_bytes=link_layer_bytes, **values)

    @cached_property
    def _watched_map(self) -> Map:
        return Map(self.objects.map_fd("watched_netns"), "watched_netns", key=U32, value=U32)

    @cached_property
    def _counters(self) -> Map:
        return Map(self.objects.map_fd("counters"), "counters", key=U32, value=U64)


def _table(pairs: dict[int, int]) -> list[int]:
    """Spread a mapping of DSCP values into an array over all of them."""
    return [pairs.get(dscp, layout.NO_CLASS) for dscp in range(layout.DSCP_VALUES)]
