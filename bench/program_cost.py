"""What each program costs a packet: ns per run by BPF_PROG_TEST_RUN, beyond an empty program.

log_drop has no test run (tp_btf programs have none): it runs on packets that
die, not on those that are forwarded.
"""

import time
from datetime import timedelta
from ipaddress import ip_network

from dyetrace.datapath.linux.attach import PortHandle
from dyetrace.datapath.linux.netns import netns_number
from dyetrace.datapath.linux.programs import Programs
from dyetrace.model.filter import PacketFilter
from dyetrace.model.packet import ColorMap
from dyetrace.model.record import Point
from dyetrace.model.task import Limits
from lib.costs import Case, measure
from lib.empty import empty_program
from lib.frames import ARP, TCP, UDP, ipv4_frame, ipv6_frame, vxlan_frame
from lib.report import Figure, Report, options
from lib.stats import quartiles

COLOR = 43
LIMIT_NS = 15.0
HOUR_NS = 3600 * 10**9
LOOPBACK = PortHandle(netns=netns_number(), namespace="/proc/self/ns/net", ifindex=1)
UNDYED = {
    "UDP": ipv4_frame(UDP),
    "TCP": ipv4_frame(TCP),
    "UDP, IPv6": ipv6_frame(UDP),
    "TCP, IPv6": ipv6_frame(TCP),
    "UDP in VXLAN": vxlan_frame(ipv4_frame(UDP)),
    "TCP in VXLAN": vxlan_frame(ipv4_frame(TCP)),
    "TCP, IPv6, in VXLAN": vxlan_frame(ipv6_frame(TCP)),
    "ARP": ARP,
}
DYED = {
    "UDP": ipv4_frame(UDP, dscp=COLOR),
    "TCP, IPv6": ipv6_frame(TCP, dscp=COLOR),
    "UDP in VXLAN": vxlan_frame(ipv4_frame(UDP, dscp=COLOR)),
}


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--repeat", type=int, default=50_000, help="runs a round, undyed packets")
    parser.add_argument("--single", type=int, default=500, help="runs a round, dyed packets")
    args = parser.parse_args()
    figures = []
    with empty_program() as empty:
        for title, programs, cases in (log_hop(), color(1), color(16), color(1, limited=True)):
            with programs:
                floor = measure(
                    cases,
                    programs,
                    empty=empty,
                    rounds=args.rounds,
                    repeat=args.repeat,
                    single=args.single,
                )
            if not figures:
                figures.append(
                    Figure(name="empty program, gross", unit="ns", summary=quartiles(floor))
                )
            figures += [figure_of(f"{title}, {case.name}", case) for case in cases]
    report = Report(title="Program cost: ns per run beyond an empty program", figures=figures)
    report.notes.append(
        f"{args.rounds} rounds in random order, {args.repeat} runs each ({args.single} of dyed ones), "
        "between two runs of the empty program"
    )
    report.notes.append("dyed: what a traced packet pays, record and all; at most 20 a task or so")
    report.show(as_json=args.json)


def figure_of(name: str, case: Case) -> Figure:
    limit = LIMIT_NS if case.is_undyed else None
    return Figure(name=name, unit="ns", summary=quartiles(case.net_ns), at_most=limit)


def log_hop() -> tuple[str, Programs, list[Case]]:
    programs = Programs(colors=ColorMap(((0, COLOR),)))
    log, restore = (programs.hop_program(Point.EGRESS, restore=restore) for restore in (False, True))
    cases = [
        Case(name=f"undyed {name}", program=log, frame=frame, is_undyed=True)
        for name, frame in UNDYED.items()
    ]
    cases.append(
        Case(name="restore, undyed UDP", program=restore, frame=UNDYED["UDP"], is_undyed=True)
    )
    cases += [
        Case(name=f"dyed {name}", program=log, frame=frame) for name, frame in DYED.items()
    ]
    cases.append(
        Case(name="restore, dyed UDP", program=restore, frame=DYED["UDP"], changes_packet=True)
    )
    return "log_hop", programs, cases


def color(policies: int, *, limited: bool = False) -> tuple[str, Programs, list[Case]]:
    """Policies that want other packets; or one that wants these, but slower."""
    programs = Programs(colors=ColorMap(((0, COLOR),)))
    for slot in range(policies):
        programs.set_policy(
            slot,
            PacketFilter(
                dst=ip_network("10.0.2.21" if limited else f"10.0.9.{slot}"), dst_port=5432
            ),
            Limits(packet_count=1000, trace_time=timedelta(hours=1), packets_per_second=1),
            [LOOPBACK],
            expires_ns=time.monotonic_ns() + HOUR_NS,
            burst_ns=0,
        )
    program = programs.color_program()
    names = ("UDP", "TCP") if limited else ("UDP", "TCP", "UDP, IPv6", "ARP")
    cases = [
        Case(name=name, program=program, frame=UNDYED[name], is_undyed=True) for name in names
    ]
    if limited:
        return "color, wanted but above the rate", programs, cases
    return f"color, {policies} other tasks" if policies > 1 else "color, 1 other task", programs, cases


if __name__ == "__main__":
    main()
