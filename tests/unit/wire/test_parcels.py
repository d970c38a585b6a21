"""Parcels: what goes in comes out, and everything else is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dyetrace.analysis.columns import records_of
from dyetrace.wire import blobs
from dyetrace.wire.parcels import BadParcel, Header, pack, unpack
from support.builders import across_hosts, rows


def a_header(**fields):
    given_fields = {"host": 1, "session": 2**64 - 1, "partition": 3, "before": 4, "records": 4}
    return Header(**(given_fields | fields))


def a_parcel(**fields):
    return pack(a_header(**fields), blobs.pack(rows(*across_hosts())))


def test_a_parcel_comes_out_as_it_went_in():
    header = a_header(drop_names={2: "NETFILTER_DROP"}, symbols={2**63: "nft_do_chain"})

    parcel = unpack(pack(header, blobs.pack(rows(*across_hosts()))))

    assert parcel.header == header
    assert (records_of(parcel.columns) == rows(*across_hosts())).all()


def test_a_parcel_with_other_records_than_it_says_is_refused():
    with pytest.raises(BadParcel, match="holds 4"):
        unpack(a_parcel(records=5))


@given(st.integers(0, 2000), st.integers(0, 255))
def test_a_corrupt_parcel_is_refused_or_says_as_many_records_as_it_has(position, value):
    data = bytearray(a_parcel())
    data[position % len(data)] = value
    try:
        parcel = unpack(bytes(data))
    except BadParcel:
        return
    assert parcel.columns.shape[1] == parcel.header.records


@given(st.binary(max_size=300))
def test_foreign_bytes_are_refused(data):
    for content in (data, b"DYEP\x01\x00" + data):
        with pytest.raises(BadParcel):
            unpack(content)
