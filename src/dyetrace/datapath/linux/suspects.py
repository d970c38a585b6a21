"""Which rules of a ruleset can have dropped a packet: all that drop, less those that cannot. Pure.

A rule is cleared only by what is certain: the wrong family or hook, another
protocol, and, where nothing translates addresses, another port or address.
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from enum import StrEnum
from ipaddress import ip_network

from dyetrace.datapath.linux.ruleset import Chain, Rule
from dyetrace.model.packet import FiveTuple, protocol_name
from dyetrace.model.site import SecurityRule

MOST_RULES = 50
LONGEST_TEXT = 400

TRANSLATION = re.compile(r"\b(snat|dnat|masquerade|redirect|tproxy)\b")
PROTOCOL = re.compile(r"^(?:.* )?(?:meta l4proto|ip protocol|ip6 nexthdr) (\S+)(?: |$)")
HEADER = re.compile(r"(?:^| )(tcp|udp|sctp|icmp|icmpv6|udplite|dccp|ah|esp) \w")
PORT = re.compile(r"(?:^| )(?:tcp|udp|sctp|th) (sport|dport) (\d+)(?= |$)")
ADDRESS = re.compile(r"(?:^| )ip6? (saddr|daddr) ([0-9a-f.:]+(?:/\d+)?)(?= |$)")
PROTOCOL_NAMES = {"icmpv6": "ipv6-icmp", "ipv6-icmp": "icmpv6"}  # nft writes both


class Passage(StrEnum):
    """How a packet goes through a namespace."""

    FORWARDED = "forwarded"  # routed from one device to another
    DELIVERED = "delivered"  # to a socket here
    BRIDGED = "bridged"  # from port to port, by MAC address


HOOKS = {
    Passage.FORWARDED: frozenset({"ingress", "prerouting", "forward", "postrouting", "egress"}),
    Passage.DELIVERED: frozenset({"ingress", "prerouting", "input"}),
    Passage.BRIDGED: frozenset({"ingress", "prerouting", "forward", "postrouting", "egress"}),
}


def suspects(
    chains: Iterable[Chain], flow: FiveTuple, passage: Passage, *, bridge_calls_ip: bool = False
) -> list[SecurityRule]:
    """List the rules and policies that can have dropped a packet, at most MOST_RULES.

    bridge_calls_ip: whether bridged packets meet the IP families' rules too
    (net.bridge.bridge-nf-call-iptables).
    """
    chains = list(chains)
    hooks = reached_from(chains)
    translates = any(TRANSLATION.search(rule.text) for chain in chains for rule in chain.rules)
    found: list[SecurityRule] = []
    for chain in chains:
        if not _family_applies(chain.family, flow, passage, bridge_calls_ip=bridge_calls_ip):
            continue
        met = hooks[chain.family, chain.table, chain.name]
        if met is not None and not met & HOOKS[passage]:
            continue
        if chain.policy == "drop":
            found.append(_suspect(chain, Rule(handle=0, text=chain.base)))
        found += [
            _suspect(chain, rule)
            for rule in chain.rules
            if rule.can_drop and may_match(rule.text, flow, translates=translates)
        ]
    return _most_telling(found, flow)[:MOST_RULES]


def reached_from(chains: Iterable[Chain]) -> dict[tuple[str, str, str], frozenset[str] | None]:
    """Find the hooks that packets come to each chain from; None: a map decides, so any."""
    by_name = {(chain.family, chain.table, chain.name): chain for chain in chains}
    found: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    waiting = [(key, chain.hook) for key, chain in by_name.items() if chain.hook]
    while waiting:
        key, hook = waiting.pop()
        if key not in by_name or hook in found[key]:
            continue
        found[key].add(hook)
        waiting += [
            ((key[0], key[1], target), hook)
            for rule in by_name[key].rules
            for target in rule.targets
        ]
    mapped = {
        (chain.family, chain.table)
        for chain in by_name.values()
        for rule in chain.rules
        if rule.has_named_map
    }
    return {
        key: None if not found[key] and key[:2] in mapped else frozenset(found[key])
        for key in by_name
    }


def may_match(text: str, flow: FiveTuple, *, translates: bool) -> bool:
    """Whether a rule may match a flow's packets; in doubt it may."""
    name = protocol_name(flow.protocol)
    names = {name, PROTOCOL_NAMES.get(name, name), str(flow.protocol)}
    wanted = PROTOCOL.match(text)
    if wanted and re.fullmatch(r"[\w-]+", wanted[1]) and wanted[1] not in names:
        return False
    header = HEADER.search(text)
    if header and header[1] not in names:
        return False
    if translates:
        return True  # the rule may have seen the packet before its addresses changed
    for which, port in PORT.findall(text):
        if int(port) != (flow.src_port if which == "sport" else flow.dst_port):
            return False
    for which, prefix in ADDRESS.findall(text):
        address = flow.src if which == "saddr" else flow.dst
        network = ip_network(prefix, strict=False)
        if network.version != address.version or address not in network:
            return False
    return True


def _family_applies(
    family: str, flow: FiveTuple, passage: Passage, *, bridge_calls_ip: bool
) -> bool:
    if family in {"ip", "ip6"} and family != ("ip6" if flow.dst.version == 6 else "ip"):  # noqa: PLR2004 - IP's own number
        return False
    if passage is Passage.BRIDGED:
        return family in {"bridge", "netdev"} or (bridge_calls_ip and family != "arp")
    return family != "arp"


def _suspect(chain: Chain, rule: Rule) -> SecurityRule:
    is_long = len(rule.text) > LONGEST_TEXT
    return SecurityRule(
        family=chain.family,
        table=chain.table,
        chain=chain.name,
        handle=rule.handle,
        text=rule.text[:LONGEST_TEXT] + "..." if is_long else rule.text,
        comment=rule.comment,
    )


def _most_telling(rules: list[SecurityRule], flow: FiveTuple) -> list[SecurityRule]:
    """Order rules by how much of the flow they name: too many are not worth carrying."""
    words = {str(flow.src), str(flow.dst), str(flow.src_port), str(flow.dst_port)} - {"0"}
    return sorted(rules, key=lambda rule: -len(words & set(re.split(r"[^\w.:]+", rule.text))))
