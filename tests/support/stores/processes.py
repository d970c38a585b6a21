"""Several controllers in miniature, each a process, all at the same moment."""

import os
import subprocess
import sys
from itertools import takewhile
from pathlib import Path

TESTS = Path(__file__).parents[2]
PROCESSES = 4
END = "end\n"


def at_once(url, work):
    """Run the work in several processes that begin together; give what each printed."""
    workers = [
        subprocess.Popen(
            [sys.executable, "-m", "support.stores.worker", url, work, str(number)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            cwd=TESTS, env=os.environ | {"PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path])},
        )
        for number in range(1, PROCESSES + 1)
    ]  # fmt: skip
    try:
        for worker in workers:
            assert worker.stdout.readline() == "ready\n"
        for worker in workers:
            worker.stdin.write("go\n")
            worker.stdin.flush()
        printed = [list(takewhile(lambda line: line != END, worker.stdout)) for worker in workers]
    finally:  # none leaves before all are done: a claim dies with its process
        errors = [worker.communicate(timeout=60)[1] for worker in workers]
    assert [worker.returncode for worker in workers] == [0] * PROCESSES, errors
    return [[line.rstrip("\n") for line in lines] for lines in printed]
