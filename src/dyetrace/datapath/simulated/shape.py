"""How large a simulated cloud is, and how unreliable what it tells."""

from dataclasses import dataclass

MOST_HOSTS = 200_000  # VTEPs are of 172.16.0.0/12
MOST_IN_SUBNET = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """All that a cloud is generated from: the same shape gives the same cloud, everywhere."""

    hosts: int = 10
    vms: int = 100
    vms_per_network: int = 10  # on average; a few are large
    regions: int = 2
    hosts_per_gateway: int = 100  # every region has at least one
    seed: int = 1

    def __post_init__(self) -> None:
        """Refuse what cannot be a cloud."""
        if not 2 <= self.hosts <= MOST_HOSTS:  # noqa: PLR2004 - one is a gateway
            raise ValueError(f"a cloud of {self.hosts} hosts: take 2 to {MOST_HOSTS}")
        if self.vms < self.hosts_with_vms:
            raise ValueError(f"{self.vms} VMs on {self.hosts} hosts: take one a host at least")
        if not 1 <= self.regions <= self.hosts // 2:
            raise ValueError(f"{self.regions} regions of {self.hosts} hosts: take fewer")
        if not 2 <= self.vms_per_network <= MOST_IN_SUBNET:  # noqa: PLR2004 - a flow has two ends
            raise ValueError(f"{self.vms_per_network} VMs a network: take 2 to {MOST_IN_SUBNET}")

    @property
    def gateways(self) -> int:
        """How many hosts are gateways: a part of each region's."""
        return self.regions * max(1, self.hosts // self.regions // self.hosts_per_gateway)

    @property
    def hosts_with_vms(self) -> int:
        """How many hosts are not gateways."""
        return self.hosts - self.gateways


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreliable:
    """What goes wrong with records and clocks, not with packets."""

    records_lost: float = 0.0  # share that the ring had no room for; counted, as the kernel does
    records_late: float = 0.0  # share that comes late_s later
    late_s: float = 1.0
    clock_skew_s: float = 0.0  # hosts' clocks differ by up to this, either way

    def __post_init__(self) -> None:
        """Refuse shares that are none."""
        for name in ("records_lost", "records_late"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} {getattr(self, name)} is not a share: take 0 to 1")
