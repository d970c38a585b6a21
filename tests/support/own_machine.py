"""A machine of a test's own: the files of this one, whatever it writes to them, and systemd.

Its root is an overlay that vanishes with it. Nothing of this machine's boot is repeated there:
only what services need is started, so that it touches no sysctl, device or clock that is shared.
"""

import os
import subprocess
from pathlib import Path

from support.diagnosis import eventually
from support.own_host import OwnHost, children

# A control group first, and then a view that begins there: its systemd rules over no other.
ENTER = """
mount -t cgroup2 groups /mnt
mkdir /mnt/"$1"
echo 0 > /mnt/"$1"/cgroup.procs
umount /mnt
exec unshare --net --mount --pid --ipc --uts --cgroup --fork --kill-child sh -ec "$2"
"""
BOOT = r"""
work=$(mktemp -d)
mount -t tmpfs own "$work"
mkdir "$work/upper" "$work/work" "$work/root"
mount -t overlay own -o "lowerdir=/,upperdir=$work/upper,workdir=$work/work" "$work/root"
cd "$work/root"
mount --rbind /dev dev
mount -t sysfs own sys
mount -t cgroup2 own sys/fs/cgroup
mount -t proc own proc
mount -t tmpfs own run
mkdir run/netns run/dyetrace-state
mount -t tmpfs own tmp
pivot_root . mnt
umount -l /mnt
find /lib/systemd/system /etc/systemd/system -name '*.target.wants' \
    ! -name sockets.target.wants -exec rm -rf {} +
ln -sf /dev/null /etc/systemd/system/network-online.target
rm -f /etc/machine-id
rm -f /var/lib/man-db/auto-update
rm -rf /var/lib/dyetrace /etc/dyetrace
: > /etc/fstab
ip link set dev lo up
exec env -i "PATH=$PATH" container=own /lib/systemd/systemd --unit=basic.target --show-status=0
"""
CLEAN = 'mount -t cgroup2 groups /mnt && find /mnt/"$1" -depth -type d -exec rmdir {} +'


class OwnMachine(OwnHost):
    """Processes, files and services in namespaces that end with the test."""

    def __init__(self) -> None:
        self._group = f"dyetrace-test-{os.getpid()}"
        self._unshare = subprocess.Popen(
            ["setpriv", "--pdeathsig=KILL", "unshare", "--mount",
             "sh", "-ec", ENTER, "sh", self._group, BOOT],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        self._started = []
        try:
            self.first = eventually(self._first_process, what="a first process")
            eventually(self._has_booted, within_s=30, what="systemd to have started")
        except BaseException:
            self._unshare.kill()  # and with it all that it began
            self._end()
            raise

    def _first_process(self) -> int:
        assert self._unshare.poll() is None, self._unshare.stdout.read()
        command = Path(f"/proc/{self._unshare.pid}/cmdline").read_bytes().split(b"\0")
        found = children(self._unshare.pid) if b"--fork" in command else []
        return found[0] if found else 0

    def _has_booted(self) -> bool:
        assert self._unshare.poll() is None, self._unshare.stdout.read()
        return self.run("systemctl", "is-system-running").stdout.strip() == "running"

    def argv(self, *argv: str) -> list[str]:
        """What runs a program on this machine: with its own settings, not with a test's."""
        return super().argv("env", "--unset=DYETRACE_STATE", *argv)

    @property
    def folder(self) -> Path:
        """Its root: the checkout may be where its own files hide it."""
        return Path("/")

    def put(self, file: str, content: str | Path, *, owner: str = "root") -> None:
        """Write a file that only its owner reads."""
        text = content if isinstance(content, str) else content.read_bytes().decode("latin-1")
        self.do("install", "-D", "-m", "600", "/dev/null", file)
        self.do("sh", "-c", f"cat > {file}", stdin=text)
        self.do("chown", owner, file)

    def show(self, unit: str, *properties: str) -> list[str]:
        """Ask systemd about a unit."""
        said = self.do("systemctl", "show", unit, "--value", f"--property={','.join(properties)}")
        return said.split()

    def close(self) -> None:
        """End everything, and the control groups of it."""
        super().close()
        self._end()

    def _end(self) -> None:
        self._unshare.wait()
        self._unshare.stdout.close()
        subprocess.run(
            ["unshare", "--mount", "sh", "-c", CLEAN, "sh", self._group], check=False, timeout=20
        )
