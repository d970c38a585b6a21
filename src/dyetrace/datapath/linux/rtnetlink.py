"""What we use of pyroute2, in types: it has none of its own."""

from typing import Any, Protocol

from pyroute2.netlink.exceptions import NetlinkError

from dyetrace.datapath.linux.errors import DatapathError

UNREADABLE = (OSError, NetlinkError, DatapathError)
"""What reading a namespace fails with when it, or what was asked for, is not there."""

ODD = (KeyError, TypeError, ValueError, AttributeError, IndexError)
"""What taking a message apart fails with when it is not as expected."""


class Message(Protocol):
    """A netlink message, or a set of attributes within one."""

    def get_attr(self, name: str) -> Any:  # noqa: ANN401 - as many types as attributes
        """Get an attribute, None if it is not there."""

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 - as many types as fields
        """Get a field of the header."""
