"""Small networks of namespaces for one test: named uniquely, gone afterwards."""

import itertools
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

_numbers = itertools.count(1)
NAMES = Path("/run/netns")


def eventually(
    condition: Callable[[], Any], *, within_s: float = 10.0, dump: Callable[[], str]
) -> Any:
    """Wait for a condition; fail with a dump when the deadline passes."""
    deadline = time.monotonic() + within_s
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within_s} s\n{dump()}")
        time.sleep(0.01)
    return found


class Net:
    """Namespaces and processes that end with the test."""

    def __init__(self) -> None:
        self.prefix = f"dyt{os.getpid()}-{next(_numbers)}."
        self._processes: list[subprocess.Popen[bytes]] = []

    def name(self, role: str) -> str:
        """The namespace's name."""
        return self.prefix + role

    def add(self, *roles: str) -> None:
        """Make namespaces, with their loopback up."""
        for role in roles:
            run("ip", "netns", "add", self.name(role))
            self.ip(role, "link set dev lo up")

    def delete(self, *roles: str) -> None:
        """Delete namespaces' names."""
        for role in roles:
            run("ip", "netns", "delete", self.name(role))

    def ip(self, role: str, *lines: str) -> str:
        """Run lines of `ip` in a namespace; {role} stands for a namespace's name."""
        names = {each.name.removeprefix(self.prefix): each.name for each in self.existing()}
        script = "".join(line.format(**names) + "\n" for line in lines)
        return run("ip", "-netns", self.name(role), "-batch", "-", stdin=script)

    def exec(self, role: str, *argv: str, check: bool = True) -> str:
        """Run a program in a namespace to its end."""
        return run("ip", "netns", "exec", self.name(role), *argv, check=check)

    def nft(self, role: str, ruleset: str) -> None:
        """Apply rules."""
        run("ip", "netns", "exec", self.name(role), "nft", "-f", "-", stdin=ruleset)

    def sysctl(self, role: str, **values: int) -> None:
        """Write sysctls of net; double underscores are dots."""
        for name, value in values.items():
            self.exec(role, "sysctl", "-qw", f"net.{name.replace('__', '.')}={value}")

    def start(self, *argv: str, role: str | None = None) -> int:
        """Start a program that says a line when it is ready; give its pid."""
        enter = ["ip", "netns", "exec", self.name(role)] if role else []
        process = subprocess.Popen([*enter, *argv], stdout=subprocess.PIPE)
        self._processes.append(process)
        assert process.stdout is not None
        assert process.stdout.readline().strip() == b"ready"
        return process.pid

    def vm(self, role: str, *, port: str, on: str, address: str = "", device: str = "eth0") -> None:
        """Plug a namespace into another by a veth."""
        self.add(role)
        self.ip(
            on,
            f"link add name {port} type veth peer name {device} netns {{{role}}}",
            f"link set dev {port} up",
        )
        if address:
            self.ip(role, f"address add {address} dev {device} nodad")
        self.ip(role, f"link set dev {device} up")

    def existing(self) -> list[Path]:
        """The namespaces there are."""
        return [each for each in NAMES.iterdir() if each.name.startswith(self.prefix)]

    def dump(self) -> str:
        """What a failed test needs to be understood."""
        commands = (("ip", "-d", "address"), ("ip", "route"), ("ip", "neighbour"))
        return "\n".join(
            f"--- {each.name}: {' '.join(command)}\n"
            + run("ip", "netns", "exec", each.name, *command, check=False)
            for each in self.existing()
            for command in commands
        )

    def close(self) -> None:
        """End the processes and delete the namespaces."""
        for process in self._processes:
            process.send_signal(signal.SIGKILL)
            process.wait()
            if process.stdout is not None:
                process.stdout.close()
        for each in self.existing():
            run("ip", "netns", "delete", each.name, check=False)


def run(*argv: str, stdin: str | None = None, check: bool = True) -> str:
    """Run a program and give its output; its complaint is in the failure."""
    done = subprocess.run(
        argv, input=stdin, capture_output=True, text=True, check=False, timeout=30
    )
    if check and done.returncode:
        raise AssertionError(f"{argv} said: {done.stderr or done.stdout}\n{stdin or ''}")
    return done.stdout


def ports_by_name(host: Any) -> dict[str, Any]:
    """Ports of all VFDs by their names, which must differ."""
    return {port.name: port for vfd in host.vfds for port in vfd.ports}
