"""dyetrace analyzer: a process that turns the record log into what is known of each task."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from dyetrace.cli.record_log import log_servers, needs_client
from dyetrace.errors import InvalidRequest


class Engine(StrEnum):
    """Who runs the analysis."""

    EMBEDDED = "embedded"  # this process
    SPARK = "spark"  # Spark Structured Streaming


def analyzer(
    region: Annotated[
        list[str],
        typer.Option(help="NAME=URL[,URL...] of a region's NATS servers; the first is home."),
    ],
    partitions: Annotated[int, typer.Option(help="Of each region's record log.", min=1)] = 8,
    share: Annotated[
        str, typer.Option(help="Partitions of this process, as 0-3 (embedded); default all.")
    ] = "",
    engine: Annotated[Engine, typer.Option(help="Who runs the analysis.")] = Engine.EMBEDDED,
    master: Annotated[str, typer.Option(help="Spark's master.")] = "local[2]",
    state: Annotated[
        Path, typer.Option(help="Folder of what a later process goes on from.")
    ] = Path("/var/lib/dyetrace/analyzer"),
    replicas: Annotated[int, typer.Option(help="Of streams that are made.", min=1, max=5)] = 1,
    grace: Annotated[
        float, typer.Option(help="Seconds that a packet's next record is waited for.", min=0.01)
    ] = 2.0,
    patience: Annotated[
        float,
        typer.Option(
            help="Seconds that a packet is waited for whose start or end was not seen.", min=0
        ),
    ] = 20.0,
    name: Annotated[str, typer.Option(help="As whom: the certificate's name.")] = "main",
    certificate: Annotated[Path | None, typer.Option(help="PEM of certificate and key.")] = None,
    authority: Annotated[Path | None, typer.Option(help="PEM that signed the servers'.")] = None,
) -> None:
    """Read the record log of all regions, join and count, and tell what is known of each task."""
    import asyncio

    needs_client()
    from dyetrace.analysis.partition import Bounds
    from dyetrace.analyzer.engines import Sources, run_embedded
    from dyetrace.transport.nats.connecting import Credentials, Region

    if (certificate is None) != (authority is None):
        raise InvalidRequest("--certificate and --authority go together: give both, or none")
    credentials = None
    if certificate is not None and authority is not None:
        credentials = Credentials(certificate=certificate, key=certificate, authority=authority)
    regions = []
    for each in region:
        region_name, servers = log_servers(each, is_identified=credentials is not None)
        regions.append(
            Region(
                name=region_name, servers=servers, user=f"analyzer:{name}", credentials=credentials
            )
        )
    sources = Sources(regions=regions, partitions=partitions, replicas=replicas)
    bounds = Bounds(
        grace_ns=int(grace * 1e9),
        patience_ns=int(patience * 1e9),
        memory_ns=int(2 * grace * 1e9),
    )
    if engine is Engine.SPARK:
        from dyetrace.analyzer.spark.job import run_spark

        run_spark(sources, master=master, state=state, bounds=bounds)
        return
    mine = _numbers(share, partitions)
    typer.echo(f"reading {len(mine)} partitions of {len(regions)} regions")
    asyncio.run(run_embedded(sources, state=state, partitions=mine, bounds=bounds))


def _numbers(share: str, partitions: int) -> list[int]:
    """Read `0-3` or `5`; nothing means all."""
    first, dash, last = share.partition("-")
    try:
        low = int(first or 0)
        high = int(last) if dash else int(first) if first else partitions - 1
    except ValueError:
        low, high = 1, 0
    if not 0 <= low <= high < partitions:
        raise InvalidRequest(f"--share {share}: give FIRST-LAST within 0-{partitions - 1}")
    return list(range(low, high + 1))
