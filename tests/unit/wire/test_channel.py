"""Streams of one connection: complete, apart from each other, and bounded."""

import asyncio
import socket

import pytest

from dyetrace.wire.channel import CHUNK, HEADER, WINDOW, Channel, Kind
from dyetrace.wire.codec import BadMessage


async def a_pair():
    """Two ends of one connection."""
    left, right = socket.socketpair()
    return await asyncio.open_connection(sock=left), await asyncio.open_connection(sock=right)


class Two:
    """Two sides of a channel: what one opens, an echo or a silent reader at the other accepts."""

    def __init__(self):
        self.accepted = []
        self.tasks = []
        self.has_accepted = asyncio.Event()

    async def start(self):
        ours, theirs = await a_pair()
        self.near = Channel(*ours)
        self.far = Channel(*theirs, accept=self._accept)
        self.running = [asyncio.create_task(each.run()) for each in (self.near, self.far)]

    async def _accept(self):
        inner, outer = await a_pair()
        self.accepted.append(outer)
        self.has_accepted.set()
        return inner

    async def open(self):
        inner, outer = await a_pair()
        self.has_accepted.clear()
        self.tasks.append(asyncio.create_task(self.near.carry(*inner)))
        await self.has_accepted.wait()
        return outer, self.accepted[-1]

    async def end(self):
        for task in self.running:
            task.cancel()
        await asyncio.gather(*self.running, *self.tasks, return_exceptions=True)


def run(test):
    async def main():
        two = Two()
        await two.start()
        try:
            async with asyncio.timeout(20):
                await test(two)
        finally:
            await two.end()
            for _, writer in two.accepted:
                writer.close()

    asyncio.run(main())


def test_more_bytes_than_a_window_arrive_whole_and_in_order_both_ways():
    data = bytes(range(256)) * (3 * WINDOW // 256)

    async def test(two):
        (_, near_writer), (far_reader, far_writer) = near, far = await two.open()
        near_writer.write(data)
        far_writer.write(data[::-1])
        got = await asyncio.gather(
            far_reader.readexactly(len(data)), near[0].readexactly(len(data))
        )
        assert got == [data, data[::-1]]
        near_writer.close()
        assert await far[0].read() == b""

    run(test)


def test_a_stream_that_nobody_reads_holds_up_no_other():
    async def test(two):
        (_, stuck), _unread = await two.open()
        stuck.write(bytes(8 * WINDOW))
        (_, writer), (reader, _) = await two.open()
        for number in range(20):
            writer.write(bytes([number]) * CHUNK)
            assert await reader.readexactly(CHUNK) == bytes([number]) * CHUNK
        stuck.transport.abort()
        writer.close()

    run(test)


def test_what_was_written_before_a_stream_was_closed_arrives():
    async def test(two):
        (_, writer), (reader, _) = await two.open()
        writer.write(b"last words")
        writer.close()
        assert await reader.read() == b"last words"

    run(test)


def test_streams_end_with_their_connection():
    async def test(two):
        (reader, writer), _ = await two.open()
        two.running[1].cancel()
        assert await reader.read() == b""
        await asyncio.wait(two.running)
        writer.close()

    run(test)


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        HEADER.pack(Kind.OPEN, 1, 0),  # the opener opens; nobody opens to it
        HEADER.pack(Kind.DATA, 1, CHUNK + 1),
        HEADER.pack(99, 1, 0),
    ],
)
def test_what_is_no_frame_ends_the_connection(sent):
    async def main():
        ours, (reader, writer) = await a_pair()
        running = asyncio.create_task(Channel(*ours).run())
        writer.write(sent)
        with pytest.raises(BadMessage):
            await asyncio.wait_for(running, 10)
        assert await reader.read() == b""
        writer.close()

    asyncio.run(main())


def test_who_overruns_a_window_is_cut_off():
    async def main():
        async def silent():
            inner, outer = await a_pair()
            ends.append(outer)
            return inner

        ends = []
        ours, (_, writer) = await a_pair()
        running = asyncio.create_task(Channel(*ours, accept=silent).run())
        writer.write(HEADER.pack(Kind.OPEN, 1, 0))
        for _ in range(64 * WINDOW // CHUNK):
            writer.write(HEADER.pack(Kind.DATA, 1, CHUNK) + bytes(CHUNK))
        with pytest.raises(BadMessage, match="overran"):
            await asyncio.wait_for(running, 10)
        for each in (*(outer for _, outer in ends), writer):
            each.transport.abort()

    asyncio.run(main())
