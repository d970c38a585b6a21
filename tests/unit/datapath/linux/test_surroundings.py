"""What stands around a place of loss."""

from dataclasses import dataclass, field
from typing import Any

from dyetrace.datapath.linux.surroundings import with_surroundings
from dyetrace.model.site import BridgePort, Link, SiteEvidence, Tunnel

BRIDGE, WEB, DB, VXLAN, UPLINK = 1, 2, 3, 4, 5
NAMES = {BRIDGE: "br0", WEB: "tap1", DB: "tap2", VXLAN: "vx7", UPLINK: "uplink0"}


class Address(dict[str, int]):
    """An address, as pyroute2 gives it."""


class Kernel:
    """Has an address on the uplink."""

    def get_addr(self) -> tuple[Address, ...]:
        return (Address(index=UPLINK),)


@dataclass
class FakeDevices:
    """A bridge with two VMs and a tunnel, and an uplink."""

    down: frozenset[int] = frozenset()
    isolated: frozenset[int] = frozenset()
    with_entries: frozenset[int] = frozenset({WEB, DB, VXLAN})
    vni: int = 7
    ports: tuple[int, ...] = field(default=(WEB, DB, VXLAN))

    def all(self) -> tuple[int, ...]:
        return tuple(NAMES)

    def name(self, index: int) -> str:
        return NAMES[index]

    def kind(self, index: int) -> str:
        return {BRIDGE: "bridge", VXLAN: "vxlan"}.get(index, "veth")

    def bridge(self, index: int) -> int:
        return BRIDGE if index in {BRIDGE, *self.ports} else 0

    def ports_of(self, bridge: int) -> tuple[int, ...]:
        return self.ports if bridge == BRIDGE else ()

    def ports_with_entries(self, bridge: int) -> frozenset[int]:
        return self.with_entries if bridge == BRIDGE else frozenset()

    def state(self, index: int) -> Link:
        return Link(name=NAMES[index], is_up=index not in self.down)

    def bridge_port(self, index: int) -> BridgePort:
        return BridgePort(
            name=NAMES[index],
            state="disabled" if index in self.down else "forwarding",
            is_isolated=index in self.isolated,
        )

    def detail(self, index: int, attribute: str) -> int | None:
        return self.vni if (index, attribute) == (VXLAN, "IFLA_VXLAN_ID") else None

    def link(self, index: int) -> None:
        del index


def around(*, knows_way_out: bool = False, came_in_by: int = WEB, **state: Any) -> SiteEvidence:
    devices: Any = FakeDevices(**{name: frozenset(value) for name, value in state.items()})
    kernel: Any = Kernel()
    return with_surroundings(
        SiteEvidence(),
        kernel,
        devices,
        concerned=(came_in_by,),
        came_in_by=came_in_by,
        knows_way_out=knows_way_out,
    )


def test_a_port_that_is_down_and_has_entries_may_have_been_the_way_out() -> None:
    found = around(down={VXLAN})

    assert [port.name for port in found.closed_ports] == ["vx7"]
    assert [link.name for link in found.idle_links] == ["vx7"]


def test_a_port_without_entries_is_nobodys_way_out() -> None:
    assert around(down={DB}, with_entries={VXLAN}).closed_ports == ()


def test_isolated_ports_are_closed_to_each_other_only() -> None:
    assert [port.name for port in around(isolated={WEB, DB}).closed_ports] == ["tap2"]
    assert around(isolated={DB}).closed_ports == ()


def test_where_the_way_out_is_known_no_other_port_is_suspected() -> None:
    found = around(down={VXLAN}, knows_way_out=True)

    assert found.closed_ports == ()
    assert found.idle_links == ()


def test_a_dead_device_with_an_address_is_told_of() -> None:
    assert [link.name for link in around(down={UPLINK}).idle_links] == ["uplink0"]
    assert around().idle_links == ()


def test_tunnels_are_told_of_with_their_vni_and_state() -> None:
    assert around(down={VXLAN}).tunnels == (Tunnel(name="vx7", vni=7, is_up=False),)
