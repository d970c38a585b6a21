"""Messages over a byte stream: each with its length before it."""

import asyncio

from dyetrace.wire.codec import BadMessage, decode, encode
from dyetrace.wire.messages import Message

LENGTH_BYTES = 4
LARGEST_MESSAGE = 64 * 1024 * 1024


def framed(message: Message) -> bytes:
    """Write a message as it goes over the stream."""
    data = encode(message)
    return len(data).to_bytes(LENGTH_BYTES, "big") + data


async def send(writer: asyncio.StreamWriter, message: Message) -> None:
    """Send one message, waiting while the other side is slow."""
    writer.write(framed(message))
    await writer.drain()


async def receive(reader: asyncio.StreamReader) -> Message | None:
    """Wait for the next message; None when the other side is gone. Raises BadMessage."""
    try:
        size = int.from_bytes(await reader.readexactly(LENGTH_BYTES), "big")
        if size > LARGEST_MESSAGE:
            raise BadMessage(f"a message of {size} bytes is too long")
        return decode(await reader.readexactly(size))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
