"""Discovery and site evidence on real namespaces. They need root."""

import os
from collections.abc import Iterator

import pytest

from support.net import Net


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without root there is nothing to test, and that must be seen."""
    if os.geteuid() != 0:
        for item in items:
            if "integration/discovery" in str(item.path):
                item.add_marker(pytest.mark.skip(reason="needs root to make namespaces"))


@pytest.fixture
def net() -> Iterator[Net]:
    """A small network of the test's own."""
    network = Net()
    try:
        yield network
    finally:
        network.close()
