"""Verdicts on records, for tests of the judge."""

from datetime import UTC, datetime

from dyetrace.analysis.analyze import Analysis
from dyetrace.analysis.judge import Observation, judge, places_to_inspect
from dyetrace.analysis.losses import HostReport
from dyetrace.model.record import Point
from dyetrace.model.site import SiteEvidence
from support.builders import (
    SWITCH,
    TASK,
    UPLINK,
    a_record,
    a_task,
    across_hosts,
    name_drop,
    rows,
    two_hosts,
)

NOW = datetime(2026, 1, 1, 0, 1, tzinfo=UTC)


def a_report(number, **known):
    return HostReport(number=number, name=f"cn-{number}", **{"clock_uncertainty_ns": 1000, **known})


def packets(count, *, first=1, keep=4, drop=None, **fields):
    """Records of packets of which the first `keep` of four sightings were made."""
    records = []
    for digest in range(first, first + count):
        made = across_hosts(digest=digest, start_ns=digest * 10_000, **fields)[:keep]
        if drop is not None:
            made.append(
                a_record(
                    Point.DROP,
                    at=(2, SWITCH, UPLINK),
                    seen_ns=digest * 10_000 + 500,
                    digest=digest,
                    drop_reason=drop,
                    **fields,
                )
            )
        records += made
    return records


def verdict_on(  # what a verdict is made of, by keyword
    records,
    *,
    colored=None,
    cn_1=None,
    cn_2=None,
    more_reports=None,
    topology=None,
    task=None,
    site=None,
    **more,
):
    """Judge records; site is what every place of loss looks like, or a function of its key."""
    topology = topology or two_hosts()
    partial = Analysis(topology=topology, name_drop=name_drop).analyze(rows(*records), None)
    found = tuple(partial.of_task(TASK))
    colored = sum(alike.packets for alike in found) if colored is None else colored
    site_of = site if callable(site) else lambda _: site or SiteEvidence()
    return judge(
        Observation(
            task=task or a_task(),
            topology=topology,
            found=found,
            records=partial.records,
            reports={
                1: a_report(1, **{"colored": colored, **(cn_1 or {})}),
                2: a_report(2, **(cn_2 or {})),
                **{host: a_report(host, **known) for host, known in (more_reports or {}).items()},
            },
            sites={key: site_of(key) for key in places_to_inspect(found, topology)},
            now=NOW,
            **more,
        )
    )
