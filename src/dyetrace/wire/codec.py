"""Model objects and messages to plain values and bytes, and back."""

from collections.abc import Callable
from datetime import timedelta
from functools import cache, lru_cache
from ipaddress import ip_address, ip_network
from typing import Any, TypeVar, get_args

import msgspec
from cattrs import Converter
from cattrs.errors import BaseValidationError

from dyetrace.errors import DyetraceError
from dyetrace.model.packet import Address, Network
from dyetrace.wire.messages import Message

T = TypeVar("T")

MOST_ADDRESSES = 1 << 14  # that are kept as read: each policy has those of its host

MESSAGE_TYPES = {kind.__name__: kind for kind in get_args(Message)}


class BadMessage(DyetraceError):
    """The other side said something that is not of the protocol."""


@cache
def converter() -> Converter:
    """Make the one converter; addresses travel as text, sets as lists."""
    made = Converter(unstruct_collection_overrides={frozenset: sorted, tuple: list})
    for kind in (Address, Network, *get_args(Address), *get_args(Network)):
        made.register_unstructure_hook(kind, str)
    _register_union(made, Address, lru_cache(MOST_ADDRESSES)(ip_address))
    _register_union(made, Network, ip_network)
    made.register_unstructure_hook(timedelta, timedelta.total_seconds)
    made.register_structure_hook(timedelta, lambda value, _: timedelta(seconds=value))
    return made


def _register_union(made: Converter, union: Any, read: Callable[[str], object]) -> None:  # noqa: ANN401 - a union is no type to mypy
    made.register_structure_hook(union, lambda value, _: read(value))
    made.register_structure_hook(
        union | None, lambda value, _: None if value is None else read(value)
    )


def to_plain(value: object) -> Any:  # noqa: ANN401 - whatever msgpack and JSON can hold
    """Turn a model object into dicts, lists, numbers and text."""
    return converter().unstructure(value)


def from_plain(value: Any, kind: type[T]) -> T:  # noqa: ANN401 - as above
    """Build a model object from plain values; raises BadMessage."""
    try:
        return converter().structure(value, kind)
    except (BaseValidationError, ValueError, TypeError, KeyError) as error:
        raise BadMessage(f"not a {kind.__name__}: {error}") from error


def encode(message: Message) -> bytes:
    """Write a message as msgpack: its type's name, then its fields."""
    return msgspec.msgpack.encode([type(message).__name__, to_plain(message)])


def decode(data: bytes) -> Message:
    """Read a message; raises BadMessage for anything else, whatever the bytes."""
    try:
        name, fields = msgspec.msgpack.decode(data)
        kind = MESSAGE_TYPES[name]
    except (msgspec.MsgspecError, ValueError, TypeError, KeyError) as error:
        raise BadMessage(f"not a message of this protocol: {error}") from error
    message: Message = from_plain(fields, kind)
    return message
