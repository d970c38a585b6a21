"""Verdicts compared with what was planted."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dyetrace.datapath.simulated.cloud import SimulatedCloud
from dyetrace.datapath.simulated.faults import MIX
from dyetrace.datapath.simulated.traffic import Planted, vfd_name
from dyetrace.lab.simulation.client import Answered
from dyetrace.model.packet import Protocol

KIND_OF = {fault: kind for kind, (_, faults) in MIX.items() for fault in faults}
HEALTHY = "healthy"
BLIND = frozenset({"AGENT_DOWN", "NOT_INSTALLED"})
RARE = 1e-3  # what is less likely than this is no luck


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One task: what is so, what was said, and how that compares."""

    number: int
    fault: str
    kind: str  # of production faults; healthy
    share: float
    expected: tuple[str, str, str]  # cause, host, VFD; all "" where nothing is wrong
    said: tuple[str, str, str]
    verdict: str  # "": there was none
    summary: str
    error: str
    verdict_s: float
    packets: int
    records: int
    records_lost: int
    unknowns: tuple[str, ...] = ()  # why the verdict is not certain, by code
    had_agents: bool = True  # everywhere on its way, all the time

    @property
    def is_lucky(self) -> bool:
        """Whether none of the colored packets met a loss by chance, as chance can have it."""
        chance = (1 - self.share) ** self.packets
        return bool(self.fault) and self.verdict == "DELIVERED" and chance > RARE

    @property
    def is_verdict_right(self) -> bool:
        """Whether it says rightly that packets are lost, or that none are."""
        if not self.fault or self.is_lucky:
            return self.verdict == "DELIVERED"
        return self.verdict in ({"LOST"} if self.share == 1.0 else {"LOST", "PARTIAL"})

    @property
    def is_place_right(self) -> bool:
        """Whether it names the device, and none where nothing is wrong."""
        return self.is_verdict_right and (self.is_lucky or self.said[1:] == self.expected[1:])

    @property
    def is_cause_right(self) -> bool:
        """Whether it names the cause as well."""
        return self.is_place_right and (self.is_lucky or self.said == self.expected)

    @property
    def is_false_accusation(self) -> bool:
        """Whether something is blamed that is not at fault."""
        return bool(self.said[0]) and self.said[1:] != self.expected[1:]

    @property
    def is_blindness_told(self) -> bool:
        """Whether it says that nothing can be said for want of an agent, or gives no verdict."""
        is_said = self.verdict == "UNDETERMINED" and bool({*self.unknowns} & BLIND)
        return is_said or not self.verdict


def wanted_of(planted: Planted, *, packet_count: int, trace_time_s: float) -> dict[str, Any]:
    """Write the request that somebody with this flow's trouble would send."""
    flow = planted.flow.five_tuple
    return {
        "filter": {
            "srcVM_ID": planted.flow.source.name,
            "dst_ip": str(flow.dst),
            "protocol": Protocol(flow.protocol).name.lower(),
            "src_port": flow.src_port,
            "dst_port": flow.dst_port,
        },
        "packet_count": packet_count,
        "trace_time": trace_time_s,
    }


def outcome_of(
    planted: Planted, answered: Answered, cloud: SimulatedCloud, *, had_agents: bool = True
) -> Outcome:
    """Compare one answer with the truth."""
    answer: Mapping[str, Any] = answered.answer or {}
    findings, cost = answer.get("findings", ()), answer.get("cost", {})
    first = findings[0] if findings else {"code": "", "host": "", "vfd": ""}
    place = planted.place
    return Outcome(
        number=planted.number,
        fault=planted.fault,
        kind=KIND_OF.get(planted.fault, HEALTHY),
        share=planted.share,
        expected=(
            (planted.cause, cloud.host_name(place.host), vfd_name(place))
            if planted.fault
            else ("", "", "")
        ),
        said=(first["code"], first["host"], first["vfd"]),
        verdict=answer.get("verdict", ""),
        summary=answer.get("summary", ""),
        error=answered.error,
        verdict_s=answered.verdict_s,
        packets=answer.get("total", 0),
        records=cost.get("records", 0),
        records_lost=cost.get("records_lost", 0),
        unknowns=tuple(each["code"] for each in answer.get("undetermined", ())),
        had_agents=had_agents,
    )
