"""A lab cloud with `dyetrace up` before it. It needs root."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from dyetrace.lab.cloud import Cloud
from support.service import Service

HERE = str(Path(__file__).parent)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without root there is nothing to test, and that must be seen."""
    if os.geteuid() != 0:
        for item in items:
            if str(item.path).startswith(HERE):
                item.add_marker(pytest.mark.skip(reason="needs root to make namespaces"))


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    """Three hosts, with their agents."""
    with Cloud.build("three-hosts", name=f"api{os.getpid()}", agents=True) as built:
        yield built


@pytest.fixture
def service(cloud: Cloud, tmp_path: Path) -> Iterator[Service]:
    """A controller of the test's own."""
    started = Service(cloud, tmp_path).start()
    try:
        yield started
    finally:
        started.close()
