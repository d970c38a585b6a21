"""Looks whether this host can trace: a process of its own, that takes its libraries with it.

The agent stays for months, and so does without what only reads certificates and tries kernels.
"""

import asyncio
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dyetrace.errors import DyetraceError
from dyetrace.wire.messages import HostCheck

WITHIN_S = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """What a host allows, and until when its agent's certificate holds (seconds since 1970)."""

    checks: tuple[HostCheck, ...] = ()
    certificate_ends_s: float | None = None


async def not_examined() -> Examination:
    """Look at nothing."""
    return Examination()


async def examine(identity: Path | None) -> Examination:
    """Examine this host, and the certificate in a file; raises DyetraceError."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "dyetrace.agent.examine", str(identity or "")),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(WITHIN_S):
            told, _ = await process.communicate()
        found: dict[str, Any] = json.loads(told)
    except (TimeoutError, ValueError) as error:
        raise DyetraceError("this host could not be examined: its agent's log says why") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    checks = tuple(HostCheck(**check) for check in found["checks"])
    return Examination(checks=checks, certificate_ends_s=found["certificate_ends_s"])


def main() -> None:
    """Print what is found as JSON."""
    from dyetrace.datapath.linux.capabilities import check_capabilities

    identity = Path(sys.argv[1]) if sys.argv[1] else None
    found = {
        "checks": [asdict(check) for check in check_capabilities()],
        "certificate_ends_s": _certificate_ends_s(identity),
    }
    print(json.dumps(found))  # noqa: T201 - the agent reads it


def _certificate_ends_s(identity: Path | None) -> float | None:
    if identity is None or not identity.exists():
        return None
    from cryptography import x509

    certificate = x509.load_pem_x509_certificate(identity.read_bytes())
    return certificate.not_valid_after_utc.timestamp()


if __name__ == "__main__":
    main()
