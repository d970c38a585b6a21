"""What a session hands to its connection, and when that is all."""

import asyncio
from contextlib import suppress

from dyetrace.agent.outbox import Outbox
from dyetrace.agent.session import Connection, Session
from dyetrace.wire.messages import Records


class Writer:
    """A connection's writer that keeps what it is given."""

    def __init__(self):
        self.written = []

    def write(self, data):
        self.written.append(data)

    async def drain(self):
        await asyncio.sleep(0)


def test_all_is_sent_only_once_nothing_has_come_meanwhile():
    async def run():
        session, writer = Session("a", Outbox()), Writer()
        connection = Connection(writer, session.outbox)
        session.connect(connection)
        sending = asyncio.create_task(connection.run())
        await asyncio.sleep(0)
        told = connection._is_sent.set

        def tell_and_ship_more():
            """Another task's records come before whoever waits goes on."""
            if session.outbox.last == 1:
                more = Records(blob=b"second", records=1)
                asyncio.get_running_loop().call_soon(session.ship, more)
            told()

        connection._is_sent.set = tell_and_ship_more
        session.ship(Records(blob=b"first", records=1))
        await connection.all_sent()
        sent, there_are = len(writer.written), session.outbox.records
        sending.cancel()
        with suppress(asyncio.CancelledError):
            await sending
        return sent, there_are

    assert asyncio.run(run()) == (2, 2)
