"""Whatever arrives, programs carry on, and change nothing that is not theirs."""

import random

import pytest
from scapy.layers.l2 import Dot1Q

from bpf.bench import FRAME, Bench, dyed, framed
from bpf.test_log_hop import CARRIED, TENANT4, TENANT6
from dyetrace.model.packet import Protocol
from dyetrace.model.record import Point

SHORTEST = 15  # the kernel takes no frames without content for test runs
# Nor any that begin like IP and have no full header: a VLAN tag gets those past it.
TAGGED = FRAME / Dot1Q(vlan=5)
LONGEST_NOISE = 300
IP_HEADER = 40
RANDOM_PACKETS = 3000


@pytest.mark.parametrize("tenant", [TENANT4, TENANT6], ids=["v4", "v6"])
@pytest.mark.parametrize("carrier", CARRIED)
def test_a_packet_cut_anywhere_is_survived(bench: Bench, carrier: str, tenant: object) -> None:
    whole = framed(TAGGED / CARRIED[carrier][1](dyed(tenant)))  # type: ignore[arg-type]

    for length in range(SHORTEST, len(whole)):
        cut = whole[:length]
        assert bench.hop(cut) == cut
        assert len(bench.hop(cut, restore=True)) == length
    for row in bench.programs.drain():
        assert row["head_length"] <= row["length"] <= len(whole)
        assert row["inner_offset"] < row["head_length"]


def test_random_packets_are_survived_and_only_looked_at(bench: Bench) -> None:
    random.seed(1)
    bench.policy(protocol=Protocol.SCTP, dst_port=1)
    starts = [framed(TAGGED / carry(dyed(TENANT4))) for _, carry in CARRIED.values()]
    for number in range(RANDOM_PACKETS):
        packet = bytearray(random.choice(starts)[: random.randint(SHORTEST, 200)])
        for _ in range(random.randint(0, 8)):
            at = random.randrange(14, len(packet))
            packet[at] = random.choice((0, 0xFF, random.randrange(256)))
        before = bytes(packet)
        point = Point.INGRESS if number % 2 else Point.EGRESS
        assert bench.hop(before, point) == before
        assert len(bench.hop(before, restore=True)) == len(before)
        assert len(bench.color(before)) == len(before)


def test_pure_noise_is_survived(bench: Bench) -> None:
    random.seed(2)
    for ether_type in (0x0800, 0x86DD, 0x8100, 0x88A8, 0x1234):
        shortest = IP_HEADER if ether_type in {0x0800, 0x86DD} else 1
        for _ in range(300):
            noise = random.randbytes(random.randint(shortest, LONGEST_NOISE))
            frame = bytes(FRAME)[:12] + ether_type.to_bytes(2, "big") + noise
            assert bench.hop(frame) == frame
            assert len(bench.hop(frame, restore=True)) == len(frame)
