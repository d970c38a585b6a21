"""A circle of VFDs is told from a way that passes one of them twice."""

from dyetrace.analysis.circle import circle_of
from dyetrace.model.path import Drop, Fate, Path, Sighting
from dyetrace.model.record import Point
from support.builders import ROUTER, ROUTER_A, SWITCH, TO_ROUTER, a_flow, two_hosts


def a_path(*steps, drop=True):
    """A path of (host, namespace, ttl when it came in, ttl when it left)."""
    sightings = []
    for host, netns, came, left in steps:
        port = ROUTER_A if netns == ROUTER else TO_ROUTER
        for point, ttl in ((Point.INGRESS, came), (Point.EGRESS, left)):
            sightings.append(
                Sighting(
                    port_key=(host, netns, port), point=point, five_tuple=a_flow(), ttl=ttl,
                    seen_ns=len(sightings),
                )
            )  # fmt: skip
    if drop:
        last = sightings.pop()
        sightings.append(
            Sighting(
                port_key=last.port_key, point=Point.DROP, five_tuple=a_flow(), ttl=last.ttl,
                seen_ns=last.seen_ns, drop=Drop(reason="IP_INHDR"),
            )
        )  # fmt: skip
    fate = Fate.DROPPED if drop else Fate.VANISHED
    return Path(fate=fate, sightings=tuple(sightings))


def test_two_routers_that_send_to_each_other_are_a_circle():
    path = a_path(
        (1, SWITCH, 4, 4), (1, ROUTER, 4, 3), (1, SWITCH, 3, 3), (2, ROUTER, 3, 2),
        (1, ROUTER, 2, 1), (2, ROUTER, 1, 1),
    )  # fmt: skip

    assert circle_of(path, two_hosts()) == ("vrouter on host cn-2", "vrouter on host cn-1")


def test_a_switch_passed_twice_is_no_circle():
    path = a_path((1, SWITCH, 4, 4), (1, ROUTER, 4, 3), (1, SWITCH, 3, 3), (2, ROUTER, 3, 3))

    assert circle_of(path, two_hosts()) == ()


def test_a_small_ttl_is_no_circle():
    assert circle_of(a_path((1, ROUTER, 1, 1)), two_hosts()) == ()


def test_what_was_not_dropped_did_not_end_in_a_circle():
    path = a_path((1, ROUTER, 3, 2), (1, ROUTER, 2, 1), drop=False)

    assert circle_of(path, two_hosts()) == ()
