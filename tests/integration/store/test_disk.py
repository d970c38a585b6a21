"""A real file system of the test's own that fills up, and one that takes no writes."""

import os
import subprocess

import pytest

from dyetrace.controller.store import AuditLog, TaskStore
from dyetrace.errors import StoreUnavailable
from dyetrace.model.task import TaskState
from support.stores.tasks import NOW, numbered, queued


@pytest.fixture
def disk(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("needs root to mount a file system")
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "store", folder], check=True)
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.fixture
def store(disk):
    opened = TaskStore(f"sqlite:///{disk / 'tasks.db'}")
    yield opened
    opened.close()


def fill(disk):
    """Leave no room at all."""
    with (disk / "ballast").open("wb", buffering=0) as ballast:
        try:
            while ballast.write(b"x" * 4096):
                pass
        except OSError:
            return


def test_a_full_disk_loses_nothing_that_was_kept_and_takes_more_once_there_is_room(store, disk):
    name = queued(store, 1)
    fill(disk)

    with pytest.raises(StoreUnavailable, match="full; make room there"):
        store.add(numbered(2, src_vm="web"), cloud="blue", request={"text": "x" * 50_000})
    assert store.get(name).state is TaskState.NEW
    assert [task.id for task in store.list()] == [name]

    (disk / "ballast").unlink()
    store.finish(name, TaskState.DONE, now=NOW, answer={"verdict": "LOST"})
    assert store.get(name).answer == {"verdict": "LOST"}
    assert queued(store, 2)


def test_a_disk_that_has_no_room_for_a_store_is_said(disk):
    fill(disk)

    with pytest.raises(StoreUnavailable, match=r"tasks\.db: .*; (make room|see `dmesg`|make its)"):
        TaskStore(f"sqlite:///{disk / 'tasks.db'}")


def test_a_disk_mounted_read_only_is_said(store, disk):
    queued(store, 1)
    store.close()
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)

    with pytest.raises(StoreUnavailable, match=r"tasks\.db: .*; .*(read-only|let this user)"):
        AuditLog(TaskStore(f"sqlite:///{disk / 'tasks.db'}").database)
