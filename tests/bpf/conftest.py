"""Tests of the kernel programs on a real kernel. They need root and compiled objects."""

import os
from collections.abc import Iterator

import pytest

from bpf.bench import Bench
from bpf.wire import Wire
from dyetrace.datapath.linux.objects import OBJECTS


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without root or objects there is nothing to test, and that must be seen."""
    reason = (
        "needs root to load programs"
        if os.geteuid() != 0
        else ""
        if (OBJECTS / "color.bpf.o").exists()
        else "needs the objects: make -C bpf"
    )
    for item in items:
        if reason and "tests/bpf" in str(item.path):
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="module")
def shared_bench() -> Iterator[Bench]:
    with Bench() as bench:
        yield bench


@pytest.fixture
def bench(shared_bench: Bench) -> Bench:
    shared_bench.reset()
    return shared_bench


@pytest.fixture
def wire() -> Iterator[Wire]:
    with Wire() as wire:
        yield wire
