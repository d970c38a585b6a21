"""A generated cloud: regions, hosts, tenants with overlapping addresses, their VMs and VFDs.

Every host has a vSwitch. A tenant's network has two subnets, and on each host with
VMs of it a vRouter between them; on one gateway host it has a gateway to the
Internet and a load balancer. Any process can compute any part of it from the shape.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Address

import numpy as np
import numpy.typing as npt

from dyetrace.datapath.simulated.shape import MOST_IN_SUBNET, Shape
from dyetrace.model.topology import Host, Nic, Port, PortKind, Vfd, VfdKind, host_number

VTEPS = int(IPv4Address("172.16.0.0"))
OUTSIDE = int(IPv4Address("100.64.0.0"))  # each network's address on the Internet
SUBNETS = (int(IPv4Address("10.0.0.0")), int(IPv4Address("10.0.16.0")))  # of every tenant
BALANCED = IPv4Address("10.0.32.10")  # the service's address, in every tenant's network
MAC = "02:{:02x}:{:02x}:{:02x}:{:02x}:01"
FIRST_VNI = 100

VSWITCH, FIRST_VROUTER, FIRST_GATEWAY, FIRST_BALANCER = 1, 10_000_000, 20_000_000, 30_000_000
UPLINK, FIRST_VNIC, FIRST_LINK = 2, 10, 1_000_000
TO_A, TO_B, TO_GATEWAY, TO_BALANCER, LINKS = 0, 1, 2, 3, 4  # a vSwitch's links to one network
SIDE_A, SIDE_B = 2, 3  # of a vRouter
INSIDE, EXTERNAL = 2, 3  # of a gateway; a balancer has the first only


@dataclass(frozen=True, slots=True)
class Vm:
    """One VM with one vNIC."""

    number: int
    host: int  # index, from 0
    network: int
    subnet: int  # 0 or 1
    address: IPv4Address
    ifindex: int  # of its port, at its host's vSwitch

    @property
    def name(self) -> str:
        """What inventory and filters call it."""
        return f"vm-{self.number}"


@dataclass(frozen=True)
class SimulatedCloud:
    """What there is where, by index: hosts from 0, networks from 0, VMs from 0."""

    shape: Shape

    @cached_property
    def vms(self) -> tuple[Vm, ...]:
        """All VMs."""
        draw = np.random.default_rng([self.shape.seed, 1])
        hosts = draw.permutation(np.arange(self.shape.vms) % self.shape.hosts_with_vms)
        networks = _networks(self.shape, draw)
        on_host: defaultdict[int, int] = defaultdict(int)
        in_network: defaultdict[int, int] = defaultdict(int)
        found = []
        pairs = zip(hosts.tolist(), networks.tolist(), strict=True)
        for number, (host, network) in enumerate(pairs):
            subnet, place = in_network[network] % 2, in_network[network] // 2
            address = IPv4Address(SUBNETS[subnet] + 10 + place)
            ifindex = FIRST_VNIC + on_host[host]
            found.append(Vm(number, host, network, subnet, address, ifindex))
            on_host[host] += 1
            in_network[network] += 1
        return tuple(found)

    @cached_property
    def vms_by_network(self) -> dict[int, tuple[Vm, ...]]:
        """VMs of each network."""
        return _grouped(self.vms, lambda vm: vm.network)

    @cached_property
    def vms_by_host(self) -> dict[int, tuple[Vm, ...]]:
        """VMs on each host."""
        return _grouped(self.vms, lambda vm: vm.host)

    @cached_property
    def vm_by_port(self) -> dict[tuple[int, int], Vm]:
        """VMs by host and their port's ifindex."""
        return {(vm.host, vm.ifindex): vm for vm in self.vms}

    @property
    def networks(self) -> int:
        """How many networks there are: one a tenant."""
        return len(self.vms_by_network)

    def gateway_of(self, network: int) -> int:
        """The host where a network has its gateway and load balancer."""
        return self.shape.hosts_with_vms + network % self.shape.gateways

    def stranger_to(self, network: int) -> int | None:
        """A host, not a gateway, that has no VM of a network; None where all have."""
        own = {vm.host for vm in self.vms_by_network[network]}
        first = network % self.shape.hosts_with_vms
        hosts = (*range(first, self.shape.hosts_with_vms), *range(first))
        return next((host for host in hosts if host not in own), None)

    @cached_property
    def number_of(self) -> tuple[int, ...]:
        """The numbers in hosts' records."""
        return tuple(host_number(self.host_name(host)) for host in range(self.shape.hosts))

    def host_name(self, host: int) -> str:
        """What a host is called: by its region and place there."""
        is_gateway = host >= self.shape.hosts_with_vms
        return f"r{host % self.shape.regions}-{'gw' if is_gateway else 'cn'}-{host}"

    def host(self, host: int) -> Host:
        """Describe a host as its agent discovers it."""
        if host >= self.shape.hosts_with_vms:
            vfds = self._of_gateway_host(host)
        else:
            vfds = self._of_compute_host(host)
        return Host(number=self.number_of[host], name=self.host_name(host), vfds=vfds)

    @cached_property
    def vfds(self) -> int:
        """How many VFDs the whole cloud has."""
        routers = len({(vm.host, vm.network) for vm in self.vms})
        return self.shape.hosts + routers + 2 * self.networks

    def _of_compute_host(self, host: int) -> tuple[Vfd, ...]:
        vms = self.vms_by_host.get(host, ())
        networks = sorted({vm.network for vm in vms})
        ports = [self._uplink(host), *(self._vnic(vm) for vm in vms)]
        routers = []
        for network in networks:
            netns, whose = FIRST_VROUTER + network, (tenant_of(network),)
            for link, side in ((TO_A, SIDE_A), (TO_B, SIDE_B)):
                ports.append(self._link(host, network, link, (netns, side)))
            sides = [
                self._port(
                    host, netns, side, f"net-{'ab'[link]}", PortKind.LINK,
                    peer=(VSWITCH, link_ifindex(network, link)),
                )
                for link, side in ((TO_A, SIDE_A), (TO_B, SIDE_B))
            ]  # fmt: skip
            routers.append(
                self._vfd(
                    host,
                    netns,
                    f"vrouter-t{network}",
                    VfdKind.VROUTER,
                    tuple(sides),
                    tenants=whose,
                )
            )
        return (self._vfd(host, VSWITCH, "vswitch", VfdKind.VSWITCH, tuple(ports)), *routers)

    def _of_gateway_host(self, host: int) -> tuple[Vfd, ...]:
        gateways = self.shape.gateways
        first = host - self.shape.hosts_with_vms
        ports, others = [self._uplink(host)], []
        for network in range(first, self.networks, gateways):
            whose = (tenant_of(network),)
            for link, netns, name, kind in (
                (TO_GATEWAY, FIRST_GATEWAY + network, "gateway", VfdKind.GATEWAY),
                (TO_BALANCER, FIRST_BALANCER + network, "balancer", VfdKind.VROUTER),
            ):
                ports.append(self._link(host, network, link, (netns, INSIDE)))
                peer = (VSWITCH, link_ifindex(network, link))
                inner = [self._port(host, netns, INSIDE, "inside", PortKind.LINK, peer=peer)]
                if kind is VfdKind.GATEWAY:
                    inner.append(self._port(host, netns, EXTERNAL, "outside", PortKind.EXTERNAL))
                others.append(
                    self._vfd(host, netns, f"{name}-t{network}", kind, tuple(inner), tenants=whose)
                )
        return (self._vfd(host, VSWITCH, "vswitch", VfdKind.VSWITCH, tuple(ports)), *others)

    def _uplink(self, host: int) -> Port:
        return self._port(
            host, VSWITCH, UPLINK, "uplink0", PortKind.UPLINK, addresses=(vtep(host),)
        )

    def _vnic(self, vm: Vm) -> Port:
        mac = MAC.format(*vm.number.to_bytes(4, "big"))
        nic = Nic(
            id=f"{vm.name}-eth0",
            vm=vm.name,
            tenant=tenant_of(vm.network),
            mac=mac,
            addresses=(vm.address,),
        )
        return self._port(vm.host, VSWITCH, vm.ifindex, f"v-{vm.number}", PortKind.VNIC, nic=nic)

    def _link(self, host: int, network: int, link: int, peer: tuple[int, int]) -> Port:
        name = f"r-t{network}-{'abgl'[link]}"
        ifindex = link_ifindex(network, link)
        return self._port(host, VSWITCH, ifindex, name, PortKind.LINK, peer=peer)

    def _port(  # noqa: PLR0913 - a port's parts
        self,
        host: int,
        netns: int,
        ifindex: int,
        name: str,
        kind: PortKind,
        *,
        peer: tuple[int, int] | None = None,
        addresses: tuple[IPv4Address, ...] = (),
        nic: Nic | None = None,
    ) -> Port:
        return Port(
            host_number=self.number_of[host],
            netns=netns,
            ifindex=ifindex,
            name=name,
            kind=kind,
            peer=peer,
            addresses=addresses,
            nic=nic,
        )

    def _vfd(  # noqa: PLR0913 - a VFD's parts
        self,
        host: int,
        netns: int,
        name: str,
        kind: VfdKind,
        ports: tuple[Port, ...],
        *,
        tenants: tuple[str, ...] = (),
    ) -> Vfd:
        return Vfd(
            host_number=self.number_of[host],
            netns=netns,
            name=name,
            netns_name=f"{self.host_name(host)}.{name}",
            kind=kind,
            ports=ports,
            tenants=tenants,
        )


def tenant_of(network: int) -> str:
    """Whose a network is."""
    return f"t{network}"


def vtep(host: int) -> IPv4Address:
    """The address on the underlay of a host."""
    return IPv4Address(VTEPS + 1 + host)


def outside_address(network: int) -> IPv4Address:
    """What a network's gateway translates its VMs' addresses into."""
    return IPv4Address(OUTSIDE + network)


def link_ifindex(network: int, link: int) -> int:
    """A vSwitch's port towards one of a network's VFDs."""
    return FIRST_LINK + network * LINKS + link


def vni(network: int, subnet: int) -> int:
    """The VNI of a subnet."""
    return FIRST_VNI + network * 2 + subnet


def _networks(shape: Shape, draw: np.random.Generator) -> npt.NDArray[np.int64]:
    """Deal VMs to networks: most networks are small, a few are large, none has a single VM."""
    count = max(1, shape.vms // shape.vms_per_network)
    shares = draw.pareto(1.5, count) + 0.2
    sizes = np.maximum((shares / shares.sum() * shape.vms).astype(np.int64), 2)
    sizes = np.minimum(sizes, MOST_IN_SUBNET)
    dealt = np.repeat(np.arange(count), sizes)
    if len(dealt) < shape.vms:
        dealt = np.r_[dealt, np.arange(shape.vms - len(dealt)) % count]
    networks = draw.permutation(dealt)[: shape.vms]
    _, dense = np.unique(networks, return_inverse=True)
    return dense.astype(np.int64)


def _grouped(vms: Iterable[Vm], key: Callable[[Vm], int]) -> dict[int, tuple[Vm, ...]]:
    found: defaultdict[int, list[Vm]] = defaultdict(list)
    for vm in vms:
        found[key(vm)].append(vm)
    return {name: tuple(group) for name, group in found.items()}
