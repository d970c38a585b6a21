"""Remedies are templates: this fills them with a loss's facts.

A command must run as typed. So a command is used only if all it names is known;
otherwise the cause's fallback is, which names but what is known of every loss.
"""

import shlex
from collections.abc import Mapping
from string import Formatter
from types import MappingProxyType
from typing import Final

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import dead_link, dead_tunnel
from dyetrace.model.cause import Remedy
from dyetrace.model.packet import FiveTuple, Protocol, protocol_name
from dyetrace.model.site import Link

PLACEHOLDERS: Final[Mapping[str, str]] = MappingProxyType(
    {  # what a command may name -> what a sentence says where it is not known
        "host": "the host",
        "netns": "the VFD's network namespace",
        "family": "ipv4 or ipv6",
        "src": "the source",
        "dst": "the destination",
        "protocol": "the protocol",
        "match": "the flow",
        "src_port": "any port",
        "dst_port": "any port",
        "vfd": "the VFD",
        "port": "its port",
        "in_port": "the port it came in by",
        "device": "the device",
        "next_host": "the next host",
        "next_vfd": "the next VFD",
        "outer_src": "the sending VTEP",
        "outer_dst": "the receiving VTEP",
        "vni": "the VNI",
        "neighbour": "the next hop",
        "rule_family": "the rule's family",
        "table": "the rule's table",
        "chain": "the rule's chain",
        "object": "it",
    }
)
ALWAYS_KNOWN: Final = frozenset({"host", "netns", "family", "src", "dst", "protocol", "match"})

LEGACY_LISTING: Final = (
    "ip netns exec {netns} {rule_family}-legacy -t {table} -L {chain} -n -v --line-numbers"
)
ENTER: Final = "ip netns exec {netns} "
_SAFE = frozenset({"match"})  # several words of our own making: not to be quoted as one


def placeholders_in(template: str) -> frozenset[str]:
    """Give the names a template refers to."""
    return frozenset(name for _, name, _, _ in Formatter().parse(template) if name is not None)


def fill(remedy: Remedy, loss: Loss, *, at_fault: str, fallback: str = "") -> Remedy:
    """Fill a cause's remedy; fallback is the command for when its own cannot be filled."""
    facts = _facts(loss, at_fault)
    rule = loss.site.culprit_rule
    is_legacy = rule is not None and rule.is_legacy and "nft" in remedy.command
    commands = (LEGACY_LISTING,) if is_legacy else (remedy.command, fallback)
    words = {name: facts.get(name, "") or known for name, known in PLACEHOLDERS.items()}
    return Remedy(
        text=remedy.text.format_map(words),
        command=next(
            (
                _fill_command(command, facts)
                for command in commands
                if command and all(facts[name] for name in placeholders_in(command) - {"netns"})
            ),
            "",
        ),
    )


def _fill_command(command: str, facts: Mapping[str, str]) -> str:
    """Fill a command; in the host's own namespace there is nothing to enter."""
    if not facts["netns"]:
        command = command.replace(ENTER, "")
    return command.format_map(
        {name: value if name in _SAFE else shlex.quote(value) for name, value in facts.items()}
    )


def _facts(loss: Loss, at_fault: str) -> dict[str, str]:
    """Give the value of each placeholder; empty where it is not known."""
    flow, outer, site = loss.five_tuple, loss.outer, loss.site
    rule = site.culprit_rule
    return {
        "host": loss.host,
        "netns": loss.netns,
        "family": f"ipv{flow.dst.version}",
        "src": str(flow.src),
        "dst": str(flow.dst),
        "protocol": protocol_name(flow.protocol),
        "match": nft_match(flow),
        "src_port": str(flow.src_port or ""),
        "dst_port": str(flow.dst_port or ""),
        "vfd": loss.vfd,
        "port": loss.port,
        "in_port": loss.in_port,
        "device": _device(loss),
        "next_host": loss.next_host,
        "next_vfd": loss.next_vfd,
        "outer_src": str(outer.src) if outer else "",
        "outer_dst": str(outer.dst) if outer else "",
        "vni": str(outer.vni) if outer and outer.vni else "",
        "neighbour": str(site.neighbour.address) if site.neighbour else "",
        "rule_family": rule.family if rule else "",
        "table": rule.table if rule else "",
        "chain": rule.chain if rule else "",
        "object": at_fault,
    }


def _device(loss: Loss) -> str:
    """Name the device to look at: the one found wanting, else where the packet was."""
    site = loss.site
    narrowest = narrowest_link(loss)
    tunnel = dead_tunnel(loss)
    dead = dead_link(loss)
    named = (
        tunnel.name if tunnel else "",
        dead.name if dead else "",
        site.queue.device if site.queue else "",
        site.neighbour.device if site.neighbour else "",
        narrowest.name if narrowest else "",
        site.route.device if site.route else "",
        loss.port,
    )
    return next(filter(None, named), "")


def narrowest_link(loss: Loss) -> Link | None:
    """Give the device with the smallest MTU of those concerned."""
    known = [link for link in loss.site.links if link.mtu]
    return min(known, key=lambda link: link.mtu, default=None)


def nft_match(flow: FiveTuple) -> str:
    """Write the flow as nft matches it, in the direction of the lost packets."""
    ip = "ip" if flow.dst.version == 4 else "ip6"  # noqa: PLR2004 - IP's own number
    name = protocol_name(flow.protocol)
    if flow.protocol in set(Protocol) and Protocol(flow.protocol).has_ports and flow.dst_port:
        above = f"{name} dport {flow.dst_port}"
    else:
        above = f"meta l4proto {flow.protocol}"
    return f"{ip} saddr {flow.src} {ip} daddr {flow.dst} {above}"
