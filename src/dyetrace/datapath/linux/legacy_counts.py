"""Rules made with iptables-legacy: nft does not show them, and nothing traces them for us.

What their own program can tell is how often each has matched: those that drop, and
have counted since tracing began, are named. They count all packets, dyed or not.
"""

import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from dyetrace.datapath.linux.ruleset import PROGRAM_PATH

SAVED_BY = {"ip_tables_names": "iptables-legacy-save", "ip6_tables_names": "ip6tables-legacy-save"}
TABLE = re.compile(r"\*(\w+)")
DROPPING = re.compile(r"\[(?P<packets>\d+):\d+\] (?P<text>-A .* -j (?:DROP|REJECT)\b.*)")
POLICY = re.compile(r":(?P<chain>\S+) DROP \[(?P<packets>\d+):\d+\]")
SAVED_WITHIN_S = 1.0
MOST_NAMED = 5

Counts = Mapping[str, int]
"""Packets by rule, each written as its program does, with its table before it."""


def has_legacy_rules() -> bool:
    """Whether this thread's namespace has any."""
    return bool(_programs())


def legacy_counts() -> Counts:
    """Read how often each rule that drops has matched, in this thread's namespace.

    Raises OSError where their program is missing or fails.
    """
    counts: Counter[str] = Counter()
    for name in _programs():
        program = shutil.which(name, path=PROGRAM_PATH)
        if program is None:
            raise FileNotFoundError(f"{name} is not installed")
        try:
            done = subprocess.run(
                [program, "-c"],
                check=True,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=SAVED_WITHIN_S,
            )
        except subprocess.SubprocessError as error:
            raise OSError(str(error)) from error
        counts.update(counts_of(done.stdout, program=name.removesuffix("-save")))
    return counts


def counts_of(saved: str, *, program: str) -> Counts:
    """Read what a program has saved; rules alike count together."""
    counts: Counter[str] = Counter()
    table = ""
    for line in saved.splitlines():
        if begun := TABLE.fullmatch(line):
            table = begun[1]
        elif rule := DROPPING.fullmatch(line):
            counts[f"{program} -t {table} {rule['text']}"] += int(rule["packets"])
        elif policy := POLICY.fullmatch(line):
            counts[f"{program} -t {table} -P {policy['chain']} DROP"] += int(policy["packets"])
    return counts


def risen(before: Counts, now: Counts) -> list[str]:
    """Say which have matched since, those that did most often first."""
    rises = Counter({rule: count - before.get(rule, 0) for rule, count in now.items()})
    return [
        f"{rule} has dropped {count} packets, of whatever flow, since tracing began"
        for rule, count in rises.most_common(MOST_NAMED)
        if count > 0
    ]


def _programs() -> list[str]:
    found = []
    for name, program in SAVED_BY.items():
        with suppress(OSError):
            if Path("/proc/thread-self/net", name).read_text().strip():
                found.append(program)
    return found
