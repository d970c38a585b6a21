"""A lab cloud for one bench, and what its agents hold in the kernel."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dyetrace.lab.cloud import Cloud


@contextmanager
def bench_cloud(kind: str, *, agents: bool = True) -> Iterator[Cloud]:
    """Build a cloud of our own, and take it down whatever happens."""
    with Cloud.build(kind, name=f"b{os.getpid()}-{kind}", agents=agents) as cloud:
        yield cloud


def links_held(cloud: Cloud) -> int:
    """Count the BPF links of the cloud's agents: what is attached goes with them."""
    return sum(_links_of(agent.pid) for agent in cloud.agents)


def _links_of(pid: int) -> int:
    return sum(
        "link_type:" in fdinfo.read_text(encoding="utf-8")
        for fdinfo in Path(f"/proc/{pid}/fdinfo").iterdir()
    )
