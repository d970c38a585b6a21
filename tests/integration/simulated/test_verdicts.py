"""What is planted in a simulated cloud is found, by real agents over real sockets."""

import asyncio

import pytest

from dyetrace.datapath.simulated.cloud import SimulatedCloud
from dyetrace.datapath.simulated.faults import FAULTS
from dyetrace.datapath.simulated.shape import Unreliable
from dyetrace.datapath.simulated.traffic import vfd_name
from dyetrace.wire.answer import answer_of
from support.simulated import SMALL, simulated

SPOKEN_TO: dict[int, set[str]] = {}  # hosts, by flow, once `answers` are there
FLOWS = 400  # enough that every fault is planted once


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """One planted flow of each fault, and a healthy one, with the truth and what was answered."""

    async def run():
        async with simulated(tmp_path_factory.mktemp("agents"), flows=FLOWS) as cloud:
            chosen = {each.fault: each for each in reversed(cloud.traffic.planted)}
            verdicts = await asyncio.gather(*map(cloud.diagnose, chosen.values()))
            hosts = cloud.traffic.cloud.host_name
            SPOKEN_TO.update(cloud.spoken_to)
            return {
                fault: (answer_of(verdict), planted, hosts(planted.place.host))
                for (fault, planted), verdict in zip(chosen.items(), verdicts, strict=True)
            }

    return asyncio.run(run())


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_blamed_on_its_device_by_its_cause(answers, fault):
    answer, planted, host = answers[fault]
    finding = answer["findings"][0]
    found = (finding["code"], finding["host"], finding["vfd"])
    assert found == (planted.cause, host, vfd_name(planted.place))
    assert answer["verdict"] in ({"LOST"} if planted.share == 1.0 else {"LOST", "PARTIAL"})


def test_a_healthy_flow_is_delivered(answers):
    answer, planted, _ = answers[""]
    assert answer["verdict"] == "DELIVERED"
    first = answer["paths"][0]["hops"][0]
    assert first["host"].endswith(f"-{planted.flow.source.host}")


def test_a_task_speaks_to_the_hosts_in_its_reach_and_to_those_where_its_packets_went(answers):
    for _, planted, _ in answers.values():
        network, cloud = planted.flow.source.network, SimulatedCloud(SMALL)
        of_tenant = {vm.host for vm in cloud.vms_by_network[network]}
        concerned = of_tenant | {cloud.gateway_of(network)} | {stop.host for stop in planted.ended}
        assert SPOKEN_TO[planted.number] == {cloud.host_name(host) for host in concerned}


def test_lost_records_accuse_nobody(tmp_path):
    async def run():
        lossy = Unreliable(records_lost=0.3)
        async with simulated(tmp_path, flows=30, unreliable=lossy) as cloud:
            healthy = [each for each in cloud.traffic.planted if not each.fault]
            return await asyncio.gather(*map(cloud.diagnose, healthy))

    verdicts = [answer_of(verdict) for verdict in asyncio.run(run())]
    assert verdicts
    assert {answer["verdict"] for answer in verdicts} <= {"UNDETERMINED", "DELIVERED"}
    assert all(not answer["findings"] for answer in verdicts)
