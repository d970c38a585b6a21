"""A seeded sample of the scenario matrix: many faults, one scenario of each."""

import os

from dyetrace.cli.lab_matrix import diagnose_flow
from dyetrace.lab.matrix.choice import all_groups, chosen, in_working_order, sampled
from dyetrace.lab.matrix.report import MatrixReport
from dyetrace.lab.matrix.run import run_matrix
from dyetrace.lab.namespaces import clouds_with_namespaces

SEED = 20
# Faults that test_broken.py does not have, at places of one kind of cloud.
SAMPLE = (
    r"(forward_drop|netdev_ingress_drop|tc_ingress_drop|every_third_drop|wrong_next_hop"
    r"|entry_missing|underlay_route_missing|vxlan_missing|fabric_lossy|shaper_burst_small"
    r"|healthy)@[a-z-]+/routed/"
)


def test_a_sample_of_the_matrix_is_diagnosed_right():
    groups = in_working_order(sampled(chosen(all_groups(), pattern=SAMPLE), seed=SEED))
    lines: list[str] = []

    outcomes = run_matrix(
        groups,
        diagnose=diagnose_flow,
        jobs=2,
        on_done=lambda group, _, seconds: lines.append(f"{group.name}: {seconds:.1f} s"),
    )

    report = MatrixReport(command="pytest", seconds=0.0, outcomes=tuple(outcomes), whole=0)
    assert len(outcomes) == len(groups) == len(lines)
    assert [(each.scenario.id, each.invalid) for each in report.invalid] == []
    assert [(each.scenario.id, each.found) for each in report.wrong] == []
    left = [name for name in clouds_with_namespaces() if name.startswith(f"matrix-{os.getpid()}-")]
    assert left == [], "the jobs must take their clouds down"
