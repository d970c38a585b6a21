"""What a controller asks of analyzers elsewhere: they are waited for, and losses are told."""

import asyncio
from collections import Counter

import pytest
from msgspec.structs import replace

from dyetrace.analysis.partial import Partial
from dyetrace.analyzer import logged
from dyetrace.analyzer.client import Answer
from dyetrace.analyzer.logged import LoggedAnalyzer
from dyetrace.errors import AnalyzersBehind, LogUnreachable, TooDiverse
from dyetrace.wire.messages import Written
from dyetrace.wire.progress import Progress
from support.builders import TASK, two_hosts

HOST, OTHER = 1, 2


def read_up_to(offset, *, lost=None, region="east"):
    return Progress(0, 1, 0, {region: offset}, lost or {})


class FakeLog:
    """Tells what a list of looks says, the last one for ever."""

    def __init__(self, *looks, answers=None):
        self.looks, self.answers = list(looks), answers or [Answer(partial=Partial())]
        self.asked = 0

    async def progress(self):
        look = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        if isinstance(look, Exception):
            raise look
        return look

    async def answer(self, _task, **_):
        self.asked += 1
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def analyzer_of(log, **fields):
    return LoggedAnalyzer(log=log, task_id=TASK, topology=two_hosts(), **fields)


def caught_up(log, written, **fields):
    analyzer = analyzer_of(log, **fields)

    async def scenario():
        await analyzer.begin()
        await analyzer.catch_up(written)

    asyncio.run(scenario())
    return analyzer


def written(*, offset, waiting=0, region="east"):
    return Written(region=region, offsets={0: offset}, waiting=waiting)


def test_what_was_written_is_waited_for():
    not_yet, away = [read_up_to(4)], LogUnreachable(region="east", why="gone")
    log = FakeLog([], *[not_yet] * 4, away, *[not_yet] * 4, [read_up_to(5)])

    caught_up(log, {HOST: written(offset=5)})

    assert len(log.looks) == 1, "it looked until all was read"


def test_another_regions_progress_is_not_taken_for_ours(monkeypatch):
    monkeypatch.setattr(logged, "BEHIND_FOR_S", 0.0)
    log = FakeLog([read_up_to(9, region="west")])

    with pytest.raises(AnalyzersBehind, match="partition 0 "):
        caught_up(log, {HOST: written(offset=5)})


def test_what_only_some_hosts_wrote_and_nobody_read_counts_as_lost(monkeypatch):
    monkeypatch.setattr(logged, "BEHIND_FOR_S", 0.0)
    away = {HOST: written(offset=5), OTHER: written(offset=5, region="west")}

    assert caught_up(FakeLog([read_up_to(9)]), away).lost() == {OTHER: 1}


def test_a_log_that_stays_away_is_told(monkeypatch):
    monkeypatch.setattr(logged, "BEHIND_FOR_S", 0.0)
    log = FakeLog([read_up_to(9)], LogUnreachable(region="east", why="gone"))

    with pytest.raises(LogUnreachable):
        caught_up(log, {HOST: written(offset=5)})


def test_a_task_that_is_not_told_whole_is_waited_for():
    partial = Answer(partial=Partial(), is_whole=False)
    log = FakeLog([read_up_to(5)], answers=[partial, partial, Answer(partial=Partial())])

    caught_up(log, {HOST: written(offset=5)})

    assert log.asked == 3


def test_a_task_that_is_never_told_whole_is_given_up(monkeypatch):
    monkeypatch.setattr(logged, "BEHIND_FOR_S", 0.0)
    log = FakeLog([read_up_to(5)], answers=[Answer(partial=Partial(), is_whole=False)])

    with pytest.raises(TooDiverse):
        caught_up(log, {HOST: written(offset=5)})


def test_nothing_is_asked_again_when_nothing_was_read():
    log = FakeLog([read_up_to(5)])
    analyzer = caught_up(log, {HOST: written(offset=5)})

    asyncio.run(analyzer.partial({}))

    assert log.asked == 1


@pytest.mark.parametrize(
    ("is_begun_here", "lost"), [(True, {OTHER: 2}), (False, {HOST: 7, OTHER: 2})]
)
def test_only_losses_since_the_task_began_are_its_own(is_begun_here, lost):
    before, after = read_up_to(1, lost={HOST: 7}), read_up_to(5, lost={HOST: 7, OTHER: 2})

    analyzer = caught_up(
        FakeLog([before], [after]), {HOST: written(offset=5)}, is_begun_here=is_begun_here
    )

    assert analyzer.lost() == Counter(lost)


def test_records_that_the_log_has_not_taken_count_as_lost():
    analyzer = caught_up(FakeLog([read_up_to(5)]), {HOST: written(offset=5, waiting=3)})

    assert analyzer.lost() == {HOST: 3}


@pytest.mark.parametrize(("took_s", "lost"), [(19.0, {}), (21.0, {HOST: 1})])
def test_what_the_log_got_later_than_analyzers_wait_may_be_missing(took_s, lost):
    progress = replace(read_up_to(5), waits_s=20.0)
    late = Written(region="east", offsets={0: 5}, slowest_s=took_s)

    assert caught_up(FakeLog([progress]), {HOST: late}).lost() == lost


def test_what_came_too_late_may_be_of_any_host():
    late = Answer(partial=Partial(), late=4)
    everywhere = {HOST: written(offset=5), OTHER: written(offset=5)}

    analyzer = caught_up(FakeLog([read_up_to(5)], answers=[late]), everywhere)

    assert analyzer.lost() == {HOST: 4, OTHER: 4}
