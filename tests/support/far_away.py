"""A network of its own for one process, that a cable joins to ours: the cable can be cut."""

import os
from itertools import count

from support.net import run

_numbers = count(1)
MOST = 64  # of one process: processes that run beside each other have pids near each other
PLACES = 2**15  # /30 networks in 198.18.0.0/15, which RFC 2544 keeps for tests of networks
SILENCE = """
table inet cut {
    chain incoming { type filter hook prerouting priority raw; policy drop; }
    chain outgoing { type filter hook output priority raw; policy drop; }
}
"""
NO_NEW_ONES = """
table inet cut {
    chain outgoing {
        type filter hook output priority raw
        tcp flags syn / syn,ack drop
    }
}
"""


class FarAway:
    """A namespace with one cable to the namespace of the tests; both are gone at the end."""

    def __init__(self) -> None:
        number = next(_numbers)
        place = (os.getpid() * MOST + number) % PLACES * 4
        network = (198 << 24) + (18 << 16) + place
        self.here, self.there = (
            ".".join(map(str, (network + last).to_bytes(4, "big"))) for last in (1, 2)
        )
        self.netns = f"far{os.getpid()}-{number}"
        self._cable = f"f{os.getpid()}-{number}"
        run("ip", "netns", "add", self.netns)
        try:
            peer = ("type", "veth", "peer", "cable", "netns", self.netns)
            run("ip", "link", "add", self._cable, *peer)
            run("ip", "address", "add", f"{self.here}/30", "dev", self._cable)
            run("ip", "link", "set", self._cable, "up")
            self._ip(
                f"address add {self.there}/30 dev cable", "link set lo up", "link set cable up"
            )
        except BaseException:
            self.remove()
            raise

    def argv(self, *argv: str) -> tuple[str, ...]:
        """What runs a program there; with the mounts of here."""
        return ("nsenter", f"--net=/run/netns/{self.netns}", "--", *argv)

    def pull_out(self) -> None:
        """Pull the cable out, there."""
        self._ip("link set cable down")

    def plug_in(self) -> None:
        """Plug it in again."""
        self._ip("link set cable up")

    def fall_silent(self) -> None:
        """Drop every packet, both ways, as a broken switch does: nobody is told."""
        self._nft(SILENCE)

    def refuse_new_connections(self) -> None:
        """Let connections go on that there are, and no new one begin."""
        self._nft(NO_NEW_ONES)

    def speak_again(self) -> None:
        """Undo either."""
        self._nft("delete table inet cut")

    def remove(self) -> None:
        """Take it away, and the cable with it; what runs there keeps its network until it ends."""
        run("ip", "link", "delete", self._cable, check=False)
        run("ip", "netns", "delete", self.netns, check=False)

    def _ip(self, *lines: str) -> None:
        run("ip", "-netns", self.netns, "-batch", "-", stdin="\n".join(lines) + "\n")

    def _nft(self, ruleset: str) -> None:
        run(*self.argv("nft", "-f", "-"), stdin=ruleset)
