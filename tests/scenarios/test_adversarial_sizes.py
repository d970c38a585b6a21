"""Many rules in one chain, many ports on one VFD: answered all the same, and cleaned up."""

import os
import threading
import time
from contextlib import contextmanager

from dyetrace.lab import commands
from dyetrace.lab.cloud import Cloud
from dyetrace.lab.traffic import exchange
from support.attached import tcx_programs
from support.diagnosis import diagnose, eventually, explained

RULES, DROPPING = 5000, 4321
PORTS = 200


def assert_works(cloud, src, dst):
    eventually(
        lambda: exchange(cloud, src, dst, count=5).lost == 0, within_s=15, what="healthy traffic"
    )


def test_of_thousands_of_rules_the_one_that_dropped_is_named_in_seconds(clouds, store):
    cloud = clouds("three-hosts")
    netns = cloud.host("cn-1").netns["vrouter-blue"]
    assert_works(cloud, "blue-web", "blue-db")
    rules = [
        f'ip daddr 10.9.{number // 250}.{number % 250} udp dport 1 drop comment "no {number}"'
        for number in range(1, RULES + 1)
    ]
    rules[DROPPING - 1] = f'ip daddr 10.0.2.21 udp dport 5432 counter drop comment "no {DROPPING}"'
    listing = "\n".join(rules)
    head = "type filter hook forward priority 0; policy accept;"
    commands.nft(netns, f"table inet long {{\nchain c {{ {head}\n{listing}\n}}\n}}\n")
    try:
        began = time.monotonic()
        answer, seen = diagnose(cloud, "blue-web", "blue-db", store=store)
        took_s = time.monotonic() - began
    finally:
        cloud.exec(netns, ["nft", "delete", "table", "inet", "long"])

    assert seen.received == 0
    assert answer["verdict"] == "LOST", explained(answer)
    (finding,) = answer["findings"]
    assert f"no {DROPPING}" in finding["object"], explained(answer)
    assert took_s < 15, took_s
    assert_works(cloud, "blue-web", "blue-db")


@contextmanager
def crowded(cloud, count):
    """Put that many more ports on the vSwitch's bridge, with their other ends in one namespace."""
    vswitch = cloud.host("cn-1").vswitch
    crowd = vswitch.replace("vswitch", "vm-crowd")
    commands.ip(None, [f"netns add {crowd}"])
    try:
        pairs = [
            f"link add name c{number} type veth peer name eth{number} netns {crowd}"
            for number in range(count)
        ]
        commands.ip(vswitch, pairs)
        commands.ip(vswitch, [f"link set dev c{number} master br0 up" for number in range(count)])
        commands.ip(crowd, [f"link set dev eth{number} up" for number in range(count)])
        yield
    finally:
        commands.ip(None, [f"netns delete {crowd}"])


@contextmanager
def watched(look):
    """Look again and again, beside what is done meanwhile."""
    done = threading.Event()

    def watch():
        while not done.wait(0.2):
            look()

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


def test_hundreds_of_ports_on_one_vfd_are_watched_and_let_go(store):
    with Cloud.build("one-host", name=f"t{os.getpid()}-crowd", agents=True) as cloud:
        vswitch = cloud.host("cn-1").vswitch
        assert_works(cloud, "web", "db")
        with crowded(cloud, PORTS):
            most = []
            with watched(lambda: most.append(tcx_programs(vswitch))):
                answer, seen = diagnose(cloud, "web", "db", store=store)
            left = tcx_programs(vswitch)

    assert seen.lost == 0
    assert answer["verdict"] == "DELIVERED", explained(answer)
    assert answer["cost"]["probes"] > PORTS, explained(answer)
    assert max(most) > PORTS, "while it traced, programs stood at every port"
    assert left == 0, "nothing may stay attached"
