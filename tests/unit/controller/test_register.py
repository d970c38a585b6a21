"""The register of certificates, as several processes write it."""

import pytest

from dyetrace.controller.register import Entry, Register
from dyetrace.errors import CertificateRefused

NOW = 1000.0


@pytest.fixture
def ours(tmp_path):
    return Register(folder=tmp_path / "certificates")


@pytest.fixture
def theirs(ours):
    """As another process has it."""
    return Register(folder=ours.folder)


def joined(register, number, *, expires=NOW + 100):
    serial = f"{number:x}"
    entry = Entry(serial=serial, host=f"cn-{number}", lineage=serial, expires=expires)
    register.add_joined(entry, may_replace=False, now=NOW)
    return entry


def test_what_another_process_enters_and_revokes_is_seen_at_once(ours, theirs):
    first = joined(ours, 1)
    assert ours.entries() == theirs.entries() == (first,)
    second = joined(theirs, 2)
    assert ours.entries() == (first, second)
    theirs.revoke("cn-1")
    assert ours.holding(NOW) == theirs.holding(NOW) == [second]


def test_a_host_that_has_joined_by_another_process_cannot_join_again(ours, theirs):
    assert ours.entries() == ()
    joined(theirs, 1)
    with pytest.raises(CertificateRefused):
        joined(ours, 1)


def test_what_has_expired_is_forgotten_when_another_joins(ours, theirs):
    joined(ours, 1, expires=NOW - 1)
    second = joined(theirs, 2)
    assert ours.entries() == (second,)


def test_nothing_is_read_again_while_nothing_has_changed(ours, monkeypatch):
    joined(ours, 1)
    settle(ours)
    before = ours.entries()
    monkeypatch.setattr("os.scandir", lambda _: pytest.fail("the folder was read"))

    assert ours.entries() is before


def settle(register):
    """Make the folder's last change an old one: within a tick, changes cannot be told apart."""
    import os

    os.utime(register.folder, ns=(0, 10**9))
    register.entries()


def test_a_change_within_a_tick_of_the_last_is_seen(ours, theirs):
    for number in range(1, 40):
        joined(theirs, number)
        assert len(ours.entries()) == number
