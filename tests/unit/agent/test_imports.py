"""An agent stays for months: what it need not carry is not imported."""

import subprocess
import sys

HEAVY = ("cryptography", "fastapi", "pydantic", "sqlalchemy", "typer", "uvicorn")
LOADED = "import sys, dyetrace.agent.__main__; print(*{n.partition('.')[0] for n in sys.modules})"


def test_the_serving_agent_imports_no_cryptography_and_no_framework():
    done = subprocess.run(
        [sys.executable, "-c", LOADED], capture_output=True, text=True, check=True
    )
    assert not set(HEAVY) & set(done.stdout.split())
    assert "ssl" in done.stdout.split()
