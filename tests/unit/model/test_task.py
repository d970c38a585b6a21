"""Tasks: limits that hold, and steps that the handshake allows."""

from datetime import timedelta

import pytest

from dyetrace.model.task import Limits, TaskState, task_name

ORDER = ["new", "ready", "tracing", "collecting", "done"]


@pytest.mark.parametrize("count", [1, 20, 100_000])
def test_packet_counts_within_bounds_are_taken(count):
    assert Limits(packet_count=count).packet_count == count


@pytest.mark.parametrize(
    "fields",
    [
        {"packet_count": 0},
        {"packet_count": -1},
        {"packet_count": 100_001},
        {"trace_time": timedelta(0)},
        {"trace_time": timedelta(seconds=-1)},
        {"trace_time": timedelta(hours=1, microseconds=1)},
        {"packets_per_second": 0},
        {"packets_per_second": 100_001},
    ],
    ids=str,
)
def test_limits_that_trace_nothing_or_everything_are_refused(fields):
    with pytest.raises(ValueError, match="is outside"):
        Limits(**fields)


@pytest.mark.parametrize("state", TaskState)
@pytest.mark.parametrize("following", TaskState)
def test_only_the_next_step_or_an_early_end_is_allowed(state, following):
    ended = state in {"done", "failed", "cancelled"}
    is_next = state in ORDER[:-1] and following == ORDER[ORDER.index(state) + 1]
    gives_up = following in {"failed", "cancelled"}

    assert state.may_become(following) == (not ended and (is_next or gives_up))


def test_a_state_is_final_when_nothing_may_follow():
    for state in TaskState:
        assert state.is_final == (not any(state.may_become(other) for other in TaskState))


def test_a_task_is_named_by_sixteen_digits():
    assert task_name(0x1F) == "000000000000001f"
    assert task_name(2**64 - 1) == "f" * 16
