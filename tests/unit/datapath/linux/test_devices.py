import pytest

from dyetrace.datapath.linux.devices import limit_of


@pytest.mark.parametrize(
    ("kind", "options", "limit"),
    [
        ("tbf", {"attrs": [("TCA_TBF_PARMS", {"rate": 1000, "limit": 3000})]}, 3000),
        ("pfifo", {"limit": 7}, 7),
        ("bfifo", "09:03:00:00", 777),
        ("fq_codel", {"attrs": [("TCA_FQ_CODEL_LIMIT", 10240)]}, 10240),
        ("htb", {"attrs": [("TCA_HTB_INIT", {"version": 3})]}, 0),
        ("mq", None, 0),
        ("bfifo", "", 0),
        ("unheard-of", "de:ad:be:ef", 0),
    ],
)
def test_a_queues_limit_is_found_however_the_library_decodes_it(
    kind: str, options: object, limit: int
) -> None:
    assert limit_of(kind, options) == limit
