"""An index whose values come from hosts, each of which can give others at any time."""

from collections.abc import Hashable, Iterable, Iterator, Mapping
from itertools import chain
from typing import TypeVar

from dyetrace.model.topology import grouped

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

Share = tuple[int, tuple[V, ...]]
"""What one host has of a key: its number, and values."""


class Shares(Mapping[K, tuple[V, ...]]):
    """Values by key; to give a host's anew takes no longer for what others gave.

    Most keys are one host's, at a million of them that counts: only what several share
    has a table of its own.
    """

    __slots__ = ("_keys", "_shared")

    def __init__(self) -> None:
        """Begin without any."""
        self._shared: dict[K, Share[V] | dict[int, tuple[V, ...]]] = {}
        self._keys: dict[int, tuple[K, ...]] = {}

    def put(self, host: int, pairs: Iterable[tuple[K, V]]) -> None:
        """Take all that a host has now, in place of what it had."""
        for key in self._keys.pop(host, ()):
            self._drop(key, host)
        own = grouped(pairs)
        for key, values in own.items():
            self._add(key, host, values)
        if own:
            self._keys[host] = tuple(own)

    def __getitem__(self, key: K) -> tuple[V, ...]:
        """Give all hosts' values of a key, in no order."""
        if key not in self._shared:
            raise KeyError(key)
        return tuple(self.each(key))

    def each(self, key: K) -> Iterator[V]:
        """Give the values of a key one by one, for who may not need all."""
        shares = self._shared.get(key, {})
        if isinstance(shares, tuple):
            yield from shares[1]
        else:
            yield from chain.from_iterable(shares.values())

    def __contains__(self, key: object) -> bool:
        """Whether any host has it."""
        return key in self._shared

    def __iter__(self) -> Iterator[K]:
        """Give all keys."""
        return iter(self._shared)

    def __len__(self) -> int:
        """Count the keys."""
        return len(self._shared)

    def _add(self, key: K, host: int, values: tuple[V, ...]) -> None:
        shares = self._shared.get(key)
        if shares is None:
            self._shared[key] = (host, values)
        elif isinstance(shares, tuple):
            self._shared[key] = {shares[0]: shares[1], host: values}
        else:
            shares[host] = values

    def _drop(self, key: K, host: int) -> None:
        shares = self._shared[key]
        if isinstance(shares, tuple) or len(shares) == 1:
            del self._shared[key]
        else:
            del shares[host]
