"""Where the other ends of veths are.

The kernel names the other end's namespace by an id of its own in each
namespace (IFLA_LINK_NETNSID), so each namespace has to be asked for the ids of
all others. A pair's two ends name each other: what one end has told, the other
need not be asked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from dyetrace.datapath.linux.facts import PAIRS, LinkFacts, NamespaceFacts
from dyetrace.datapath.linux.namespaces import Netns
from dyetrace.datapath.linux.rtnetlink import UNREADABLE

End = tuple[int, int]
"""(netns, ifindex)"""

NO_ID = 0xFFFFFFFF


def with_peers(
    namespaces: Sequence[NamespaceFacts], ways: Mapping[int, Netns]
) -> list[NamespaceFacts]:
    """Add to every veth where its other end is, if that is in scope."""
    peers: dict[End, End] = {}
    # Whoever has the most veths first: a vSwitch's answer settles all its VMs'.
    for each in sorted(namespaces, key=lambda one: -len(_pair_ends(one))):
        open_ends = [link for link in _pair_ends(each) if (each.inode, link.ifindex) not in peers]
        # A negative id is that of a namespace on its way out.
        wanted = {
            link.lower_nsid
            for link in open_ends
            if link.lower_nsid is not None and link.lower_nsid >= 0
        }
        inode_by_id = _resolve(each, wanted, namespaces, ways)
        for link in open_ends:
            there = each.inode if link.lower_nsid is None else inode_by_id.get(link.lower_nsid)
            if there is not None:
                peers[each.inode, link.ifindex] = (there, link.lower)
                peers[there, link.lower] = (each.inode, link.ifindex)
    return [
        replace(
            each,
            links=tuple(
                replace(link, peer=peers.get((each.inode, link.ifindex))) for link in each.links
            ),
        )
        for each in namespaces
    ]


def _pair_ends(here: NamespaceFacts) -> list[LinkFacts]:
    return [link for link in here.links if link.kind in PAIRS and link.lower]


def _resolve(
    here: NamespaceFacts,
    wanted: set[int],
    namespaces: Sequence[NamespaceFacts],
    ways: Mapping[int, Netns],
) -> dict[int, int]:
    """Find the inode numbers of the namespaces that have these ids in a namespace."""
    if not wanted:
        return {}
    candidates = [
        each.inode for each in namespaces if each.inode != here.inode and _pair_ends(each)
    ]

    def ask() -> dict[int, int]:
        found: dict[int, int] = {}
        with IPRoute() as ipr:
            for inode in candidates:
                if wanted <= found.keys():
                    break
                nsid = _id_of(ipr, ways[inode].fileno())
                if nsid in wanted:
                    found[nsid] = inode
        return found

    try:
        return ways[here.inode].run(ask)
    except UNREADABLE:
        return {}  # it is gone; its veths are shown as uplinks until the next look


def _id_of(ipr: IPRoute, fd: int) -> int:
    if fd < 0:
        return -1
    try:
        answer = ipr.get_netnsid(fd=fd)
    except NetlinkError:
        return -1
    nsid = answer["nsid"] if answer else None
    return -1 if nsid is None or nsid == NO_ID else int(nsid)
