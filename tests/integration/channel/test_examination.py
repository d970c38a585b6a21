"""A host examined by a process of its own, with the certificate of an agent that has joined."""

import asyncio
import time

from dyetrace.agent.examine import examine
from support.gates import a_gate

DAY_S = 24 * 3600


def test_a_host_is_examined_and_its_certificate_read(tmp_path):
    async def main():
        async with a_gate(tmp_path) as at:
            await at.join("cn-9")
            joined = await examine(at.member("cn-9").identity)
            stranger = await examine(at.member("nobody").identity)
            return joined, stranger

    joined, stranger = asyncio.run(main())

    assert abs(joined.certificate_ends_s - time.time() - DAY_S) < 600
    assert stranger.certificate_ends_s is None
    names = {check.name for check in joined.checks}
    assert {"kernel", "libbpf", "programs"} <= names
