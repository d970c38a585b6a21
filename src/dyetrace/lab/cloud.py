"""A lab cloud: things are looked up in it, run in it, broken and healed."""

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Self

from dyetrace.lab import breakage, state
from dyetrace.lab.agents import Agent
from dyetrace.lab.description import CloudDescription, VmDescription
from dyetrace.lab.dump import dump
from dyetrace.lab.edge import INTERNET_ADDRESSES, INTERNET_BRIDGE
from dyetrace.lab.ends import FloatingIp, Host, Internet, Vm
from dyetrace.lab.errors import UnknownName
from dyetrace.lab.faults.fault import Fault
from dyetrace.lab.kinds import kind_called
from dyetrace.lab.lifecycle import NO_OFFSETS, raise_cloud, take_down
from dyetrace.lab.namespaces import fabric_namespace, internet_namespace, namespace, prefix_of

EXEC_WITHIN_S = 30.0


class Cloud:
    """A cloud that is up. Get one from `up`, `build` or `load`."""

    def __init__(self, *, name: str, description: CloudDescription) -> None:
        self.name = name
        self.description = description

    @classmethod
    def up(
        cls,
        kind: str,
        *,
        name: str | None = None,
        agents: bool = True,
        clock_offsets_s: Mapping[str, float] = NO_OFFSETS,
    ) -> Self:
        """Build a cloud that stays until `down`, with an agent on each host if wanted.

        clock_offsets_s: by host, how far its agent's clock is ahead; for tests.
        Raises CloudAlreadyUp, UnknownName, BadName, RootRequired, CommandFailed or
        AgentNotReady; after any of them, or Ctrl-C, nothing is left behind.
        """
        cloud = cls(name=name or kind, description=kind_called(kind))
        raise_cloud(
            cloud.description,
            initial_state=cloud._initial_state(),
            with_agents=agents,
            clock_offsets_s=clock_offsets_s,
        )
        return cloud

    @classmethod
    @contextmanager
    def build(cls, kind: str, *, name: str | None = None, agents: bool = False) -> Iterator[Self]:
        """Build a cloud for the length of a `with` block."""
        cloud = cls.up(kind, name=name, agents=agents)
        try:
            yield cloud
        finally:
            cloud.down()

    @classmethod
    def load(cls, name: str) -> Self:
        """Find a cloud that is up. Raises UnknownName."""
        return cls(name=name, description=kind_called(state.read(name)["kind"]))

    @staticmethod
    def names() -> list[str]:
        """List the clouds that are up."""
        return state.names()

    def down(self) -> None:
        """End the agents and delete the namespaces; harmless if that was done before."""
        take_down(self.name)

    @property
    def vms(self) -> tuple[Vm, ...]:
        """All VMs."""
        return tuple(self._vm(vm) for vm in self.description.vms)

    @property
    def hosts(self) -> tuple[Host, ...]:
        """All hosts that have, or could have, an agent."""
        return tuple(self.host(name) for name in self.description.hosts)

    @property
    def agents(self) -> tuple[Agent, ...]:
        """The agents that were started."""
        return tuple(Agent.from_entry(entry) for entry in state.read(self.name)["agents"])

    @property
    def example(self) -> tuple[Vm, Vm]:
        """The two VMs that traffic and faults use when told no other."""
        source, destination = self.description.example
        return self.vm(source), self.vm(destination)

    def vm(self, vm_id: str) -> Vm:
        """Find a VM. Raises UnknownName."""
        for vm in self.description.vms:
            if vm.id == vm_id:
                return self._vm(vm)
        raise UnknownName(what="VM", name=vm_id, known=[vm.id for vm in self.description.vms])

    def host(self, name: str) -> Host:
        """Find a host, with its namespaces by role. Raises UnknownName."""
        if name not in self.description.hosts:
            raise UnknownName(what="host", name=name, known=self.description.hosts)
        has_underlay = self.description.has_overlay
        return Host(
            name=name,
            netns={
                role: namespace(self.name, name, role) for role in self.description.roles_on(name)
            },
            underlay=self.description.underlay_address(name) if has_underlay else None,
        )

    @property
    def fabric(self) -> str:
        """The namespace of the underlay's router. Raises UnknownName where there is none."""
        if not self.description.has_overlay:
            raise UnknownName(what=f"part of cloud {self.name}", name="fabric", known=())
        return fabric_namespace(self.name)

    @property
    def internet(self) -> Internet:
        """The host on the Internet. Raises UnknownName where there is none."""
        if not self.description.gateways:
            raise UnknownName(what=f"part of cloud {self.name}", name="internet", known=())
        return Internet(
            netns=internet_namespace(self.name),
            device=INTERNET_BRIDGE,
            addresses=INTERNET_ADDRESSES,
        )

    @property
    def floating(self) -> tuple[FloatingIp, ...]:
        """The Internet addresses that lead to VMs."""
        return tuple(
            FloatingIp(addresses=pair.addresses, vm=self.vm(pair.vm))
            for gateway in self.description.gateways
            for pair in gateway.floating
        )

    def end(self, text: str) -> Vm | Internet | FloatingIp:
        """Find an end of a flow by VM id, `internet`, or floating address. Raises UnknownName."""
        for floating in self.floating:
            if text in floating.addresses:
                return floating
        if text == "internet" and self.description.gateways:
            return self.internet
        return self.vm(text)

    def exec(
        self,
        where: Vm | Internet | str,
        argv: Sequence[str],
        *,
        check: bool = True,
        timeout: float = EXEC_WITHIN_S,
    ) -> subprocess.CompletedProcess[str]:
        """Run a program in the namespace of an end, or in one named in full."""
        netns = where if isinstance(where, str) else where.netns
        return subprocess.run(
            ("ip", "netns", "exec", netns, *argv),
            check=check,
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    def dump(self) -> str:
        """Write down the state of every namespace: links, addresses, routes, rules, counters."""
        return dump(self.name)

    def inject(self, fault: Fault) -> None:
        """Break the cloud. Raises FaultNotApplicable or FaultAlreadyInjected."""
        breakage.inject(self, fault)

    def heal(self) -> None:
        """Undo every fault that was injected, the last one first."""
        breakage.heal(self)

    @property
    def injected(self) -> tuple[Fault, ...]:
        """The faults the cloud suffers from now, in the order in which they came."""
        return breakage.injected(self)

    def _vm(self, vm: VmDescription) -> Vm:
        return Vm(
            id=vm.id,
            tenant=vm.tenant,
            host=vm.nic.host,
            netns=namespace(self.name, vm.nic.host, vm.nic.role),
            port_netns=namespace(self.name, vm.nic.host, "vswitch"),
            port=vm.nic.port,
            network=vm.nic.network.name,
            addresses=vm.nic.addresses,
            mac=vm.nic.mac,
            mtu=self.description.mtu,
        )

    def _initial_state(self) -> state.State:
        return {
            "cloud": self.name,
            "kind": self.description.kind,
            "netns": [f"{prefix_of(self.name)}*"],
            "agents": [],
            "vms": [vm.entry() for vm in self.vms],
            "faults": [],
        }
