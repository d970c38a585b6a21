"""Write docs/causes from the catalogue and docs/openapi.json from the API.

With --check, only say what is stale. The pages are built by dyetrace.knowledge.pages,
which does no I/O: that is done here.
"""

import argparse
import json
import sys
from pathlib import Path

from dyetrace.controller.api.app import make_app
from dyetrace.knowledge.pages import pages

DOCS = Path(__file__).parent


def main() -> int:
    """Write the pages and the API's document, or compare them; remove pages of causes gone."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("docs", nargs="?", type=Path, default=DOCS, help="where to write")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if stale")
    options = parser.parse_args()
    wanted = {f"causes/{name}": text for name, text in pages().items()}
    wanted["openapi.json"] = json.dumps(make_app().openapi(), indent=1, sort_keys=True) + "\n"
    present = {
        str(path.relative_to(options.docs)): path.read_text()
        for path in (*options.docs.glob("causes/*.md"), *options.docs.glob("openapi.json"))
    }
    stale = sorted(name for name in wanted | present if wanted.get(name) != present.get(name))
    if options.check:
        for name in stale:
            print(f"{options.docs / name} is stale: run `make docs`", file=sys.stderr)
        return 1 if stale else 0
    (options.docs / "causes").mkdir(parents=True, exist_ok=True)
    for name in stale:
        if name in wanted:
            (options.docs / name).write_text(wanted[name])
        else:
            (options.docs / name).unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
