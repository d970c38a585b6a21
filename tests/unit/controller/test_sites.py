"""What the places of loss look like when several looks were taken."""

import pytest

from dyetrace.controller.sites import with_queues
from dyetrace.model.site import Queue, SiteEvidence

KEY = ((1, 100, 2), 2, "", "", None, None)


def held(packets):
    return Queue(kind="tbf", device="uplink0", packets=packets)


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [(41, 40, 41), (41, None, 41), (0, 3, 3), (3, 3, 3)],
    ids=["one has left", "all have left", "more have come", "all are there"],
)
def test_a_queue_is_told_of_as_it_was_when_it_held_most(before, now, told):
    site = SiteEvidence(queue=held(now) if now is not None else None)

    found = with_queues({KEY: site}, {KEY: held(before)})

    assert found[KEY].queue.packets == told


def test_a_place_without_a_queue_stays_as_it_was_found():
    site = SiteEvidence(forwarding=False)
    assert with_queues({KEY: site}, {}) == {KEY: site}
