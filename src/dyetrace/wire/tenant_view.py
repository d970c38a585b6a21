"""The answer as its tenant may see it: the provider's insides are folded away.

Nothing is struck out of sentences: whatever may name a host, a namespace, an
underlay address or somebody else's VM is written anew from what remains.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from dyetrace.knowledge.catalogue import cause_by_code
from dyetrace.model.cause import Owner
from dyetrace.model.path import Fate
from dyetrace.model.verdict import Absence, VerdictKind

Json = dict[str, Any]

PROVIDER: Final = "provider"
UNNAMED: Final = "VFD"
EDGES: Final = 2  # a path's first and last row: those are the tenant's
NAMES: Final = ("src_vm", "dst_vm", "nic")

WHY_UNKNOWN: Final[Mapping[Absence, str]] = {
    Absence.NO_TRAFFIC: "no packet of the filter came in: does the sender send?",
    Absence.NOT_COLORABLE: "the packets' DSCP class has no color: ask the provider for one",
    Absence.ALREADY_COLORED: "the sender itself uses the DSCP of a color",
    Absence.NO_AGENT: "the packets went where the provider does not look",
    Absence.AGENT_DOWN: "part of the provider's network could not be looked at",
    Absence.PROBE_UNSUPPORTED: "part of the provider's network cannot be looked at",
    Absence.RECORDS_LOST: "the provider has lost part of the records: try again",
    Absence.NOT_INSTALLED: "part of the provider's network could not be looked at",
    Absence.IN_FLIGHT: "some packets were still on their way",
    Absence.COLOR_DECIDED: "a rule drops what has the color that traced packets get",
    Absence.COLOR_LOST: "a device sets the packets' DSCP: beyond it they cannot be recognized",
    Absence.OUT_OF_SCOPE: "the packets left the provider's network",
}


def as_tenant(answer: Mapping[str, Any], tenant: str = "") -> Json:
    """Fold an answer for a tenant: same shape, without the provider's insides.

    tenant is who looks: names in a filter of another tenant are left out.
    """
    hidden = frozenset(_hidden(answer))
    findings = [_finding(finding, hidden) for finding in answer["findings"]]
    unknowns = [_unknown(unknown["code"]) for unknown in answer["undetermined"]]
    return {
        **answer,
        "summary": _summary(answer, findings, unknowns),
        "filter": _filter(answer["filter"], tenant, hidden),
        "findings": findings,
        "paths": [{**path, "hops": _hops(path["hops"], hidden)} for path in answer["paths"]],
        "undetermined": list({one["code"]: one for one in unknowns}.values()),
        # Answers of earlier versions have none.
        **{name: [] for name in answer.keys() & {"inspections"}},
    }


def _hidden(answer: Mapping[str, Any]) -> Iterator[str]:
    """Give the words that must not appear."""
    for finding in answer["findings"]:
        yield from _words(finding, ("host", "netns", "next_host", "port"))
    own = set()
    for path in answer["paths"]:
        for hop in path["hops"][:1]:
            own |= {hop["five_tuple"]["src"], hop["five_tuple"]["dst"]}
    for path in answer["paths"]:
        for hop in path["hops"]:
            yield from _words(hop, ("host", "netns", "port"))
            outer = hop["outer"] or {}
            yield from (word for word in _words(outer, ("src", "dst")) if word not in own)


def _words(value: Mapping[str, Any], names: Sequence[str]) -> Iterator[str]:
    return (value[name] for name in names if value.get(name))


def _is_clean(text: str, hidden: frozenset[str]) -> bool:
    return not any(word in text for word in hidden)


def _clean(text: str, hidden: frozenset[str], instead: str) -> str:
    return text if _is_clean(text, hidden) else instead


def _finding(finding: Mapping[str, Any], hidden: frozenset[str]) -> Json:
    """Keep what it is and who acts; of the tenant's own causes also what it can change."""
    code, title = finding["code"], finding["title"]
    is_own = finding["owner"] == Owner.TENANT.value
    act = f"The {finding['owner']} has to act: {code}."
    text = _clean(finding["remedy"]["text"], hidden, act) if is_own else act
    shown = finding["evidence"][:1]
    return {
        **finding,
        "host": PROVIDER,
        "netns": "",
        "vfd": _clean(finding["vfd"], hidden, UNNAMED),
        "port": "",
        "next_host": PROVIDER if finding["next_host"] else None,
        "object": _clean(finding["object"], hidden, "") if is_own else "",
        "drop_reason": finding["drop_reason"] if is_own else "",
        "probe": "",
        "evidence": [{"class": one["class"], "text": _meaning(code, title)} for one in shown],
        "remedy": {**finding["remedy"], "text": text, "command": ""},
    }


def _meaning(code: str, title: str) -> str:
    """Say what a cause means to the tenant; answers of other versions may have other causes."""
    try:
        return cause_by_code(code).tenant_meaning
    except KeyError:
        return title


def _unknown(code: str) -> Json:
    return {"code": code, "text": WHY_UNKNOWN[Absence(code)]}


def _filter(wanted: Mapping[str, Any], tenant: str, hidden: frozenset[str]) -> Json:
    """Keep the question, unless it was another tenant's or names what is hidden."""
    is_others = bool(tenant) and wanted.get("tenant", tenant) != tenant
    left_out = {*NAMES, "tenant"} if is_others else set[str]()
    return {
        name: value
        for name, value in wanted.items()
        if name not in left_out and (name not in NAMES or str(value) not in hidden)
    }


def _hops(hops: Sequence[Mapping[str, Any]], hidden: frozenset[str]) -> list[Json]:
    """Keep the first and the last row; fold those between into one."""
    if len(hops) <= EDGES:
        kept = [_hop(hop, hidden) for hop in hops]
    else:
        between = hops[1:-1]
        folded = {**_hop(between[-1], hidden), "vfd": PROVIDER}
        folded["five_tuple"] = _flow(hops[0]["five_tuple"], hidden)
        folded["absence"] = next((hop["absence"] for hop in between if hop["absence"]), None)
        kept = [_hop(hops[0], hidden), folded, _hop(hops[-1], hidden)]
    return [{**hop, "seq": number} for number, hop in enumerate(kept, start=1)]


def _hop(hop: Mapping[str, Any], hidden: frozenset[str]) -> Json:
    return {
        **hop,
        "host": PROVIDER,
        "netns": "",
        "vfd": _clean(hop["vfd"], hidden, UNNAMED),
        "port": "",
        "five_tuple": _flow(hop["five_tuple"], hidden),
        "outer": None,
        "nat": None,
    }


def _flow(flow: Mapping[str, Any], hidden: frozenset[str]) -> Json:
    ends = {name: PROVIDER if flow[name] in hidden else flow[name] for name in ("src", "dst")}
    return {**flow, **ends}


def _summary(answer: Mapping[str, Any], findings: Sequence[Json], unknowns: Sequence[Json]) -> str:
    """Say the answer in one sentence of what the tenant may know."""
    kind, total, lost = VerdictKind(answer["verdict"]), answer["total"], answer["lost"]
    if kind is VerdictKind.DELIVERED:
        return f"{total} of {total} packets delivered (OK)"
    if findings:
        first = findings[0]
        what = first["title"][0].lower() + first["title"][1:]
        others = len(findings) - 1
        of_them = f" lost, {first['packets']} of them" if others else " lost"
        more = f", and {others} more finding{'s' if others > 1 else ''}" if others else ""
        told = f"{what}: {first['object']}" if first["object"] else what
        where = f"at {first['vfd']}" if first["vfd"] else "in the provider's network"
        return f"{lost} of {total} packets{of_them} {where}: {told} ({first['code']}){more}"
    why = f": {unknowns[0]['text']} ({unknowns[0]['code']})" if unknowns else ""
    if kind is VerdictKind.NOT_SEEN:
        return f"no packet seen{why}"
    traced = f"{total} packet{'s' if total > 1 else ''} traced"
    arrived = _delivered(answer)
    if arrived:
        rest = total - arrived
        return f"{traced}, {arrived} delivered, but of {rest} {_unsayable(rest)}{why}"
    return f"{traced}, but {_unsayable(total)}{why}"


def _unsayable(packets: int) -> str:
    return f"it cannot be said whether {'they' if packets > 1 else 'it'} arrived"


def _delivered(answer: Mapping[str, Any]) -> int:
    paths = (path for path in answer["paths"] if path["fate"] == Fate.DELIVERED.value)
    return sum(path["packets"] for path in paths)
