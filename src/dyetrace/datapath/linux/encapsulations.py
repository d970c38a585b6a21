"""What a route does to a packet beyond forwarding it: encapsulations and SRv6 actions, in words.

Source: include/uapi/linux/lwtunnel.h, seg6_local.h.
"""

from collections.abc import Mapping

from dyetrace.datapath.linux.rtnetlink import ODD, Message

KINDS = {1: "mpls", 2: "ip", 3: "ila", 4: "ip6", 6: "bpf", 8: "rpl", 9: "ioam6"}
SEG6, SEG6_LOCAL = 5, 7
ACTIONS = {
    1: "End", 2: "End.X", 3: "End.T", 4: "End.DX2", 5: "End.DX6", 6: "End.DX4", 7: "End.DT6",
    8: "End.DT4", 9: "End.B6", 10: "End.B6.Encaps", 11: "End.BM", 12: "End.S", 13: "End.AS",
    14: "End.AM", 15: "End.BPF", 16: "End.DT46",
}  # fmt: skip
ARGUMENTS = {
    "SEG6_LOCAL_TABLE": "table",
    "SEG6_LOCAL_VRFTABLE": "vrftable",
    "SEG6_LOCAL_NH4": "nh4",
    "SEG6_LOCAL_NH6": "nh6",
    "SEG6_LOCAL_OIF": "oif",
}


def encapsulation_of(route: Message) -> str:
    """Write a route's encapsulation as `ip route` does; empty if it has none."""
    kind = route.get_attr("RTA_ENCAP_TYPE")
    if not kind:
        return ""
    try:
        found = dict(route.get_attr("RTA_ENCAP")["attrs"])
        if kind == SEG6:
            return _segments(found)
        if kind == SEG6_LOCAL:
            return _action(found)
    except ODD:
        return f"encap {kind}"  # not as we know it
    return f"encap {KINDS.get(kind, kind)}"


def _segments(found: Mapping[str, Mapping[str, object]]) -> str:
    header = found["SEG6_IPTUNNEL_SRH"]
    segments = header["segs"]
    # The header has them last first (RFC 8754).
    in_order = ",".join(map(str, reversed(segments))) if isinstance(segments, list) else ""
    return f"encap seg6 mode {header['mode']} segs {in_order}"


def _action(found: Mapping[str, object]) -> str:
    number = found["SEG6_LOCAL_ACTION"]
    name = ACTIONS.get(number, str(number)) if isinstance(number, int) else str(number)
    words = [f"seg6local action {name}"]
    words += [f"{word} {found[key]}" for key, word in ARGUMENTS.items() if key in found]
    return " ".join(words)
