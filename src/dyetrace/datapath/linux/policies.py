"""Keep the policies that color.bpf.c reads: filters in slots, slots by port."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from dyetrace.datapath.linux import layout
from dyetrace.datapath.linux.layout import PolicyFlag
from dyetrace.datapath.linux.maps import U32, U64, Map
from dyetrace.datapath.linux.objects import Objects
from dyetrace.model.filter import PacketFilter
from dyetrace.model.packet import Network
from dyetrace.model.policy import ColorCounts
from dyetrace.model.record import packed_address
from dyetrace.model.task import Limits

SECOND_NS = 1_000_000_000
BURST_NS = SECOND_NS // 10  # a flow's packets come in bursts: let some through at once
ADDRESS_BITS = 128

PortId = tuple[int, int]
"""(namespace, ifindex)."""


class Policies:
    """The slots for policies, and which ports have which."""

    def __init__(self, objects: Objects) -> None:
        self._ports: dict[int, frozenset[PortId]] = {}
        self._policies = Map(objects.map_fd("policies"), "policies", key=U32, value=layout.POLICY)
        self._states = Map(
            objects.map_fd("policy_states"), "policy_states", key=U32, value=layout.POLICY_STATE
        )
        self._by_ifindex = Map(
            objects.map_fd("policies_by_ifindex"), "policies_by_ifindex", key=U32, value=U64
        )
        self._by_port = Map(
            objects.map_fd("policies_by_port"), "policies_by_port", key=layout.PORT, value=U64
        )

    def put(  # noqa: PLR0913 - a policy has this many parts
        self,
        slot: int,
        wanted: PacketFilter,
        limits: Limits,
        ports: Iterable[PortId],
        *,
        expires_ns: int,
        burst_ns: int = BURST_NS,
    ) -> None:
        """Put a policy into a slot and give it to ports.

        It is written in full before its expiry, which is what makes it live.
        """
        self.clear(slot)
        row = policy_row(wanted, limits, burst_ns=burst_ns)
        self._policies.put(slot, row)
        self._states.put(slot, np.zeros((), layout.POLICY_STATE))
        row["expires_ns"] = expires_ns
        self._policies.put(slot, row)
        self._give(slot, frozenset(ports))

    def clear(self, slot: int) -> None:
        """Free a slot; its state stays readable until the slot is used again."""
        if not 0 <= slot < layout.POLICIES:
            raise ValueError(f"slot {slot} is outside 0..{layout.POLICIES - 1}")
        self.renew(slot, 0)
        self._give(slot, frozenset())

    def renew(self, slot: int, expires_ns: int) -> None:
        """Move a policy's expiry, on the monotonic clock; 0 ends it now."""
        row = self._policies.get(slot)[0]
        row["expires_ns"] = expires_ns
        self._policies.put(slot, row)

    def state(self, slot: int) -> ColorCounts:
        """Read what came of a policy."""
        row = self._states.get(slot)[0]
        return ColorCounts(
            colored=int(row["colored"]),
            matched=int(row["matched"]),
            limited=int(row["limited"]),
            uncolorable=int(row["uncolorable"]),
            already_colored=int(row["already_colored"]),
        )

    def _give(self, slot: int, ports: frozenset[PortId]) -> None:
        before = self._ports.pop(slot, frozenset())
        if ports:
            self._ports[slot] = ports
        for port in before | ports:
            bits = self._bits({port})
            if bits:
                self._by_port.put(port, bits)
            else:
                self._by_port.remove(port)
        for bucket in {bucket_of(port) for port in before | ports}:
            sharing = {
                port
                for others in self._ports.values()
                for port in others
                if bucket_of(port) == bucket
            }
            self._by_ifindex.put(bucket, self._bits(sharing))

    def _bits(self, any_of: set[PortId]) -> int:
        """Give the slots whose policies any of these ports has, as a bitmap."""
        return sum(1 << slot for slot, ports in self._ports.items() if ports & any_of)


def bucket_of(port: PortId) -> int:
    """Where policies_by_ifindex keeps a port's policies."""
    return port[1] % layout.IFINDEX_BUCKETS


def policy_row(
    wanted: PacketFilter, limits: Limits, *, burst_ns: int = BURST_NS
) -> npt.NDArray[np.void]:
    """Write a filter and its limits as the program reads them, not yet live."""
    row = np.zeros((), layout.POLICY)
    row["packet_count"] = limits.packet_count
    row["interval_ns"] = SECOND_NS // limits.packets_per_second
    row["burst_ns"] = burst_ns
    for name, network in (("src", wanted.src), ("dst", wanted.dst)):
        if network is not None:
            row[name] = np.frombuffer(packed_address(network.network_address), "u1")
            row[f"{name}_mask"] = np.frombuffer(_mask(network), "u1")
            row["family"] = network.version
    for name, port, flag in (
        ("src_port", wanted.src_port, PolicyFlag.MATCH_SRC_PORT),
        ("dst_port", wanted.dst_port, PolicyFlag.MATCH_DST_PORT),
    ):
        if port is not None:
            row[name] = port
            row["flags"] = int(row["flags"]) | flag
    row["protocol"] = wanted.protocol or 0
    return row


def _mask(network: Network) -> bytes:
    """Write a prefix as a mask of 16 bytes; IPv4's begins with the mapping's 96 bits."""
    bits = ADDRESS_BITS - network.max_prefixlen + network.prefixlen
    return ((1 << ADDRESS_BITS) - (1 << (ADDRESS_BITS - bits))).to_bytes(16, "big")
