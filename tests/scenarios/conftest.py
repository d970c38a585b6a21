"""Clouds for the scenarios: each kind is built once, with its agents."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dyetrace.controller.store import TaskStore
from dyetrace.lab.cloud import Cloud


@pytest.fixture(scope="session")
def clouds() -> Iterator[Callable[[str], Cloud]]:
    """Give clouds by kind; all are taken down at the end, whatever happened."""
    up: dict[str, Cloud] = {}

    def cloud_of(kind: str) -> Cloud:
        if kind not in up:
            up[kind] = Cloud.up(kind, name=f"t{os.getpid()}-{kind}")
        return up[kind]

    try:
        yield cloud_of
    finally:
        for cloud in up.values():
            cloud.down()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[TaskStore]:
    """A store of the test's own."""
    opened = TaskStore(f"sqlite:///{tmp_path / 'tasks.db'}")
    yield opened
    opened.close()
