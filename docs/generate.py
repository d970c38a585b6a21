"""Write docs/causes from the catalogue of causes; with --check, only say what is stale.

The pages are built by dyetrace.knowledge.pages, which does no I/O: that is done here.
"""

import argparse
import sys
from pathlib import Path

from dyetrace.knowledge.pages import pages

FOLDER = Path(__file__).parent / "causes"


def main() -> int:
    """Write the pages, or compare them, and remove those of causes that are gone."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER, help="where to write")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if stale")
    options = parser.parse_args()
    wanted = pages()
    present = {path.name: path.read_text() for path in options.folder.glob("*.md")}
    stale = sorted(name for name in wanted | present if wanted.get(name) != present.get(name))
    if options.check:
        for name in stale:
            print(f"{options.folder / name} is stale: run `make docs`", file=sys.stderr)
        return 1 if stale else 0
    options.folder.mkdir(parents=True, exist_ok=True)
    for name in stale:
        if name in wanted:
            (options.folder / name).write_text(wanted[name])
        else:
            (options.folder / name).unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
