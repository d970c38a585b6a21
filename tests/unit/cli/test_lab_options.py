"""What is given to `lab up` is read, or refused with what to write."""

import pytest

from dyetrace.cli.lab import clock_offsets_of
from dyetrace.errors import InvalidRequest


def test_clock_offsets_are_seconds_by_host():
    assert clock_offsets_of(["cn-2=5", "cn-3=-0.5"]) == {"cn-2": 5.0, "cn-3": -0.5}


@pytest.mark.parametrize("text", ["cn-2", "cn-2=", "cn-2=soon", "5"])
def test_an_offset_without_host_or_seconds_is_refused(text):
    with pytest.raises(InvalidRequest, match="write HOST=SECONDS"):
        clock_offsets_of([text])
