"""The main job in one go: build a cloud, trace a flow, break the cloud, see the verdict, heal."""

import os
import subprocess
import sys

from dyetrace.lab.cloud import Cloud
from dyetrace.lab.faults import AclDeny, Fault, RouteMissing, UnderlayLoss
from dyetrace.lab.traffic import flowing

SOURCE, DESTINATION = "blue-web", "blue-db"
STEPS: tuple[tuple[str, Fault | None, int], ...] = (
    ("The network is healthy", None, 0),
    ("A vRouter loses a route", RouteMissing(), 10),
    ("A security rule denies the receiver", AclDeny(direction="rx", vm=DESTINATION), 10),
    ("The underlay loses what one host sends another", UnderlayLoss(), 10),
    ("Healed", None, 0),
)


def main() -> int:
    """Run the demonstration; returns 0 if every verdict was as it should be."""
    if os.geteuid() != 0:
        say("the demonstration builds network namespaces: run it as root (sudo make demo)")
        return 3
    say("Building a cloud: three hosts, VXLAN, two tenants with the same addresses ...")
    with Cloud.build("three-hosts", name=f"demo-{os.getpid()}", agents=True) as cloud:
        outcomes = [step(cloud, number, *told) for number, told in enumerate(STEPS, start=1)]
    good = all(outcomes)
    say("Every verdict was right." if good else "A verdict was NOT as expected, see above.")
    return 0 if good else 1


def step(cloud: Cloud, number: int, title: str, fault: Fault | None, expected: int) -> bool:
    """Break the cloud, or not, and trace; returns whether `trace` exited as expected."""
    say(f"{number}. {title}")
    if fault is not None:
        cloud.inject(fault)
    command = [
        *("dyetrace", "trace", "--src", SOURCE, "--dst", DESTINATION, "--proto", "udp"),
        *("--dport", "5432", "--packets", "20", "--time", "10s"),
    ]
    print(f"$ {' '.join(command)}", flush=True)  # noqa: T201 - the demonstration's output
    try:
        with flowing(cloud, SOURCE, DESTINATION, rate=200, duration=30):
            done = subprocess.run(
                [sys.executable, "-m", *command, "--cloud", cloud.name, "--quiet"],
                check=False,
                timeout=60,
            )
    finally:
        cloud.heal()
    return done.returncode == expected


def say(text: str) -> None:
    """Tell what happens next."""
    print(f"\n== {text}", flush=True)  # noqa: T201 - the demonstration's output


if __name__ == "__main__":
    sys.exit(main())
