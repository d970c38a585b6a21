"""What each program costs a packet: ns per run by BPF_PROG_TEST_RUN, beyond an empty program.

log_drop has no test run (tp_btf programs have none): it runs on packets that
die, not on those that are forwarded.
"""

from lib.costs import Case, Runs, measure
from lib.empty import empty_program
from lib.frames import ARP, TCP, UDP, ipv4_frame, ipv6_frame, vxlan_frame
from lib.path import COLOR, add_policy
from lib.report import Figure, Report, options
from lib.stats import quartiles

from dyetrace.datapath.linux.programs import Programs
from dyetrace.model.packet import ColorMap
from dyetrace.model.record import Point

LIMIT_NS = 15.0
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
    runs = Runs(rounds=args.rounds, undyed=args.repeat, dyed=args.single)
    figures: list[Figure] = []
    with empty_program() as empty:
        for title, programs, cases in (log_hop(), color(1), color(16), color(1, is_wanted=True)):
            with programs:
                floor = measure(cases, programs, empty=empty, runs=runs)
            if not figures:
                figures.append(
                    Figure(name="empty program, gross", unit="ns", summary=quartiles(floor))
                )
            figures += [figure_of(f"{title}, {case.name}", case) for case in cases]
    report = Report(title="Program cost: ns per run beyond an empty program", figures=figures)
    report.notes.append(
        f"{args.rounds} rounds in random order, of {args.repeat} runs each "
        f"({args.single} of dyed packets), between two runs of the empty program"
    )
    report.notes.append("dyed: what a traced packet pays, record and all; at most 20 a task or so")
    report.show(as_json=args.json)


def figure_of(name: str, case: Case) -> Figure:
    return Figure(name=name, unit="ns", summary=quartiles(case.net_ns), at_most=case.limit_ns)


def log_hop() -> tuple[str, Programs, list[Case]]:
    programs = Programs(colors=ColorMap(((0, COLOR),)))
    log, restore = (
        programs.hop_program(Point.EGRESS, restore=restore) for restore in (False, True)
    )
    cases = [
        Case(name=f"undyed {name}", program=log, frame=frame, is_undyed=True, limit_ns=LIMIT_NS)
        for name, frame in UNDYED.items()
    ]
    cases.append(
        Case(
            name="restore, undyed UDP",
            program=restore,
            frame=UNDYED["UDP"],
            is_undyed=True,
            limit_ns=LIMIT_NS,
        )
    )
    cases += [Case(name=f"dyed {name}", program=log, frame=frame) for name, frame in DYED.items()]
    cases.append(
        Case(name="restore, dyed UDP", program=restore, frame=DYED["UDP"], changes_packet=True)
    )
    return "log_hop", programs, cases


def color(policies: int, *, is_wanted: bool = False) -> tuple[str, Programs, list[Case]]:
    """Policies that want other packets; or one that wants these, but far fewer."""
    programs = Programs(colors=ColorMap(((0, COLOR),)))
    for slot in range(policies):
        destination = "10.0.2.21" if is_wanted else f"10.0.9.{slot}"
        add_policy(programs, slot, destination, per_second=1)
    program = programs.color_program()
    names = ("UDP", "TCP") if is_wanted else ("UDP", "TCP", "UDP, IPv6", "ARP")
    has_limit = policies == 1 and not is_wanted
    cases = [
        Case(
            name=name,
            program=program,
            frame=UNDYED[name],
            is_undyed=True,
            limit_ns=LIMIT_NS if has_limit else None,
        )
        for name in names
    ]
    if is_wanted:
        return "color, wanted but above the rate", programs, cases
    return f"color, {policies} other task{'s'[: policies > 1]}", programs, cases


if __name__ == "__main__":
    main()
