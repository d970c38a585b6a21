"""The flows of the matrix: between which ends, in which kind of cloud."""

from dataclasses import dataclass
from typing import Final

from dyetrace.lab.errors import UnknownName
from dyetrace.lab.passage import Position


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A way through a cloud, with the places on it."""

    name: str
    kind: str  # of cloud
    source: str
    destination: str
    positions: tuple[Position, ...]


ROUTES: Final = (
    Route(
        name="one-host",
        kind="one-host",
        source="web",
        destination="db",
        positions=("source-vswitch", "destination-vswitch"),
    ),
    Route(
        name="vxlan",
        kind="three-hosts",
        source="blue-web",
        destination="blue-app",
        positions=("source-vswitch", "underlay", "destination-vswitch"),
    ),
    Route(
        name="routed",
        kind="three-hosts",
        source="blue-web",
        destination="blue-db",
        positions=(
            "source-vswitch", "source-vrouter", "source-uplink", "underlay", "destination-vswitch",
        ),
    ),
    Route(
        name="routed-locally",
        kind="three-hosts",
        source="blue-web",
        destination="blue-cache",
        positions=("source-vswitch", "source-vrouter", "destination-vswitch"),
    ),
    Route(
        name="nat-out",
        kind="nat",
        source="blue-app",
        destination="internet",
        positions=(
            "source-vswitch", "source-vrouter", "source-uplink", "underlay", "gateway-vswitch",
            "gateway",
        ),
    ),
    Route(
        name="nat-in",
        kind="nat",
        source="internet",
        destination="203.0.113.10",
        positions=("gateway", "gateway-vswitch", "underlay", "destination-vswitch"),
    ),
    Route(
        name="hairpin",
        kind="nat",
        source="blue-db",
        destination="203.0.113.10",
        positions=(
            "source-vswitch", "source-vrouter", "source-uplink", "underlay", "gateway-vswitch",
            "gateway", "destination-vswitch",
        ),
    ),
)  # fmt: skip


def route_called(name: str) -> Route:
    """Find a route. Raises UnknownName."""
    for route in ROUTES:
        if route.name == name:
            return route
    raise UnknownName(what="route", name=name, known=[route.name for route in ROUTES])
