"""Colors that can be undone, and flows as operators write them."""

import pytest

from dyetrace.model.packet import ColorMap
from support.builders import a_flow


def test_a_color_map_is_undone_by_its_way_back():
    colors = ColorMap.parse("0:43,46:47")

    for dscp, color in colors.color_by_class.items():
        assert colors.class_by_color[color] == dscp


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not a color map"),
        ("0", "not a color map"),
        ("0:43:1", "not a color map"),
        ("0:x", "not a color map"),
        ("0:-1", "not a color map"),
        ("0:43,0:47", "one to one"),
        ("0:43,1:43", "one to one"),
        ("64:43", "DSCP 64 is outside"),
        ("0:67", "DSCP 67 is outside"),
        ("0:43,43:47", "itself colored"),
        ("0:44", "not of the local-use pool"),
    ],
)
def test_a_color_map_that_cannot_be_undone_is_refused(text, said):
    with pytest.raises(ValueError, match=said):
        ColorMap.parse(text)


def test_an_empty_color_map_is_refused():
    with pytest.raises(ValueError, match="at least one color"):
        ColorMap(())


def test_a_flow_reads_as_operators_write_it():
    assert str(a_flow("10.0.0.1", "10.0.0.2", src_port=1, dst_port=2)) == (
        "udp 10.0.0.1:1 -> 10.0.0.2:2"
    )
    assert str(a_flow("fd00::1", "fd00::2", protocol=58, src_port=0, dst_port=0)) == (
        "icmpv6 fd00::1 -> fd00::2"
    )
    assert str(a_flow("fd00::1", "fd00::2", protocol=6)).startswith("tcp [fd00::1]:4000")
    assert str(a_flow(protocol=47)).startswith("proto-47 ")
