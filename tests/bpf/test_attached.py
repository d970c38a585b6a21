"""Attached to real ports, with real packets."""

import json
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import numpy as np
import pytest

from bpf.wire import RECEIVER, RECEIVER6, Wire, eventually, output, received
from dyetrace.datapath.linux.attach import PortHandle
from dyetrace.datapath.linux.btf import drop_reason_names
from dyetrace.datapath.linux.clsact import remove_leftovers
from dyetrace.datapath.linux.errors import PortVanished
from dyetrace.datapath.linux.layout import SightingFlag
from dyetrace.datapath.linux.libbpf import program_info
from dyetrace.datapath.linux.programs import Programs
from dyetrace.datapath.linux.symbols import Symbols
from dyetrace.model.filter import PacketFilter
from dyetrace.model.packet import ColorMap, Protocol
from dyetrace.model.record import Point
from dyetrace.model.task import Limits

COLOR_TOS = 43 << 2


@pytest.fixture(params=[False, True], ids=["tcx", "clsact"])
def programs(request: pytest.FixtureRequest) -> Iterator[Programs]:
    with Programs(colors=ColorMap(), uses_clsact=request.param) as programs:
        yield programs


@pytest.fixture
def tcx() -> Iterator[Programs]:
    with Programs(colors=ColorMap()) as programs:
        yield programs


def trace(programs: Programs, wire: Wire, *, packet_count: int = 1000, **wanted: Any) -> None:
    """Color at vm1, give back at vm2, watch the VFD between them."""
    programs.watch([wire.netns])
    programs.log(wire.vm2, Point.EGRESS, restore=True)
    programs.color(wire.vm1)
    programs.set_policy(
        0,
        PacketFilter(**(wanted or {"protocol": Protocol.UDP})),
        Limits(packet_count=packet_count, packets_per_second=100_000),
        [wire.vm1],
        expires_ns=time.monotonic_ns() + 60 * 10**9,
        burst_ns=60 * 10**9,
    )


def send(wire: Wire, count: int, *, size: int = 100, port: int = 9000) -> None:
    sender = wire.udp("vm1")
    for number in range(count):
        sender.sendto(number.to_bytes(4, "big") + b"x" * (size - 4), (RECEIVER, port))


class Drained:
    """Collects sightings until a claim about them holds."""

    def __init__(self, programs: Programs) -> None:
        self._programs = programs
        self.rows = programs.drain()

    def at(self, point: Point) -> Any:
        return self.rows[self.rows["point"] == point]

    def wait(self, point: Point, count: int) -> Any:
        def enough() -> bool:
            self.rows = np.concatenate([self.rows, self._programs.drain()])
            return len(self.at(point)) >= count

        eventually(enough, lambda: (self.rows, self._programs.counters()))
        return self.at(point)


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6], ids=["v4", "v6"])
def test_a_packet_is_colored_logged_and_restored(
    programs: Programs, wire: Wire, family: int
) -> None:
    trace(programs, wire, packet_count=3)
    listener, sender = wire.udp("vm2", family), wire.udp("vm1", family)
    address = RECEIVER if family == socket.AF_INET else RECEIVER6
    listener.bind((address, 9000))

    for number in range(5):
        sender.sendto(b"hello %d" % number, (address, 9000))
        assert received(listener) == (b"hello %d" % number, 0)

    drained = Drained(programs)
    colored, logged = drained.wait(Point.INGRESS, 3), drained.wait(Point.EGRESS, 3)
    assert len(colored) == len(logged) == 3
    assert set(colored["ifindex"]) == {wire.vm1.ifindex}
    assert set(logged["ifindex"]) == {wire.vm2.ifindex}
    assert set(drained.rows["netns"]) == {wire.netns}
    assert all(logged["flags"] & SightingFlag.RESTORED)
    assert programs.policy_state(0).colored == 3


def test_without_restoring_the_color_stays(programs: Programs, wire: Wire) -> None:
    trace(programs, wire)
    programs.log(wire.vm2, Point.EGRESS, restore=False)
    listener, sender = wire.udp("vm2"), wire.udp("vm1")
    listener.bind((RECEIVER, 9000))

    sender.sendto(b"hello", (RECEIVER, 9000))

    assert received(listener) == (b"hello", COLOR_TOS)
    assert len(Drained(programs).wait(Point.EGRESS, 1)) == 1  # the old program is gone


def test_a_reversed_port_takes_in_what_leaves_its_device(programs: Programs, wire: Wire) -> None:
    reversed_port = replace(wire.vm2, is_reversed=True)
    programs.color(reversed_port)
    programs.set_policy(
        0,
        PacketFilter(protocol=Protocol.UDP),
        Limits(),
        [reversed_port],
        expires_ns=time.monotonic_ns() + 60 * 10**9,
    )

    send(wire, 1)

    assert Drained(programs).wait(Point.INGRESS, 1)["ifindex"] == wire.vm2.ifindex


def test_a_bulk_transfer_arrives_intact_while_it_is_dyed(programs: Programs, wire: Wire) -> None:
    trace(programs, wire, protocol=Protocol.TCP, packet_count=10_000)
    data = bytes(range(256)) * 8000
    listener, client = wire.tcp("vm2"), wire.tcp("vm1")
    listener.bind((RECEIVER, 9000))
    listener.listen()
    got = bytearray()

    def receive() -> None:
        connection, _ = listener.accept()
        with connection:
            while chunk := connection.recv(1 << 16):
                got.extend(chunk)

    receiver = threading.Thread(target=receive)
    receiver.start()
    client.connect((RECEIVER, 9000))
    client.sendall(data)
    client.shutdown(socket.SHUT_WR)
    receiver.join(10)

    assert bytes(got) == data
    drained = Drained(programs)
    logged = drained.wait(Point.EGRESS, programs.policy_state(0).colored)
    assert logged["gso_size"].any()  # large segments were dyed as such
    assert programs.counters()["not_restored"] == 0


def test_a_drop_by_a_rule_is_recorded_with_its_reason(tcx: Programs, wire: Wire) -> None:
    trace(tcx, wire)
    wire.run("vfd", "nft add table inet t")
    wire.run("vfd", "nft add chain inet t f { type filter hook forward priority 0; }")
    wire.run("vfd", "nft add rule inet t f udp dport 9000 drop")

    send(wire, 4)

    drained = Drained(tcx)
    drops = drained.wait(Point.DROP, 4)
    assert len(drops) == 4
    assert set(drops["netns"]) == {wire.netns}
    assert {drop_reason_names()[int(reason)] for reason in drops["drop_reason"]} == {
        "NETFILTER_DROP"
    }
    symbols = Symbols()
    assert {symbols.name(int(site)) for site in drops["call_site"]} <= {
        "nft_do_chain", "nft_do_chain_inet", "nf_hook_slow",
    }  # fmt: skip
    assert len(drained.at(Point.EGRESS)) == 0


def test_a_drop_in_a_namespace_that_is_not_watched_is_not_recorded(
    tcx: Programs, wire: Wire
) -> None:
    trace(tcx, wire)
    tcx.log(wire.vm2, Point.EGRESS, restore=False)
    tcx.watch([wire.netns + 1])

    send(wire, 3, port=9)  # nobody listens there in vm2: NO_SOCKET, still colored

    drained = Drained(tcx)
    drained.wait(Point.EGRESS, 3)
    assert len(drained.at(Point.DROP)) == 0


def test_a_dyed_packet_for_nobody_is_dropped_for_want_of_a_socket(
    tcx: Programs, wire: Wire
) -> None:
    trace(tcx, wire)
    sender = wire.udp("vm1")

    sender.sendto(b"hello", ("10.99.1.1", 9))

    drop = Drained(tcx).wait(Point.DROP, 1)[0]
    assert drop_reason_names()[int(drop["drop_reason"])] == "NO_SOCKET"
    assert drop["ifindex"] == wire.vm1.ifindex
    assert drop["length"] == 20 + 8 + 5


def test_a_drop_by_a_full_queue_after_restoring_is_recorded(programs: Programs, wire: Wire) -> None:
    trace(programs, wire)
    wire.run("vfd", "tc qdisc add dev vm2 root tbf rate 8kbit burst 1600 limit 3000")

    send(wire, 12, size=1000)

    drained = Drained(programs)
    logged = drained.wait(Point.EGRESS, 12)
    drops = drained.wait(Point.DROP, 5)
    assert len(logged) == 12
    assert all(drops["flags"] & SightingFlag.RESTORED)
    assert set(drops["ifindex"]) == {wire.vm2.ifindex}
    assert drops["queue_packets"].max() > 0
    assert drops["queue_bytes"].max() > 1000
    payloads = {bytes(row["head"][28:44]) for row in logged}
    assert {bytes(row["head"][28:44]) for row in drops} < payloads


def test_an_undyed_drop_is_not_recorded(tcx: Programs, wire: Wire) -> None:
    trace(tcx, wire, dst=ip_network("192.0.2.0/24"))
    sender = wire.udp("vm1")
    sender.sendto(b"undyed", ("10.99.1.1", 9))
    sender.sendto(b"dyed", ("192.0.2.1", 9))  # no route

    drop = Drained(tcx).wait(Point.DROP, 1)

    assert len(drop) == 1
    assert bytes(drop[0]["head"][28:32]) == b"dyed"


def test_detaching_leaves_a_port_as_it_was(programs: Programs, wire: Wire) -> None:
    trace(programs, wire)

    programs.detach(wire.vm1)
    programs.detach(wire.vm2)

    send(wire, 3)
    assert len(programs.drain()) == 0
    assert "clsact" not in wire.run("vfd", "tc qdisc show")


def test_closing_leaves_nothing(wire: Wire) -> None:
    for uses_clsact in (False, True):
        with Programs(colors=ColorMap(), uses_clsact=uses_clsact) as programs:
            trace(programs, wire)
            ours = program_ids(programs)
            assert ours <= loaded_programs()
        eventually(lambda ours=ours: not ours & loaded_programs(), loaded_programs)
        assert "clsact" not in wire.run("vfd", "tc qdisc show")


def test_a_foreign_qdisc_and_filter_stay(wire: Wire) -> None:
    wire.run("vfd", "tc qdisc add dev vm1 clsact")
    wire.run("vfd", "tc filter add dev vm1 ingress prio 1 u32 match u32 0 0 flowid 1:1")

    with Programs(colors=ColorMap(), uses_clsact=True) as programs:
        programs.log(wire.vm1, Point.INGRESS)
        assert "dye_log_hop" in wire.run("vfd", "tc filter show dev vm1 ingress")

    left = wire.run("vfd", "tc filter show dev vm1 ingress")
    assert "u32" in left
    assert "dye_" not in left


OWNER = """
import sys, time
from dyetrace.datapath.linux.programs import *
port = PortHandle(netns=int(sys.argv[1]), namespace=sys.argv[2], ifindex=int(sys.argv[3]))
programs = Programs(colors=ColorMap(), uses_clsact=sys.argv[4] == "clsact")
programs.watch([port.netns])
programs.color(port)
programs.log(port, Point.EGRESS, restore=True)
from dyetrace.datapath.linux.libbpf import program_info
fds = (programs.color_program(), programs.hop_program(Point.EGRESS, restore=True),
       programs.drop_program())
print(*(program_info(fd).id for fd in fds), flush=True)
time.sleep(60)
"""


def killed_owner(port: PortHandle, way: str) -> set[int]:
    """Have another process attach to a port, kill it, and give its programs' ids."""
    arguments = [str(port.netns), str(port.namespace), str(port.ifindex), way]
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, *arguments], stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout is not None
        ids = {int(word) for word in owner.stdout.readline().split()}
        assert len(ids) == 3
        assert ids <= loaded_programs()
        owner.send_signal(signal.SIGKILL)
    return ids


def test_a_killed_owner_leaves_no_program(wire: Wire) -> None:
    ids = killed_owner(wire.vm1, "tcx")

    eventually(lambda: not ids & loaded_programs(), lambda: output("bpftool", "link"))


def test_what_a_killed_owner_leaves_without_tcx_is_removed_at_the_next_start(wire: Wire) -> None:
    ids = killed_owner(wire.vm1, "clsact")
    assert "dye_" in wire.run("vfd", "tc filter show dev vm1 ingress")

    assert remove_leftovers([wire.path("vfd"), "/run/netns/long-gone"]) == 2

    eventually(lambda: not ids & loaded_programs(), lambda: output("bpftool", "prog"))


def test_a_full_ring_is_counted(wire: Wire) -> None:
    with Programs(colors=ColorMap(), ring_bytes=4096) as programs:
        trace(programs, wire)

        send(wire, 40)

        eventually(lambda: programs.policy_state(0).colored == 40, programs.counters)
        eventually(lambda: recorded(programs) == 80, programs.counters)
        counters = programs.counters()
        assert counters["ring_full"] > 0
        assert len(programs.drain()) == counters["recorded"]


def recorded(programs: Programs) -> int:
    counters = programs.counters()
    return counters["recorded"] + counters["ring_full"]


def test_the_ring_wraps_without_losing_or_mixing_anything(wire: Wire) -> None:
    with Programs(colors=ColorMap(), ring_bytes=4096) as programs:
        trace(programs, wire)
        drained = Drained(programs)

        for number in range(50):
            send(wire, 1, size=20 + number)
            drained.wait(Point.EGRESS, number + 1)

        lengths = [int(row["length"]) for row in drained.at(Point.EGRESS)]
        assert lengths == [28 + 20 + number for number in range(50)]


def test_the_ring_can_be_waited_for(tcx: Programs, wire: Wire) -> None:
    trace(tcx, wire)
    poll = select.epoll()
    poll.register(tcx.fileno(), select.EPOLLIN)
    assert poll.poll(0) == []

    send(wire, 1)

    assert poll.poll(10) != []
    poll.close()


def test_a_port_that_has_vanished_is_reported_as_such(programs: Programs, wire: Wire) -> None:
    with pytest.raises(PortVanished, match="discover ports again"):
        programs.color(replace(wire.vm1, ifindex=99999))
    with pytest.raises(PortVanished):
        programs.log(replace(wire.vm1, namespace="/run/netns/long-gone"), Point.INGRESS)


def test_a_port_may_vanish_while_it_is_attached(programs: Programs, wire: Wire) -> None:
    trace(programs, wire)
    wire.run("vfd", "ip link del vm2")

    programs.detach(wire.vm2)

    send(wire, 1)
    assert len(Drained(programs).wait(Point.INGRESS, 1)) == 1


def program_ids(programs: Programs) -> set[int]:
    fds = (
        programs.color_program(),
        programs.hop_program(Point.EGRESS, restore=True),
        programs.drop_program(),
    )
    return {int(program_info(fd).id) for fd in fds}


def loaded_programs() -> set[int]:
    return {int(each["id"]) for each in json.loads(output("bpftool", "-j", "prog", "show"))}
