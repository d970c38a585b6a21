"""The command line on a host of the tests' own: real processes, real packets. They need root."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.own_host import OwnHost

HERE = str(Path(__file__).parent)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without root there is nothing to test, and that must be seen."""
    if os.geteuid() != 0:
        for item in items:
            if str(item.path).startswith(HERE):
                item.add_marker(pytest.mark.skip(reason="needs root to make namespaces"))


@pytest.fixture(scope="session")
def bridged() -> Iterator[OwnHost]:
    """A host with web (10.7.0.1) and db (10.7.0.2) on br0, where web pings db and nobody."""
    made = OwnHost()
    try:
        made.ip("link add br0 type bridge", "link set br0 up")
        made.plug("br0", "web", "10.7.0.1/24")
        made.plug("br0", "db", "10.7.0.2/24")
        made.ping("web", "10.7.0.2")
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def host() -> Iterator[OwnHost]:
    """A host of a module's own."""
    made = OwnHost()
    try:
        yield made
    finally:
        made.close()
