"""Agents end evenly over a run, on hosts that matter, and the tasks they concern are known."""

from dyetrace.datapath.simulated.cloud import SimulatedCloud
from dyetrace.datapath.simulated.traffic import Traffic
from dyetrace.lab.simulation.losses import AgentLosses
from support.simulated import SMALL

PLANTED = Traffic(SimulatedCloud(SMALL), 40).planted


def losses(agents):
    told = []
    made = AgentLosses(
        planted=PLANTED,
        agents=agents,
        seed=1,
        lose=lambda host: told.append(("lose", host)),
        bring_back=lambda host: told.append(("start", host)),
    )
    return made, told


def after_all(agents):
    made, told = losses(agents)
    for done in range(1, len(PLANTED) + 1):
        made.answered(done, now_s=float(done))
    return made, told


def test_as_many_end_as_are_wanted_each_once_and_every_second_is_started_again():
    made, told = after_all(4)
    lost = [host for what, host in told if what == "lose"]

    assert len(set(lost)) == 4
    assert [absence.since_s for absence in made.absences] == [8.0, 16.0, 24.0, 32.0]
    assert [host for what, host in told if what == "start"] == [lost[1], lost[3]]


def test_none_ends_where_none_should():
    made, told = after_all(0)
    assert (made.absences, told) == ([], [])


def test_only_hosts_end_that_packets_of_later_tasks_pass():
    made, _ = after_all(2)
    first = made.absences[0]
    later = {stop.host for each in PLANTED[int(first.since_s) :] for stop in each.way}
    assert first.host in later


def test_a_task_is_concerned_while_a_host_on_its_way_has_no_agent():
    made, _ = losses(1)
    done = len(PLANTED) // 2 + 1
    made.answered(done, now_s=10.0)
    host = made.absences[0].host
    passing = next(each for each in PLANTED if host in {stop.host for stop in each.way})
    other = next(
        each for each in PLANTED if host not in {stop.host for stop in (*each.way, *each.ended)}
    )

    assert made.concern(passing, 9.0, 11.0)
    assert not made.concern(passing, 8.0, 9.0)
    assert not made.concern(other, 9.0, 11.0)
    made.is_back(host, 12.0)
    assert made.concern(passing, 11.0, 13.0)
    assert not made.concern(passing, 13.0, 14.0)
