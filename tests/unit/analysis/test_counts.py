"""What is of a few tasks is found without the others, however it was added."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dyetrace.analysis.analyze import Analysis
from dyetrace.analysis.counting import counted
from dyetrace.analysis.counts import Counts
from dyetrace.analysis.tally import tasks_of
from support.builders import TASK, name_drop, two_hosts
from support.streams import OTHER_TASK, Knobs, columns, stream

THIRD_TASK = 0xABCDEF


def partial_of(tally):
    return Analysis(topology=two_hosts(), name_drop=name_drop).partial(tally)


def streams(seeds):
    """Records of different packets for each seed, of which every other one is a third task's."""
    for number, seed in enumerate(seeds):
        found = columns(stream(Knobs(seed=seed, packets=12, loss=0.1)))
        found[0] ^= np.uint64(number << 40)  # other digests
        if number % 2:
            found[1][found[1] == np.uint64(TASK)] = THIRD_TASK
        yield found


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 2**20), min_size=1, max_size=6, unique=True))
def test_tasks_are_the_same_alone_and_in_all_of_it(seeds):
    counts = Counts()
    for each in streams(seeds):
        counts.add(counted(each))
    alone = {task: counts.of_tasks({task, 42}) for task in (TASK, OTHER_TASK, THIRD_TASK)}
    whole = counts.whole()

    for task, tally in alone.items():
        assert set(tasks_of(tally)) <= {task, *np.unique(whole.open[1]).tolist()}
        assert partial_of(tally).of_task(task) == partial_of(whole).of_task(task)
    assert whole.records == sum(counted(each).records for each in streams(seeds))


@pytest.mark.parametrize("gone", [TASK, THIRD_TASK])
def test_what_is_forgotten_is_gone_and_the_rest_stays(gone):
    counts = Counts()
    for each in streams([1, 2, 3, 4]):
        counts.add(counted(each))
    (kept,) = {TASK, THIRD_TASK} - {gone}
    before = partial_of(counts.whole()).of_task(kept)

    counts.forget([gone])

    assert gone not in counts.whole().kinds.task
    assert partial_of(counts.whole()).of_task(kept) == before
