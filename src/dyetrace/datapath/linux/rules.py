"""The nftables rules of a namespace that can drop."""

import re
import shutil
import subprocess
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from dyetrace.model.packet import FiveTuple
from dyetrace.model.site import DropRule

MOST_RULES = 50
LONGEST_TEXT = 400

BLOCK = re.compile(r"\s*(?P<what>table|chain) (?P<names>[^{]*?)\s*\{")
HANDLE = re.compile(r"(?P<text>.*?)\s*# handle (?P<handle>\d+)$")
POLICY = re.compile(r"\btype \w+ hook .*\bpolicy drop;")
COMMENT = re.compile(r' comment "(?P<comment>[^"]*)"')
QUOTED = re.compile(r'"[^"]*"')
# As newer versions write rules that iptables made.
FOREIGN = re.compile(r'xt target "(DROP|REJECT)"')
DROPPING = re.compile(r"(?<![\w@.-])(drop|reject)(?![\w.-])")


class RuleListing:
    """`nft list ruleset`, running in the namespace it was started in."""

    def __init__(self) -> None:
        """Start it; raises OSError if nft is not installed."""
        program = shutil.which("nft", path="/usr/sbin:/sbin:/usr/bin:/bin:/usr/local/sbin")
        if program is None:
            raise FileNotFoundError("nft is not installed")
        # Terse: sets can be huge, and what they hold is not what drops.
        self._process = subprocess.Popen(  # noqa: S603  # fixed arguments
            [program, "-a", "-t", "list", "ruleset"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def text(self, *, within_s: float) -> str:
        """Wait for its output. Raises TimeoutError, or OSError with what nft says."""
        try:
            out, err = self._process.communicate(timeout=max(within_s, 0))
        except subprocess.TimeoutExpired as error:
            self.stop()
            raise TimeoutError("nft takes too long to list the rules") from error
        if self._process.returncode:
            raise OSError(err.decode(errors="replace").strip() or "nft failed")
        return out.decode(errors="replace")

    def stop(self) -> None:
        """End it, whatever state it is in."""
        with suppress(ProcessLookupError):
            self._process.kill()
        self._process.communicate()


@dataclass(slots=True)
class _Place:
    family: str = ""
    table: str = ""
    chain: str = ""


def drop_rules(text: str) -> list[DropRule]:
    """Find in a ruleset, as `nft -a` writes it, the rules and policies that can drop."""
    found: list[DropRule] = []
    place = _Place()
    pending = ""
    for line in text.splitlines():
        block = BLOCK.match(line)
        if block and not pending:
            _enter(place, block["what"], block["names"])
        elif line.strip() == "}" and not pending:
            place.chain = ""
        elif place.chain and POLICY.search(line):
            found.append(_rule(place, line.strip()))
        elif place.chain:
            # A rule ends with its handle; long ones go over several lines.
            pending = f"{pending} {line.strip()}".strip()
            ended = HANDLE.match(pending)
            if ended or line.strip().startswith("type "):
                if ended and _can_drop(ended["text"]):
                    found.append(_rule(place, ended["text"], int(ended["handle"])))
                pending = ""
    return found


def most_telling(rules: Iterable[DropRule], flow: FiveTuple) -> list[DropRule]:
    """Order rules by how much of the flow they name: too many are not worth carrying."""
    words = {str(flow.src), str(flow.dst), str(flow.src_port or ""), str(flow.dst_port or "")}
    words.discard("")
    return sorted(
        rules, key=lambda rule: -len(words.intersection(re.split(r"[^\w.:]+", rule.text)))
    )


def has_legacy_rules() -> bool:
    """Whether rules were made with iptables-legacy, which nft does not show."""
    for name in ("ip_tables_names", "ip6_tables_names"):
        with suppress(OSError):
            if Path("/proc/thread-self/net", name).read_text().strip():
                return True
    return False


def _enter(place: _Place, what: str, names: str) -> None:
    if what == "table":
        place.family, _, place.table = names.rpartition(" ")
        place.chain = ""
    else:
        place.chain = names


def _rule(place: _Place, text: str, handle: int = 0) -> DropRule:
    comment = COMMENT.search(text)
    text = COMMENT.sub("", text).strip()
    return DropRule(
        family=place.family,
        table=place.table,
        chain=place.chain,
        handle=handle,
        text=text if len(text) <= LONGEST_TEXT else text[:LONGEST_TEXT] + "...",
        comment=comment["comment"] if comment else "",
    )


def _can_drop(text: str) -> bool:
    return bool(FOREIGN.search(text) or DROPPING.search(QUOTED.sub("", text)))
