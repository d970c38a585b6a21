"""Which rules of a ruleset can have dropped a packet, or taken its color off. Pure.

All that do such things, less those that cannot have met it. A rule is cleared
only by what is certain: the wrong family or hook, another protocol, and, where
nothing translates addresses, another port or address.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from enum import StrEnum
from ipaddress import ip_network

from dyetrace.datapath.linux.ruleset import Chain, Rule, RulePlace
from dyetrace.model.packet import (
    Address,
    Encapsulation,
    FiveTuple,
    Outer,
    Protocol,
    protocol_name,
)
from dyetrace.model.site import SecurityRule

IPV6 = 6
MOST_RULES = 50
LONGEST_TEXT = 400

TRANSLATION = re.compile(r"\b(snat|dnat|masquerade|redirect|tproxy)\b")
PROTOCOL = re.compile(r"^(?:.* )?(?:meta l4proto|ip protocol|ip6 nexthdr) (\S+)(?: |$)")
HEADER = re.compile(r"(?:^| )(tcp|udp|sctp|icmp|icmpv6|udplite|dccp|ah|esp) \w")
PORT = re.compile(r"(?:^| )(?:tcp|udp|sctp|th) (sport|dport) (\d+)(?= |$)")
ANSWER = re.compile(r"\breject with .*")  # what is sent back, not what is matched
# Also as raw bytes of the IP header; the DSCP is in its second byte, of IPv6 in the first two.
REWRITING = re.compile(r"\bip6? dscp set\b|@nh,(?:0|4|8),\d+ set\b|xt target \"(?:DSCP|TOS)\"")
VERSION = re.compile(r"(?:^| )(?:(ip6?) \w|meta (?:nfproto ipv|protocol ip)([46]?)\b)")
ADDRESS = re.compile(r"(?:^| )ip6? (saddr|daddr) ([0-9a-f.:]+(?:/\d+)?)(?= |$)")
PROTOCOL_NAMES = {"icmpv6": "ipv6-icmp", "ipv6-icmp": "icmpv6"}  # nft writes both


class Passage(StrEnum):
    """How a packet goes through a namespace."""

    FORWARDED = "forwarded"  # routed from one device to another
    DELIVERED = "delivered"  # to a socket here
    BRIDGED = "bridged"  # from port to port, by MAC address
    TUNNELLED = "tunnelled"  # encapsulated, from this host or to it


HOOKS = {
    Passage.FORWARDED: frozenset({"ingress", "prerouting", "forward", "postrouting", "egress"}),
    Passage.DELIVERED: frozenset({"ingress", "prerouting", "input"}),
    Passage.BRIDGED: frozenset({"ingress", "prerouting", "forward", "postrouting", "egress"}),
    Passage.TUNNELLED: frozenset(
        {"ingress", "prerouting", "input", "output", "postrouting", "egress"}
    ),
}
TUNNELS = {  # protocol and port that outer headers of a kind have
    Encapsulation.VXLAN: (Protocol.UDP, 4789),
    Encapsulation.GENEVE: (Protocol.UDP, 6081),
    Encapsulation.GRE: (47, 0),
    Encapsulation.IPIP: (4, 0),
    Encapsulation.SRV6: (43, 0),
}
# A routed packet comes up through one bridge, and goes down through another.
BRIDGE_HOOKS_OF_ROUTED = frozenset({"prerouting", "input", "output", "postrouting"})


def suspects(
    chains: Iterable[Chain],
    flow: FiveTuple,
    passage: Passage,
    *,
    crosses_bridge: bool = False,
    bridge_calls_ip: bool = False,
) -> list[SecurityRule]:
    """List the rules and policies that can have dropped a packet, at most MOST_RULES.

    crosses_bridge: whether a routed packet came in or goes out by a bridge.
    bridge_calls_ip: whether bridged packets meet the IP families' rules too
    (net.bridge.bridge-nf-call-iptables).
    """
    chains = list(chains)
    met = _met(
        chains, flow, passage, crosses_bridge=crosses_bridge, bridge_calls_ip=bridge_calls_ip
    )
    translates = _translates(chains)
    found: list[SecurityRule] = []
    for chain in met:
        if chain.policy == "drop":
            found.append(_suspect(chain, Rule(handle=0, text=chain.base)))
        found += [
            _suspect(chain, rule)
            for rule in chain.rules
            if rule.can_drop and may_match(rule.text, flow, translates=translates)
        ]
    return _most_telling(found, flow)[:MOST_RULES]


def rewriters(
    chains: Iterable[Chain],
    flow: FiveTuple,
    passage: Passage,
    *,
    crosses_bridge: bool = False,
    bridge_calls_ip: bool = False,
) -> list[SecurityRule]:
    """List the rules that can have set a packet's DSCP, and so taken its color off."""
    chains = list(chains)
    met = _met(
        chains, flow, passage, crosses_bridge=crosses_bridge, bridge_calls_ip=bridge_calls_ip
    )
    translates = _translates(chains)
    found = [
        _suspect(chain, rule)
        for chain in met
        for rule in chain.rules
        if REWRITING.search(rule.text) and may_match(rule.text, flow, translates=translates)
    ]
    return _most_telling(found, flow)[:MOST_RULES]


def _met(
    chains: list[Chain],
    flow: FiveTuple,
    passage: Passage,
    *,
    crosses_bridge: bool,
    bridge_calls_ip: bool,
) -> Iterator[Chain]:
    """Give the chains that a packet can come to."""
    reached = reached_from(chains)
    for chain in chains:
        hooks = _hooks_met(
            chain.family,
            flow,
            passage,
            crosses_bridge=crosses_bridge,
            bridge_calls_ip=bridge_calls_ip,
        )
        hooks_of_chain = reached[chain.family, chain.table, chain.name]
        if hooks and (hooks_of_chain is None or hooks_of_chain & hooks):
            yield chain


def _translates(chains: Iterable[Chain]) -> bool:
    return any(TRANSLATION.search(rule.text) for chain in chains for rule in chain.rules)


def rule_at(place: RulePlace, chains: Iterable[Chain]) -> SecurityRule:
    """Describe the rule at a place, or the policy of its chain; by place alone if it is gone."""
    names = (place.family, place.table, place.chain)
    for chain in chains:
        if (chain.family, chain.table, chain.name) != names:
            continue
        for rule in chain.rules:
            if rule.handle == place.handle:
                return _suspect(chain, rule)
        if place.handle == 0:
            return _suspect(chain, Rule(handle=0, text=f"policy {chain.policy}"))
    return SecurityRule(
        family=place.family, table=place.table, chain=place.chain, handle=place.handle
    )


def outer_flow(outer: Outer) -> FiveTuple:
    """Describe an outer packet as rules see it; its source port is not known."""
    protocol, port = TUNNELS[outer.encapsulation]
    return FiveTuple(src=outer.src, dst=outer.dst, protocol=protocol, src_port=0, dst_port=port)


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
    text = ANSWER.sub("", text)
    if not _versions_in(text) <= {flow.dst.version} or not _may_be_of_protocol(text, flow):
        return False
    if translates:
        return True  # the rule may have seen the packet before its addresses changed
    for which, port in PORT.findall(text):
        known = flow.src_port if which == "sport" else flow.dst_port
        if known and int(port) != known:
            return False
    for which, prefix in ADDRESS.findall(text):
        if not _is_in(flow.src if which == "saddr" else flow.dst, prefix):
            return False
    return True


def _may_be_of_protocol(text: str, flow: FiveTuple) -> bool:
    name = protocol_name(flow.protocol)
    names = {name, PROTOCOL_NAMES.get(name, name), str(flow.protocol)}
    wanted, header = PROTOCOL.match(text), HEADER.search(text)
    if wanted and re.fullmatch(r"[\w-]+", wanted[1]) and wanted[1] not in names:
        return False
    return not header or header[1] in names


def _versions_in(text: str) -> set[int]:
    """Find the IP versions that a rule asks for."""
    versions = {"ip": 4, "ip6": IPV6, "4": 4, "6": IPV6, "": 4}
    return {versions[header or number] for header, number in VERSION.findall(text)}


def _is_in(address: Address, prefix: str) -> bool:
    try:
        return address in ip_network(prefix, strict=False)
    except ValueError:
        return True  # not an address after all, but something like `ip saddr . ip daddr`


def _hooks_met(
    family: str,
    flow: FiveTuple,
    passage: Passage,
    *,
    crosses_bridge: bool,
    bridge_calls_ip: bool,
) -> frozenset[str]:
    """List the hooks of a family that a packet comes by."""
    is_bridged = passage is Passage.BRIDGED
    if family == "netdev":
        return HOOKS[passage]
    if family == "bridge" and not is_bridged:
        return BRIDGE_HOOKS_OF_ROUTED if crosses_bridge else frozenset()
    own_family = "ip6" if flow.dst.version == IPV6 else "ip"
    if family in {"inet", own_family} and is_bridged and not bridge_calls_ip:
        return frozenset()
    return HOOKS[passage] if family in {"inet", "bridge", own_family} else frozenset()


def shortened(text: str) -> str:
    """Cut a rule's text where it is too long to carry: sets can be huge."""
    return text[:LONGEST_TEXT] + "..." if len(text) > LONGEST_TEXT else text


def _suspect(chain: Chain, rule: Rule) -> SecurityRule:
    return SecurityRule(
        family=chain.family,
        table=chain.table,
        chain=chain.name,
        handle=rule.handle,
        text=shortened(rule.text),
        comment=rule.comment,
    )


def _most_telling(rules: list[SecurityRule], flow: FiveTuple) -> list[SecurityRule]:
    """Order rules by how much of the flow they name: too many are not worth carrying."""
    words = {str(flow.src), str(flow.dst), str(flow.src_port), str(flow.dst_port)} - {"0"}
    return sorted(rules, key=lambda rule: -len(words & set(re.split(r"[^\w.:]+", rule.text))))
