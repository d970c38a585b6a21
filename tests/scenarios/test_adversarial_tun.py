"""Packets that a program takes out of a VFD, and maybe puts back: nobody is accused."""

import fcntl
import os
import select
import struct
import threading
from contextlib import contextmanager

import pytest

from dyetrace.lab import commands
from dyetrace.lab.namespaces import inside
from dyetrace.lab.traffic import exchange
from support.diagnosis import diagnose, eventually, explained, filter_of, trace_while

SRC, DST = "blue-web", "blue-db"
TUN = "tun9"
ROOM = 500  # packets that a tun device keeps for its reader
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000


class Forwarder:
    """A program that writes whatever it reads from a tun device back into it."""

    def __init__(self, netns):
        self._handle = inside(netns, opened)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stall(self):
        """Read no more, but keep the device."""
        self._ended.set()
        self._thread.join()

    def kill(self):
        """End: the device stays, and nobody holds it."""
        self.stall()
        os.close(self._handle)

    def _run(self):
        while not self._ended.is_set():
            if select.select([self._handle], [], [], 0.05)[0]:
                os.write(self._handle, os.read(self._handle, 65536))


def opened():
    handle = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(handle, TUNSETIFF, struct.pack("16sH22x", TUN.encode(), IFF_TUN | IFF_NO_PI))
    return handle


@contextmanager
def through_a_program(cloud):
    """Route the receiver's packets through a tun device of cn-1's vRouter, and back."""
    netns, to_db = cloud.host("cn-1").netns["vrouter-blue"], cloud.vm(DST).address(4)
    commands.ip(
        netns,
        [
            f"tuntap add dev {TUN} mode tun",
            f"link set dev {TUN} up",
            f"rule add iif net-a to {to_db} lookup 77 pref 100",
            f"route add default dev {TUN} table 77",
        ],
    )
    forwarder = Forwarder(netns)
    try:
        yield forwarder
    finally:
        forwarder.stall()
        rule = f"rule del iif net-a to {to_db} lookup 77 pref 100"
        commands.ip(netns, [rule, f"link del dev {TUN}"])


def assert_works(cloud):
    eventually(
        lambda: exchange(cloud, SRC, DST, count=5).lost == 0, within_s=15, what="healthy traffic"
    )


@pytest.mark.parametrize("works", [True, False], ids=["sends them on", "has stalled"])
def test_what_a_program_does_with_packets_is_not_known(clouds, store, works):
    cloud = clouds("three-hosts")
    wanted = filter_of(cloud, SRC, DST, protocol="udp", family=4)
    assert_works(cloud)
    with through_a_program(cloud) as forwarder:
        assert_works(cloud)
        if not works:
            forwarder.stall()
        answer, seen = trace_while(
            cloud, wanted, store=store, packets=20,
            send=lambda: exchange(cloud, SRC, DST, count=20),
        )  # fmt: skip

    assert (seen.lost == 0) is works
    assert answer["verdict"] == "UNDETERMINED", explained(answer)
    assert (answer["lost"], answer["findings"]) == (0, []), explained(answer)
    assert [unknown["code"] for unknown in answer["undetermined"]] == ["OUT_OF_SCOPE"]
    assert f"by {TUN} at vrouter-blue on host cn-1" in answer["summary"], answer["summary"]
    assert_works(cloud)


def test_what_a_program_has_no_room_for_is_lost_there(clouds, store):
    cloud = clouds("three-hosts")
    assert_works(cloud)
    with through_a_program(cloud) as forwarder:
        assert_works(cloud)
        forwarder.stall()
        exchange(cloud, SRC, DST, count=ROOM + 50, interval=0.0005)
        answer, seen = diagnose(cloud, SRC, DST, store=store)

    assert seen.received == 0
    assert answer["verdict"] == "LOST", explained(answer)
    (finding,) = answer["findings"]
    assert (finding["code"], finding["object"]) == ("TAP_RING_FULL", TUN), explained(answer)
    assert (finding["host"], finding["vfd"]) == ("cn-1", "vrouter-blue"), explained(answer)


def test_packets_for_a_program_that_has_ended_are_lost_there(clouds, store):
    cloud = clouds("three-hosts")
    assert_works(cloud)
    with through_a_program(cloud) as forwarder:
        assert_works(cloud)
        forwarder.kill()
        answer, seen = diagnose(cloud, SRC, DST, store=store)

    assert seen.received == 0
    assert answer["verdict"] == "LOST", explained(answer)
    (finding,) = answer["findings"]
    assert (finding["host"], finding["vfd"]) == ("cn-1", "vrouter-blue"), explained(answer)
    assert TUN in finding["object"], explained(answer)
    assert_works(cloud)
