"""The lab's own tests: real namespaces, real packets. They need root."""

import os
from collections.abc import Callable, Iterator

import pytest

from dyetrace.lab.cloud import Cloud


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without root there is nothing to test, and that must be seen."""
    if os.geteuid() != 0:
        for item in items:
            if "integration/lab" in str(item.path):
                item.add_marker(pytest.mark.skip(reason="needs root to make namespaces"))


@pytest.fixture(scope="module")
def three_hosts() -> Iterator[Cloud]:
    """A cloud with an overlay, for all tests of a module."""
    with Cloud.build("three-hosts", name=f"test-three-{os.getpid()}") as cloud:
        yield cloud


@pytest.fixture(scope="module")
def nat() -> Iterator[Cloud]:
    """A cloud with gateways and an Internet, for all tests of a module."""
    with Cloud.build("nat", name=f"test-nat-{os.getpid()}") as cloud:
        yield cloud


@pytest.fixture(scope="module")
def one_host() -> Iterator[Cloud]:
    """The smallest cloud, for all tests of a module."""
    with Cloud.build("one-host", name=f"test-one-{os.getpid()}") as cloud:
        yield cloud


@pytest.fixture
def fresh_name() -> Iterator[Callable[[str], str]]:
    """Names for clouds of one test's own; whatever it leaves up is taken down."""
    from dyetrace.lab.lifecycle import take_down

    names: list[str] = []

    def make(suffix: str) -> str:
        names.append(f"test-{suffix}-{os.getpid()}")
        return names[-1]

    yield make
    for name in names:
        take_down(name)
