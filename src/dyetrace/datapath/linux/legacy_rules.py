"""Which rules of iptables-legacy can have dropped a packet: nft does not show them.

Read as `iptables-legacy-save` writes them. As with nft's, a rule is cleared only by
what is certain.
"""

import shlex
import shutil
import subprocess
from collections.abc import Iterator
from ipaddress import ip_network

from dyetrace.datapath.linux.ruleset import PROGRAM_PATH
from dyetrace.datapath.linux.suspects import IPV6, MOST_RULES, Passage
from dyetrace.model.packet import FiveTuple, protocol_name
from dyetrace.model.site import SecurityRule

REFUSING = frozenset({"DROP", "REJECT"})
CHAINS = {
    Passage.FORWARDED: frozenset({"PREROUTING", "FORWARD", "POSTROUTING"}),
    Passage.DELIVERED: frozenset({"PREROUTING", "INPUT"}),
    Passage.BRIDGED: frozenset({"PREROUTING", "FORWARD", "POSTROUTING"}),
    Passage.TUNNELLED: frozenset({"PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"}),
}
BUILT_IN = frozenset({"PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"})
ADDRESSES = {"-s": "src", "-d": "dst"}
PORTS = {"--sport": "src_port", "--dport": "dst_port"}


def legacy_listing(version: int, *, within_s: float) -> str:
    """List the rules of this thread's namespace; raises OSError or TimeoutError."""
    name = "ip6tables-legacy-save" if version == IPV6 else "iptables-legacy-save"
    program = shutil.which(name, path=PROGRAM_PATH)
    if program is None:
        raise FileNotFoundError(f"{name} is not installed")
    try:
        done = subprocess.run(
            [program], capture_output=True, text=True, check=False, timeout=max(within_s, 0)
        )
    except subprocess.TimeoutExpired as error:
        raise TimeoutError(f"{name} takes too long") from error
    if done.returncode:
        raise OSError(done.stderr.strip() or f"{name} failed")
    return done.stdout


def legacy_suspects(listing: str, flow: FiveTuple, passage: Passage) -> list[SecurityRule]:
    """Pick the rules and policies that can have dropped a packet, at most MOST_RULES."""
    found: list[SecurityRule] = []
    family = "ip6tables" if flow.dst.version == IPV6 else "iptables"
    for table, chain, number, words in _entries(listing):
        if chain in BUILT_IN - CHAINS[passage] or not _can_drop(words, flow):
            continue
        found.append(
            SecurityRule(
                family=family,
                table=table,
                chain=chain,
                handle=number,
                text=shlex.join(words),
                comment=_value(words, "--comment"),
            )
        )
    return found[:MOST_RULES]


def _entries(listing: str) -> Iterator[tuple[str, str, int, list[str]]]:
    """Yield table, chain, number in the chain and words of each policy (number 0) and rule."""
    table, numbers = "", dict[str, int]()
    for line in listing.splitlines():
        if line.startswith("*"):
            table, numbers = line[1:], {}
        elif line.startswith(":"):
            chain, policy, *_ = line[1:].split()
            yield table, chain, 0, ["-j", policy]
        elif line.startswith("-A "):
            _, chain, *words = shlex.split(line)
            numbers[chain] = numbers.get(chain, 0) + 1
            yield table, chain, numbers[chain], words


def _can_drop(words: list[str], flow: FiveTuple) -> bool:
    if _value(words, "-j") not in REFUSING:
        return False
    for option, field in ADDRESSES.items():
        prefix = _value(words, option)
        if prefix and getattr(flow, field) not in ip_network(prefix, strict=False):
            return False
    for option, field in PORTS.items():
        port, known = _value(words, option), getattr(flow, field)
        if known and port.isdigit() and int(port) != known:
            return False
    protocol = _value(words, "-p")
    return protocol in {"", "all", protocol_name(flow.protocol), str(flow.protocol)}


def _value(words: list[str], option: str) -> str:
    """Give what an option asks for; empty if it does not, or asks for all else."""
    if option not in words:
        return ""
    at = words.index(option)
    is_negated = at > 0 and words[at - 1] == "!"
    return "" if is_negated or at + 1 == len(words) else words[at + 1]
