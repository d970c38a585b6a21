"""The wheel is all that a host needs: installed elsewhere, it works without the repository."""

import json
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]


def run(*argv, cwd):
    return subprocess.run(argv, cwd=cwd, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The folder of a fresh virtual environment with our wheel, and this one's dependencies."""
    folder = tmp_path_factory.mktemp("elsewhere")
    built = run(
        sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder),
        cwd=REPOSITORY,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    (wheel,) = folder.glob("*.whl")
    venv = folder / "venv"
    assert run(sys.executable, "-m", "venv", "--without-pip", str(venv), cwd=folder).returncode == 0
    python = venv / "bin/python"
    put = run(
        sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps",
        "--no-index", str(wheel), cwd=folder,
    )  # fmt: skip
    assert put.returncode == 0, put.stderr
    (packages,) = venv.glob("lib/python*/site-packages")
    # A plain path: what is editable there stays out, so only the wheel has dyetrace.
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return venv / "bin"


def test_the_command_is_installed_and_tells_its_version(installed):
    done = run(str(installed / "dyetrace"), "--version", cwd="/")

    assert done.stdout.startswith("dyetrace "), done.stderr
    where = run(
        str(installed / "python"), "-c", "import dyetrace; print(dyetrace.__file__)", cwd="/"
    )
    assert where.stdout.startswith(str(installed.parent))


def test_doctor_finds_the_programs_in_the_package(installed):
    done = run(str(installed / "python"), "-m", "dyetrace", "doctor", "-o", "json", cwd="/")

    checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert checks["programs"]["status"] == "ok"
    assert checks["programs"]["found"].startswith(str(installed.parent))


def test_the_wheel_carries_its_licences(installed):
    carried = [path.name for path in installed.parent.rglob("*.dist-info/licenses/**/LICENSE")]

    assert len(carried) == 2
