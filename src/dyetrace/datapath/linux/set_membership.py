"""Which element of a named set a packet is, where the rule that dropped it looks one up.

Listings leave out what sets hold, for they can be huge; one element is asked
for by its key.
"""

import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dyetrace.datapath.linux.ruleset import PROGRAM_PATH
from dyetrace.model.packet import FiveTuple
from dyetrace.model.site import SecurityRule, SetMembership

FIELD = r"(?:ip6? [sd]addr|(?:tcp|udp|sctp|th) [sd]port|ip protocol|meta l4proto)"
NFT_LOOKUP = re.compile(rf"(?P<key>{FIELD}(?: \. {FIELD})*) @(?P<name>[\w.-]+)")
IPSET_LOOKUP = re.compile(r"(?<!! )--match-set (?P<name>\S+) (?P<key>[\w,]+)")
ELEMENTS = re.compile(r"elements = \{ (?P<elements>[^}]*?) \}", re.DOTALL)
MOST_SETS = 4
WITHIN_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """A set that a rule asks, and the packet's key."""

    name: str
    key: str


def memberships(rule: SecurityRule, flow: FiveTuple) -> tuple[SetMembership, ...]:
    """Ask the sets of a rule for a packet's elements, in the calling thread's namespace.

    What cannot be asked, and sets that the packet is not in, are left out.
    """
    found = (_nft_element(rule, each) for each in nft_lookups(rule.text, flow)[:MOST_SETS])
    tested = (_ipset_element(each) for each in ipset_lookups(rule.text, flow)[:MOST_SETS])
    return tuple(one for one in (*found, *tested) if one is not None)


def nft_lookups(text: str, flow: FiveTuple) -> list[Lookup]:
    """Find the sets that a rule of nftables asks for what the packet has."""
    return [
        Lookup(name=each["name"], key=" . ".join(_value(name, flow) for name in _fields(each)))
        for each in NFT_LOOKUP.finditer(text)
    ]


def ipset_lookups(text: str, flow: FiveTuple) -> list[Lookup]:
    """Find the sets that a rule of iptables wants the packet to be in.

    A set of addresses is asked for one direction, one with ports for two.
    """
    return [
        Lookup(name=each["name"], key=key)
        for each in IPSET_LOOKUP.finditer(text)
        for key in _ipset_keys(each["key"].split(","), flow)
    ]


def _fields(found: re.Match[str]) -> list[str]:
    return found["key"].split(" . ")


def _value(name: str, flow: FiveTuple) -> str:
    values = {
        "saddr": flow.src,
        "daddr": flow.dst,
        "sport": flow.src_port,
        "dport": flow.dst_port,
        "protocol": flow.protocol,
        "l4proto": flow.protocol,
    }
    return str(values[name.split()[1]])


def _ipset_keys(directions: Sequence[str], flow: FiveTuple) -> Iterator[str]:
    sides = {"src": (flow.src, flow.src_port), "dst": (flow.dst, flow.dst_port)}
    if not all(direction in sides for direction in directions):
        return
    address = str(sides[directions[0]][0])
    if len(directions) == 1:
        yield address
    else:
        yield f"{address},{flow.protocol}:{sides[directions[1]][1]}"


def _nft_element(rule: SecurityRule, lookup: Lookup) -> SetMembership | None:
    place = (rule.family, rule.table, lookup.name)
    said = _said("nft", "get", "element", *place, f"{{ {lookup.key} }}")
    listed = ELEMENTS.search(said) if said is not None else None
    if listed is None:
        return None
    return SetMembership(
        name=lookup.name, key=lookup.key, element=" ".join(listed["elements"].split())
    )


def _ipset_element(lookup: Lookup) -> SetMembership | None:
    if _said("ipset", "test", lookup.name, lookup.key) is None:
        return None
    return SetMembership(name=lookup.name, key=lookup.key, element=lookup.key)


def _said(program: str, *arguments: str) -> str | None:
    """Run a program; None where it is missing, too slow, or says no."""
    path = shutil.which(program, path=PROGRAM_PATH)
    if path is None:
        return None
    try:
        done = subprocess.run(
            [path, *arguments], capture_output=True, timeout=WITHIN_S, check=False, text=True
        )
    except subprocess.TimeoutExpired:
        return None
    return done.stdout if done.returncode == 0 else None
