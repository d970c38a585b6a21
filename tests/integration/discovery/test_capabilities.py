"""What `dyetrace doctor` says about this machine."""

import errno
from typing import Any, NoReturn

import pytest

from dyetrace.datapath.linux import probes
from dyetrace.datapath.linux.capabilities import Check, check_capabilities


def the_checks() -> dict[str, Check]:
    return {check.name: check for check in check_capabilities()}


def test_every_check_has_a_name_of_its_own_and_says_what_it_found() -> None:
    checks = check_capabilities()

    assert len({check.name for check in checks}) == len(checks)
    assert all(check.found for check in checks)


def test_a_check_that_fails_says_what_to_do() -> None:
    assert all(check.advice for check in check_capabilities() if check.ok is False)


def test_root_on_a_kernel_with_bpf_can_trace() -> None:
    checks = the_checks()

    for name in ("privileges", "kernel types (BTF)", "libbpf", "ring buffer", "tc programs"):
        assert checks[name].ok, checks[name]


def test_what_the_kernel_refuses_is_told_in_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> NoReturn:
        raise OSError(errno.EPERM, "no")

    monkeypatch.setattr(probes, "try_tracing", lambda _: refuse())
    monkeypatch.setattr(probes, "try_tcx", refuse)
    checks = the_checks()

    assert checks["tracing of drops"].ok is False
    assert "no" in checks["tracing of drops"].found
    # There is another way than tcx.
    assert checks["tcx"].ok is None
    assert checks["tcx"].advice


def test_a_check_that_cannot_be_made_is_no_reason_to_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down(*_: Any, **__: Any) -> NoReturn:
        raise ValueError("odd")

    monkeypatch.setattr("dyetrace.datapath.linux.capabilities.shutil.which", break_down)

    assert the_checks()["nft"].ok is None
