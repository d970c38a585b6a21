"""Builds dyetrace's Debian package: this checkout and the libraries of requirements.lock.

The libraries are those installed in the virtual environment that runs this, which
`make setup` filled from the lock with hashes required; only what dyetrace itself
needs of them goes in. Nothing is fetched, neither here nor where it is installed.
"""

import compileall
import gzip
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

REPOSITORY = Path(__file__).parents[2]
HERE = REPOSITORY / "packaging"
PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"
HOME = Path("usr/lib/dyetrace")
PACKAGES = HOME / "lib" / PYTHON / "site-packages"
EXTRAS = ("postgresql", "nats")
LEFT_OUT = {"tests", "__pycache__"}  # what serves a library's developers, or is made anew
COMMAND = f"""#!/{HOME}/bin/python3 -I
import os
import sys

from dyetrace.cli.main import main

os.environ["PYTHONSAFEPATH"] = "1"  # for the processes it starts: the working folder is nobody's
sys.exit(main())
"""
AS_INSTALLED = """
import sys
sys.argv[0] = "dyetrace"
from dyetrace.cli.main import main
main()
"""
FILES = {  # where a file goes
    "systemd/dyetrace-controller.service": "lib/systemd/system/dyetrace-controller.service",
    "systemd/dyetrace-agent.service": "lib/systemd/system/dyetrace-agent.service",
    "debian/dyetrace.sysusers": "usr/lib/sysusers.d/dyetrace.conf",
    "debian/dyetrace.toml": "etc/dyetrace/dyetrace.toml",
    "debian/copyright": "usr/share/doc/dyetrace/copyright",
    "debian/postinst": "DEBIAN/postinst",
    "debian/prerm": "DEBIAN/prerm",
    "debian/postrm": "DEBIAN/postrm",
    "debian/conffiles": "DEBIAN/conffiles",
}
COMPLETIONS = {
    "bash": "usr/share/bash-completion/completions/dyetrace",
    "zsh": "usr/share/zsh/vendor-completions/_dyetrace",
    "fish": "usr/share/fish/vendor_completions.d/dyetrace.fish",
}


def main() -> None:
    """Build the package into the folder given, or into dist; print where it is."""
    into = Path(sys.argv[1]) if len(sys.argv) > 1 else REPOSITORY / "dist"
    into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        root.chmod(0o755)
        put_product(root)
        for distribution in sorted(needed("dyetrace", EXTRAS)):
            put_library(root / PACKAGES, distribution)
        compile_all(root)
        put_environment(root)
        put_files(root)
        print(packed(root, into))


def needed(name: str, extras: tuple[str, ...] = ()) -> set[str]:
    """Name all that a distribution needs at run time, without itself."""
    found: set[str] = set()
    waiting = [(name, extras)]
    while waiting:
        current, wanted = waiting.pop()
        for line in metadata.requires(current) or ():
            requirement = Requirement(line)
            marker = requirement.marker
            contexts = [{"extra": extra} for extra in ("", *wanted)]
            if marker is not None and not any(map(marker.evaluate, contexts)):
                continue
            key = requirement.name.lower().replace("_", "-")
            if key not in found:
                found.add(key)
                waiting.append((key, tuple(requirement.extras)))
    return found


def put_product(root: Path) -> None:
    """Put dyetrace itself, as its wheel has it."""
    with tempfile.TemporaryDirectory() as folder:
        build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder]
        subprocess.run(build, cwd=REPOSITORY, check=True, capture_output=True)
        (wheel,) = Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as opened:
            opened.extractall(root / PACKAGES)


def put_library(packages: Path, name: str) -> None:
    """Copy what a distribution has installed, without its commands and its own tests."""
    distribution = metadata.distribution(name)
    for path in distribution.files or ():
        if path.parts[0] == ".." or LEFT_OUT & set(path.parts):
            continue
        target = packages / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(str(distribution.locate_file(path)), target)


def compile_all(root: Path) -> None:
    """Compile here, so that the package owns all it needs, and purging leaves nothing."""
    compileall.compile_dir(
        root / PACKAGES,
        quiet=2,
        workers=os.cpu_count() or 1,
        stripdir=str(root),
        prependdir="/",
        invalidation_mode=compileall.py_compile.PycInvalidationMode.UNCHECKED_HASH,
    )


def put_environment(root: Path) -> None:
    """Make the folder a virtual environment of Debian's Python, and the command."""
    (root / HOME / "bin").mkdir()
    (root / HOME / "bin/python3").symlink_to(f"/usr/bin/{PYTHON}")
    (root / HOME / "pyvenv.cfg").write_text(
        "home = /usr/bin\ninclude-system-site-packages = false\n", encoding="utf-8"
    )
    write(root / "usr/bin/dyetrace", COMMAND, mode=0o755)


def put_files(root: Path) -> None:
    """Put units, settings, scripts, manual and completions."""
    for source, target in FILES.items():
        mode = 0o755 if Path(target).suffix == "" and target.startswith("DEBIAN/p") else 0o644
        write(root / target, (HERE / source).read_text(encoding="utf-8"), mode=mode)
    for source, target in (
        (HERE / "debian/dyetrace.1", "usr/share/man/man1/dyetrace.1.gz"),
        (REPOSITORY / "CHANGELOG.md", "usr/share/doc/dyetrace/changelog.gz"),
    ):
        place = root / target
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(gzip.compress(source.read_bytes(), mtime=0))
    for shell, target in COMPLETIONS.items():
        said = subprocess.run(
            [sys.executable, "-c", AS_INSTALLED],
            env={"_DYETRACE_COMPLETE": f"source_{shell}", "PATH": "/usr/bin:/bin"},
            capture_output=True, text=True, check=False,
        ).stdout  # fmt: skip
        write(root / target, said, mode=0o644)


def packed(root: Path, into: Path) -> Path:
    """Write control and checksums, and pack."""
    architecture = subprocess.run(
        ["dpkg", "--print-architecture"], capture_output=True, text=True, check=True
    ).stdout.strip()
    version = metadata.version("dyetrace")
    facts = {
        "version": version,
        "architecture": architecture,
        "installed_size": str(sum(path.lstat().st_size for path in files(root)) // 1024),
    }
    control = (HERE / "debian/control.in").read_text(encoding="utf-8")
    for name, value in facts.items():
        control = control.replace(f"@{name}@", value)
    write(root / "DEBIAN/control", control, mode=0o644)
    package = into / f"dyetrace_{version}_{architecture}.deb"
    command = ["dpkg-deb", "--root-owner-group", "-Zzstd", "-z3", "--build", root, package]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return package


def files(root: Path) -> Iterator[Path]:
    """List what will be installed."""
    return (path for path in root.rglob("*") if not path.is_dir())


def write(path: Path, text: str, *, mode: int) -> None:
    """Write a file with its mode, whatever our umask is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)


if __name__ == "__main__":
    os.umask(0o022)
    main()
