"""Read a namespace's nftables rules, as `nft -a` writes them."""

import re
import shutil
import subprocess
from dataclasses import dataclass, field

PROGRAM_PATH = "/usr/sbin:/sbin:/usr/bin:/bin:/usr/local/sbin"

BLOCK = re.compile(r"\s*(?P<what>table|chain) (?P<names>[^{]*?)\s*\{")
HANDLE = re.compile(r"(?P<text>.*?)\s*# handle (?P<handle>\d+)$")
BASE = re.compile(r"type \w+ hook (?P<hook>\w+)\b.*?(?:policy (?P<policy>\w+);)?$")
COMMENT = re.compile(r' comment "(?P<comment>[^"]*)"')
QUOTED = re.compile(r'"[^"]*"')
# As newer versions write rules that iptables made.
FOREIGN = re.compile(r'xt target "(DROP|REJECT)"')
DROPPING = re.compile(r"(?<![\w@.-])(drop|reject)(?![\w.-])")
JUMP = re.compile(r"(?<![\w@.-])(?:jump|goto) ([\w.-]+)")
NAMED_MAP = re.compile(r"\bvmap @")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule's text without its comment."""

    handle: int
    text: str
    comment: str = ""

    @property
    def can_drop(self) -> bool:
        """Whether it drops or rejects what it matches, or some of it."""
        return bool(FOREIGN.search(self.text) or DROPPING.search(QUOTED.sub("", self.text)))

    @property
    def targets(self) -> tuple[str, ...]:
        """The chains it goes on to."""
        return tuple(JUMP.findall(QUOTED.sub("", self.text)))

    @property
    def has_named_map(self) -> bool:
        """Whether a map that is not listed decides where it goes on to."""
        return bool(NAMED_MAP.search(self.text))


@dataclass(slots=True, kw_only=True)
class Chain:
    """A chain with its rules; one without a hook is reached from others."""

    family: str
    table: str
    name: str
    hook: str = ""
    base: str = ""  # a base chain's declaration
    policy: str = ""
    rules: list[Rule] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class RulePlace:
    """Where a rule stands; handle 0 is the chain's policy."""

    family: str
    table: str
    chain: str
    handle: int


class RuleListing:
    """`nft list ruleset`, running in the namespace it was started in."""

    def __init__(self) -> None:
        """Start it; raises OSError if nft is not installed."""
        program = shutil.which("nft", path=PROGRAM_PATH)
        if program is None:
            raise FileNotFoundError("nft is not installed")
        # Text, not JSON: what users read and search for. Terse: sets can be
        # huge, and what they hold is not what drops.
        self._process = subprocess.Popen(
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
        if self._process.poll() is None:
            self._process.kill()
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()
        self._process.wait()


def parse_ruleset(text: str) -> list[Chain]:
    """Find the chains and rules of a listing; sets, maps and the like are passed over."""
    chains: list[Chain] = []
    family = table = ""
    chain: Chain | None = None
    pending = ""
    for line in map(str.strip, text.splitlines()):
        block = BLOCK.match(line) if not pending else None
        if block and block["what"] == "table":
            family, _, table = block["names"].rpartition(" ")
        elif block:
            chain = Chain(family=family, table=table, name=block["names"])
            chains.append(chain)
        elif line == "}" and not pending:
            chain = None
        elif chain is not None and line and not _declares(chain, line):
            # A rule ends with its handle; long ones go over several lines.
            pending = f"{pending} {line}".strip()
            if ended := HANDLE.match(pending):
                chain.rules.append(_rule(ended["text"], int(ended["handle"])))
                pending = ""
    return chains


def _declares(chain: Chain, line: str) -> bool:
    """Take in a base chain's declaration; whether the line was one."""
    base = BASE.match(line)
    if not base:
        return line.startswith('comment "')
    chain.hook, chain.base, chain.policy = base["hook"], line, base["policy"] or ""
    return True


def _rule(text: str, handle: int) -> Rule:
    comment = COMMENT.search(text)
    return Rule(
        handle=handle,
        text=COMMENT.sub("", text).strip(),
        comment=comment["comment"] if comment else "",
    )
