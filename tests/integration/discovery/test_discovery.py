"""What discovery makes of real namespaces."""

import sys
import threading
from ipaddress import ip_address
from pathlib import Path

import pytest

from dyetrace.datapath.linux.discovery import Discovered, discover
from dyetrace.datapath.linux.errors import NamespaceVanished
from dyetrace.datapath.linux.namespaces import Scope
from dyetrace.model.topology import Host, Port, PortKind, VfdKind
from support.net import NAMES, Net, eventually, ports_by_name, run

TAP_HOLDER = """
import fcntl, os, struct, sys, time
tun = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(tun, 0x400454CA, struct.pack("16sH22x", b"tap0", 0x0002 | 0x1000))
print("ready", flush=True)
time.sleep(600)
"""


def look(net: Net, *roles: str) -> Discovered:
    scope = Scope(names=tuple(net.name(role) for role in roles) or (f"{net.prefix}*",))
    return discover(scope, host_number=7, host_name="cn-7")


def a_bridge_host(net: Net) -> None:
    """host: br0 with VMs web and db."""
    net.add("host")
    net.ip("host", "link add name br0 type bridge", "link set dev br0 up")
    net.vm("web", port="v-web", on="host", address="10.0.0.1/24")
    net.vm("db", port="v-db", on="host", address="10.0.0.2/24")
    net.ip("host", "link set dev v-web master br0", "link set dev v-db master br0")


def mac_of(net: Net, role: str, device: str = "eth0") -> str:
    return net.exec(role, "cat", f"/sys/class/net/{device}/address").strip()


def test_a_bridge_with_two_vms_is_a_vswitch_with_two_vnic_ports(net: Net) -> None:
    a_bridge_host(net)

    with look(net) as found:
        (vfd,) = found.host.vfds

    assert (vfd.name, vfd.kind, vfd.netns_name) == ("host", VfdKind.VSWITCH, net.name("host"))
    ports = ports_by_name(found.host)
    assert {name: port.kind for name, port in ports.items()} == {
        "v-web": PortKind.VNIC,
        "v-db": PortKind.VNIC,
    }
    nic = ports["v-web"].nic
    assert (nic.id, nic.vm, nic.mac) == ("web/eth0", "web", mac_of(net, "web"))
    assert ip_address("10.0.0.1") in nic.addresses
    assert found.notes == ()


def test_endpoints_with_the_same_ifindex_are_told_apart(net: Net) -> None:
    a_bridge_host(net)

    with look(net) as found:
        ports = ports_by_name(found.host)

    # Namespaces count ifindexes for themselves, so both have the same.
    assert run("ip", "netns", "exec", net.name("web"), "cat", "/sys/class/net/eth0/ifindex") == run(
        "ip", "netns", "exec", net.name("db"), "cat", "/sys/class/net/eth0/ifindex"
    )
    assert ports["v-web"].nic.mac == mac_of(net, "web")
    assert ports["v-db"].nic.mac == mac_of(net, "db")


def test_a_router_with_vxlan_has_links_and_an_uplink_with_the_vtep(net: Net) -> None:
    net.add("fabric", "switch", "router")
    net.ip(
        "switch",
        "link add name br0 type bridge",
        "link set dev br0 up",
        "link add name uplink0 type veth peer name to-switch netns {fabric}",
        "address add 172.31.0.1/24 dev uplink0",
        "link set dev uplink0 up",
        "route add default via 172.31.0.254",
        "link add name vx7 type vxlan id 7 local 172.31.0.1 dstport 4789",
        "link set dev vx7 master br0 up",
        "link add name r-a type veth peer name net-a netns {router}",
        "link set dev r-a master br0 up",
        "link add name r-b type veth peer name net-b netns {router}",
        "link set dev r-b master br0 up",
    )
    net.ip("router", "link set dev net-a up", "link set dev net-b up")
    net.sysctl("switch", ipv4__ip_forward=1)
    net.sysctl("router", ipv4__ip_forward=1)

    with look(net, "switch", "router") as found:
        vfds = {vfd.name: vfd for vfd in found.host.vfds}
        ports = ports_by_name(found.host)

    assert {name: vfd.kind for name, vfd in vfds.items()} == {
        "switch": VfdKind.VSWITCH,
        "router": VfdKind.VROUTER,
    }
    assert {name: port.kind for name, port in ports.items()} == {
        "uplink0": PortKind.UPLINK,
        "r-a": PortKind.LINK,
        "r-b": PortKind.LINK,
        "net-a": PortKind.LINK,
        "net-b": PortKind.LINK,
    }
    assert ports["uplink0"].addresses == (ip_address("172.31.0.1"),)
    for here, there in (("r-a", "net-a"), ("net-a", "r-a"), ("r-b", "net-b"), ("net-b", "r-b")):
        assert ports[here].peer == (ports[there].netns, ports[there].ifindex)


def test_a_gateways_default_route_leads_outside(net: Net) -> None:
    net.add("gateway", "inside", "internet")
    net.ip(
        "gateway",
        "link add name net-a type veth peer name eth0 netns {inside}",
        "link add name ext0 type veth peer name to-gw netns {internet}",
        "address add 10.0.0.254/24 dev net-a",
        "address add 203.0.113.2/24 dev ext0",
        "link set dev net-a up",
        "link set dev ext0 up",
        "route add default via 203.0.113.1",
    )
    net.sysctl("gateway", ipv4__ip_forward=1)

    with look(net, "gateway", "inside") as found:
        (vfd,) = found.host.vfds
        ports = ports_by_name(found.host)

    assert vfd.kind is VfdKind.GATEWAY
    assert ports["ext0"].kind is PortKind.EXTERNAL
    assert ports["net-a"].kind is PortKind.VNIC


def test_an_ipv6_default_route_by_a_policy_rule_leads_outside(net: Net) -> None:
    net.add("gateway", "internet")
    net.ip(
        "gateway",
        "link add name ext0 type veth peer name to-gw netns {internet}",
        "link add name net-a type veth peer name net-b",
        "address add 2001:db8::2/64 dev ext0 nodad",
        "link set dev ext0 up",
        "link set dev net-a up",
        "link set dev net-b up",
        "route add default via 2001:db8::1 dev ext0 table 77",
    )
    net.exec("gateway", "ip", "-6", "rule", "add", "table", "77", "priority", "77")
    net.sysctl("gateway", ipv6__conf__all__forwarding=1)

    with look(net, "gateway") as found:
        ports = ports_by_name(found.host)

    assert {name: port.kind for name, port in ports.items()} == {"ext0": PortKind.EXTERNAL}


def test_srv6_makes_an_underlay_and_its_sids_are_the_uplinks(net: Net) -> None:
    net.add("host", "fabric")
    net.ip(
        "host",
        "link add name eth0 type veth peer name to-host netns {fabric}",
        "link add name net-a type veth peer name net-b",
        "address add fc00:1::1/64 dev eth0 nodad",
        "link set dev eth0 up",
        "link set dev net-a up",
        "link set dev net-b up",
        "route add fc00:1::d4 encap seg6local action End.DX4 nh4 10.0.0.1 dev eth0",
        "route add default via fc00:1::ff",
    )
    net.sysctl("host", ipv6__conf__all__forwarding=1)

    with look(net, "host") as found:
        port = ports_by_name(found.host)["eth0"]

    assert port.kind is PortKind.UPLINK
    assert ip_address("fc00:1::d4") in port.addresses


def test_a_tap_is_named_after_the_vm_that_holds_it(net: Net) -> None:
    net.add("host")
    net.ip("host", "link add name br0 type bridge", "link set dev br0 up")
    command = f'exec -a qemu-system-x86_64 {sys.executable} -c "$0" -name guest=web-1,debug=on'
    net.start("bash", "-c", command, TAP_HOLDER, role="host")
    mac = "52:54:00:00:00:01"
    net.ip(
        "host",
        "link set dev tap0 master br0 up",
        f"neighbour add 10.0.0.5 lladdr {mac} dev br0",
    )
    net.exec("host", "bridge", "fdb", "replace", mac, "dev", "tap0", "master", "static")

    with look(net) as found:
        port = ports_by_name(found.host)["tap0"]

    assert port.kind is PortKind.VNIC
    assert (port.nic.id, port.nic.vm, port.nic.mac) == ("tap0", "web-1", mac)
    assert port.nic.addresses == (ip_address("10.0.0.5"),)


def test_a_tap_nobody_holds_is_left_out_and_noted(net: Net) -> None:
    a_bridge_host(net)
    net.ip("host", "tuntap add name tap9 mode tap", "link set dev tap9 up")

    with look(net) as found:
        assert "tap9" not in ports_by_name(found.host)

    assert any("tap9" in note for note in found.notes)


def test_a_macvtap_is_a_reversed_vnic_port(net: Net) -> None:
    net.add("host", "fabric")
    net.ip(
        "host",
        "link add name eth0 type veth peer name to-host netns {fabric}",
        "link set dev eth0 up",
        "link add link eth0 name macvtap0 type macvtap mode bridge",
        "link set dev macvtap0 up",
    )

    with look(net, "host") as found:
        ports = ports_by_name(found.host)

    assert (ports["macvtap0"].kind, ports["macvtap0"].is_reversed) == (PortKind.VNIC, True)
    assert ports["macvtap0"].nic.mac == mac_of(net, "host", "macvtap0")
    assert ports["eth0"].kind is PortKind.UPLINK


def test_a_tun_has_no_link_layer(net: Net) -> None:
    a_bridge_host(net)
    holder = TAP_HOLDER.replace("0x0002", "0x0001").replace("tap0", "tun0")
    net.start(sys.executable, "-c", holder, role="host")

    with look(net) as found:
        port = ports_by_name(found.host)["tun0"]

    assert (port.kind, port.has_link_layer) == (PortKind.VNIC, False)
    assert port.nic.vm.startswith("python")


def test_a_container_without_a_name_is_found_by_its_process_and_called_by_its_host_name(
    net: Net,
) -> None:
    net.add("host")
    net.ip("host", "link add name br0 type bridge", "link set dev br0 up")
    pid = net.start(
        "unshare", "--net", "--uts", "sh", "-c", "hostname pod-a; echo ready; exec sleep 600"
    )
    net.ip(
        "host",
        f"link add name v-pod type veth peer name eth0 netns {pid}",
        "link set dev v-pod master br0 up",
    )

    with discover(Scope(), host_number=7, host_name="cn-7") as found:
        port = ports_by_name_in(found.host, net.name("host"))["v-pod"]

    assert (port.kind, port.nic.vm, port.nic.id) == (PortKind.VNIC, "pod-a", "pod-a/eth0")


def test_the_hosts_own_namespace_is_looked_at_unless_the_scope_says_otherwise(net: Net) -> None:
    a_bridge_host(net)
    own = Path("/proc/self/ns/net").stat().st_ino

    with discover(Scope(), host_number=7, host_name="cn-7") as everything, look(net) as some:
        assert own in everything.netns
        assert own not in some.netns


def test_vfds_can_be_entered_after_their_name_is_gone_endpoints_cannot(net: Net) -> None:
    a_bridge_host(net)
    with look(net) as found:
        host = next(each for each in found.netns.values() if each.name == net.name("host"))
        web = next(each for each in found.netns.values() if each.name == net.name("web"))
        net.delete("host", "web")

        assert "br0" in host.run(lambda: run("ip", "-brief", "link"))
        with pytest.raises(NamespaceVanished):
            web.run(lambda: None)
        found.close()
        with pytest.raises(NamespaceVanished):
            host.run(lambda: None)


def test_what_is_held_does_not_keep_a_deleted_containers_veth_alive(net: Net) -> None:
    a_bridge_host(net)
    with look(net):
        net.delete("web")

        eventually(lambda: "v-web" not in net.exec("host", "ip", "-brief", "link"), dump=net.dump)


def test_a_name_without_a_namespace_is_noted(net: Net) -> None:
    a_bridge_host(net)
    stale = NAMES / net.name("stale")
    stale.touch()
    try:
        with look(net) as found:
            assert len(found.host.vfds) == 1
    finally:
        stale.unlink()

    assert any(stale.name in note and "left over" in note for note in found.notes)


def test_a_scope_that_matches_nothing_says_so(net: Net) -> None:
    with look(net, "nowhere") as found:
        assert found.host.vfds == ()

    assert any("no namespace has a name like" in note for note in found.notes)


def test_a_router_with_very_many_routes_is_not_searched_for_srv6(net: Net) -> None:
    net.add("router")
    net.ip(
        "router",
        "link add name a type veth peer name b",
        "link set dev a up",
        "link set dev b up",
        *(f"route add 10.{high}.{low}.0/24 dev a" for high in range(10) for low in range(205)),
    )
    net.sysctl("router", ipv4__ip_forward=1)

    with look(net) as found:
        assert found.host.vfds[0].kind is VfdKind.VROUTER

    assert any("not searched for SRv6" in note for note in found.notes)


def test_devices_and_namespaces_may_come_and_go_meanwhile(net: Net) -> None:
    a_bridge_host(net)
    stop = threading.Event()

    def churn() -> None:
        while not stop.is_set():
            net.ip(
                "host",
                "link add name c0 type veth peer name c1",
                "link set dev c0 master br0 up",
                "link delete dev c0",
            )
            net.vm("guest", port="v-guest", on="host")
            net.delete("guest")
            eventually(
                lambda: "v-guest" not in net.exec("host", "ip", "-brief", "link"), dump=net.dump
            )

    thread = threading.Thread(target=churn)
    thread.start()
    try:
        for _ in range(20):
            with look(net) as found:
                kinds = {name: port.kind for name, port in ports_by_name(found.host).items()}
                assert kinds["v-web"] is kinds["v-db"] is PortKind.VNIC
    finally:
        stop.set()
        thread.join()


def test_the_main_thread_never_leaves_its_namespace(net: Net) -> None:
    a_bridge_host(net)
    before = Path("/proc/self/ns/net").stat().st_ino

    with look(net):
        pass

    assert Path("/proc/self/ns/net").stat().st_ino == before


def test_nothing_stays_open_after_closing(net: Net) -> None:
    a_bridge_host(net)
    look(net).close()  # so that what is opened once and for all is open
    before = open_files()

    look(net).close()

    assert open_files() == before


def open_files() -> set[str]:
    return {each.name for each in Path("/proc/self/fd").iterdir()}


def ports_by_name_in(host: Host, netns_name: str) -> dict[str, Port]:
    return {
        port.name: port for vfd in host.vfds if vfd.netns_name == netns_name for port in vfd.ports
    }
