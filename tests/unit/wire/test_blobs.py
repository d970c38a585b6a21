"""Blobs of records: what goes in comes out, and broken ones are refused."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dyetrace.wire.blobs import BadBlob, pack, unpack
from support.builders import across_hosts, rows


def test_records_come_out_as_they_went_in():
    records = rows(*across_hosts())

    assert (unpack(pack(records)) == records).all()


@given(st.integers(0, 200), st.integers(0, 255))
def test_a_corrupt_blob_is_refused_or_has_the_same_shape(position, value):
    blob = bytearray(pack(rows(*across_hosts())))
    blob[position % len(blob)] = value
    with contextlib.suppress(BadBlob):
        assert len(unpack(bytes(blob))) == 4


@given(st.binary(max_size=200))
def test_foreign_bytes_are_refused(data):
    with pytest.raises(BadBlob):
        unpack(data)
