"""The flows of a simulated cloud, with what is wrong with some, and so the truth of each."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dyetrace.datapath.simulated.cloud import FIRST_VROUTER, VSWITCH, SimulatedCloud, Vm
from dyetrace.datapath.simulated.faults import FAULTS, MIX, Fault
from dyetrace.datapath.simulated.ways import Flow, Goal, Stop, way_of
from dyetrace.model.packet import FiveTuple, Protocol

FIRST_PORT = 20_000
PROTOCOLS = (Protocol.TCP, Protocol.UDP)
NEEDS = {
    "connections_full": Goal.INTERNET,
    "rate_limited": Goal.INTERNET,
    "backends_gone": Goal.SERVICE,
    # To where there is no vNIC, packets may also be sent by way of a host without an agent.
    "remote_wrong": Goal.VM,
}
ATTEMPTS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """One flow, and what is wrong with it."""

    number: int
    flow: Flow
    fault: str  # of FAULTS; "": it is well
    share: float  # of its packets that are lost
    way: tuple[Stop, ...]
    ended: tuple[Stop, ...]  # the way of those that are lost

    @property
    def cause(self) -> str:
        """What a verdict must say; "" where it must accuse nobody."""
        return FAULTS[self.fault].cause if self.fault else ""

    @property
    def place(self) -> Stop:
        """Where packets are lost."""
        return self.ended[-1]


@dataclass(frozen=True)
class Traffic:
    """All flows of a cloud that matter, computed from it and from how many are wanted."""

    cloud: SimulatedCloud
    flows: int
    healthy: float = 0.1  # the share of flows that nothing is wrong with

    @cached_property
    def planted(self) -> tuple[Planted, ...]:
        """Plant flows, no two of which share an end's port."""
        draw = np.random.default_rng([self.cloud.shape.seed, 2])
        return tuple(self._planted(number, draw) for number in range(self.flows))

    @cached_property
    def by_source(self) -> dict[Vm, tuple[Planted, ...]]:
        """Planted flows by the VM that sends."""
        found: dict[Vm, list[Planted]] = {}
        for each in self.planted:
            found.setdefault(each.flow.source, []).append(each)
        return {vm: tuple(group) for vm, group in found.items()}

    @cached_property
    def by_loss(self) -> dict[tuple[int, int, FiveTuple], Planted]:
        """Planted faults by the host, VFD and flow that an inspection asks about."""
        return {
            (each.place.host, each.place.netns, each.place.flow): each
            for each in self.planted
            if each.fault
        }

    def fault_at(self, host: int, netns: int, flow: FiveTuple) -> tuple[Fault, Stop] | None:
        """Find what is wrong at a place with a flow's packets."""
        found = self.by_loss.get((host, netns, flow))
        return (FAULTS[found.fault], found.place) if found else None

    def _planted(self, number: int, draw: np.random.Generator) -> Planted:
        kinds = list(MIX.values())
        weights = np.array([cases for cases, _ in kinds], dtype=float)
        for _ in range(ATTEMPTS):
            fault = ""
            if draw.random() >= self.healthy:
                of_kind = kinds[draw.choice(len(kinds), p=weights / weights.sum())][1]
                fault = of_kind[draw.integers(len(of_kind))]
            flow = self._flow(number, fault, draw)
            way = way_of(flow, self.cloud)
            stranger = self.cloud.stranger_to(flow.source.network)
            ended = FAULTS[fault].ended(way, stranger) if fault else way
            if ended is not None:
                shares = FAULTS[fault].shares if fault else (0.0,)
                share = shares[draw.integers(len(shares))]
                return Planted(
                    number=number, flow=flow, fault=fault, share=share, way=way, ended=ended
                )
        raise ValueError("this cloud has no place for such faults: take more hosts and VMs")

    def _flow(self, number: int, fault: str, draw: np.random.Generator) -> Flow:
        source = self._vm(draw)
        peers = [vm for vm in self.cloud.vms_by_network[source.network] if vm != source]
        goal = NEEDS.get(fault) or (Goal.VM if draw.random() < 0.8 else Goal.INTERNET)  # noqa: PLR2004 - most
        return Flow(
            source=source,
            goal=goal,
            receiver=None if goal is Goal.INTERNET else peers[draw.integers(len(peers))],
            protocol=PROTOCOLS[number % 2],
            src_port=FIRST_PORT + number % 40_000,
            dst_port=1024 + number % 8000,
        )

    def _vm(self, draw: np.random.Generator) -> Vm:
        """Choose one that has another in its network."""
        while True:
            vm = self.cloud.vms[draw.integers(len(self.cloud.vms))]
            if len(self.cloud.vms_by_network[vm.network]) > 1:
                return vm


def vfd_name(stop: Stop) -> str:
    """Name the VFD of a stop as verdicts do."""
    if stop.netns == VSWITCH:
        return "vswitch"
    kind, network = divmod(stop.netns, FIRST_VROUTER)
    return f"{('', 'vrouter', 'gateway', 'balancer')[kind]}-t{network}"
