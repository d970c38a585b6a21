"""The tools that configure the kernel: many lines to few processes."""

import subprocess
from collections.abc import Iterable
from pathlib import Path

from dyetrace.lab.errors import CommandFailed
from dyetrace.lab.namespaces import inside


def run(argv: Iterable[str], *, stdin: str | None = None) -> str:
    """Run a tool to its end and give its output. Raises CommandFailed."""
    argv = tuple(argv)
    done = subprocess.run(
        argv,
        input=stdin,
        text=True,
        capture_output=True,
        check=False,
        close_fds=False,  # for the lock of state.exclusive; all else is closed on exec anyway
    )
    if done.returncode != 0:
        raise CommandFailed(argv=argv, output=done.stderr or done.stdout)
    return done.stdout


def ip(netns: str | None, lines: Iterable[str], *, tolerant: bool = False) -> str:
    """Give lines to one `ip -batch`; a tolerant one goes on after a line that fails."""
    return batch("ip", netns, lines, tolerant=tolerant)


def bridge(netns: str, lines: Iterable[str], *, tolerant: bool = False) -> str:
    """Give lines to one `bridge -batch`."""
    return batch("bridge", netns, lines, tolerant=tolerant)


def tc(netns: str, lines: Iterable[str], *, tolerant: bool = False) -> str:
    """Give lines to one `tc -batch`."""
    return batch("tc", netns, lines, tolerant=tolerant)


def batch(tool: str, netns: str | None, lines: Iterable[str], *, tolerant: bool) -> str:
    """Run one process for all the lines."""
    script = "".join(f"{line}\n" for line in lines)
    if not script:
        return ""
    argv = [tool, *(["-netns", netns] if netns else []), *(["-force"] if tolerant else [])]
    try:
        return run([*argv, "-batch", "-"], stdin=script)
    except CommandFailed:
        # With -force every line was tried, but the exit status still tells of the failed ones.
        if tolerant:
            return ""
        raise


def nft(netns: str, ruleset: str) -> str:
    """Apply a ruleset, all of it or nothing."""
    return run(("ip", "netns", "exec", netns, "nft", "-f", "-"), stdin=ruleset)


def set_sysctls(netns: str, values: Iterable[tuple[str, str]]) -> None:
    """Write sysctls of a namespace, in order, without a process."""
    values = tuple(values)

    def write() -> None:
        for path, value in values:
            (Path("/proc/sys") / path).write_text(value)

    if values:
        inside(netns, write)
