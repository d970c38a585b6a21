from dyetrace.inventory.overlay import apply_inventory
from dyetrace.model.topology import Host, Nic, Port, PortKind
from support.builders import SWITCH, TO_ROUTER, TO_VM, a_host, a_nic

PLACE = ("cn-1", "cn-1.vswitch")


def the_port(host: Host, ifindex: int) -> Port:
    return next(
        port for vfd in host.vfds for port in vfd.ports if port.key[1:] == (SWITCH, ifindex)
    )


def test_the_inventorys_names_win() -> None:
    host = a_host(1, "web", "10.0.0.1")
    known = a_nic("vm-42", "10.9.9.9", tenant="green")

    port = the_port(apply_inventory(host, {(*PLACE, f"p{TO_VM}"): known}), TO_VM)

    assert port.nic == known


def test_what_the_inventory_leaves_empty_stays_as_discovered() -> None:
    host = a_host(1, "web", "10.0.0.1")

    named = apply_inventory(host, {(*PLACE, f"p{TO_VM}"): Nic(id="nic-1", vm="vm-42")})

    nic, seen = the_port(named, TO_VM).nic, the_port(host, TO_VM).nic
    assert (nic.id, nic.vm) == ("nic-1", "vm-42")
    assert (nic.tenant, nic.addresses) == (seen.tenant, seen.addresses)


def test_a_port_the_inventory_knows_is_a_vnics_whatever_it_looked_like() -> None:
    host = a_host(1, "web", "10.0.0.1")
    vpn = a_nic("appliance")

    port = the_port(apply_inventory(host, {(*PLACE, f"p{TO_ROUTER}"): vpn}), TO_ROUTER)

    assert (port.kind, port.peer, port.nic.vm) == (PortKind.VNIC, None, "appliance")


def test_what_the_inventory_does_not_know_is_left_alone() -> None:
    host = a_host(1, "web", "10.0.0.1")

    assert apply_inventory(host, {("cn-1", "elsewhere", "p0"): a_nic("x")}) == host
