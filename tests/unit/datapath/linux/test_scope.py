import pytest

from dyetrace.datapath.linux.namespaces import Scope


@pytest.mark.parametrize(
    ("names", "name", "is_covered"),
    [
        ((), "anything", True),
        (("dt.a.cn-1.*",), "dt.a.cn-1.vswitch", True),
        (("dt.a.cn-1.*",), "dt.a.cn-10.vswitch", False),
        (("x", "y"), "y", True),
    ],
)
def test_a_scope_covers_names_that_match_one_of_its_globs(
    names: tuple[str, ...], name: str, *, is_covered: bool
) -> None:
    assert Scope(names=names).covers(name) is is_covered
