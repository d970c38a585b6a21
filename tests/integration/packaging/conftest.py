"""The Debian package, built as `make deb` does, and a machine with systemd to install it on."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.own_machine import OwnMachine

HERE = str(Path(__file__).parent)
PACKAGE = "/root/dyetrace_0_any.deb"
REPOSITORY = Path(__file__).parents[3]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without root there is nothing to test, and that must be seen."""
    if os.geteuid() != 0:
        for item in items:
            if str(item.path).startswith(HERE):
                item.add_marker(pytest.mark.skip(reason="needs root to make namespaces"))


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package's file."""
    folder = tmp_path_factory.mktemp("package")
    build = [sys.executable, str(REPOSITORY / "packaging/debian/build.py"), str(folder)]
    built = subprocess.run(build, capture_output=True, text=True, check=False, timeout=120)
    assert built.returncode == 0, built.stderr
    return Path(built.stdout.strip())


@pytest.fixture(scope="module")
def machine(package: Path) -> Iterator[OwnMachine]:
    """A machine that has it installed."""
    made = OwnMachine()
    try:
        with package.open("rb") as file:
            subprocess.run(made.argv("sh", "-c", f"cat > {PACKAGE}"), stdin=file, check=True)
        made.do("dpkg", "--install", PACKAGE)
        yield made
    finally:
        made.close()
