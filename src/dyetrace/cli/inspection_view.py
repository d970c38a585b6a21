"""Inspections as text: what each VFD decided for the packet, block by block."""

from collections.abc import Iterator, Mapping
from typing import Any

Json = Mapping[str, Any]

NS_PER_MS = 1e6
NOT_ASKED = "nothing was inspected: the task colored no packet, or its agents were busy"
NAME_WIDTH = 12


def render_inspections(answer: Json) -> str:
    """Write an answer's inspections; answers of earlier versions have none."""
    found = answer.get("inspections", ())
    return "\n\n".join(map(_block, found)) if found else NOT_ASKED


def _block(inspection: Json) -> str:
    where = f"{inspection['vfd'] or '-'} on host {inspection['host']}"
    port = f", port {inspection['port']}" if inspection["port"] else ""
    met = inspection["point"].lower()
    reason = f" {inspection['drop_reason']}" if inspection["drop_reason"] else ""
    head = (
        f"What {where} decided{port}: {met}{reason} of {flow_text(inspection['five_tuple'])}, "
        f"inspected {inspection['after_ns'] / NS_PER_MS:.0f} ms later"
    )
    lines = [f"   {name:<{NAME_WIDTH}}{text}" for name, text in _facts(inspection["site"])]
    return "\n".join([head, *lines])


def _facts(site: Json) -> Iterator[tuple[str, str]]:
    for met in site.get("rules_met", ()):
        yield "rule", _rule(met)
    if route := site.get("route"):
        yield "route", _route(route, site.get("routing_rule", ""))
    if site.get("sid_action"):
        yield "segment", site["sid_action"]
    if neighbour := site.get("neighbour"):
        address = " ".join(filter(None, [neighbour["mac"], neighbour["state"]]))
        yield "neighbour", f"{neighbour['address']} dev {neighbour['device']} {address}"
    if connection := site.get("connection"):
        yield "connection", _connection(connection)
    for entry in site.get("entries", ()):
        yield "entry", _entry(entry)
    for link in site.get("links", ()):
        yield "device", _link(link)
    for queue in site.get("queues", ()):
        yield "queue", _queue(queue)
    for program in site.get("programs", ()):
        number = f" (id {program['id']}, tag {program['tag']})" if program["id"] else ""
        yield "program", f"{program['hook']} {program['name']}{number} on {program['device']}"
    if switched_on := [each for each in site.get("settings", ()) if each["value"]]:
        yield "switched on", ", ".join(_setting(each) for each in switched_on)
    if backlog := site.get("backlog"):
        yield (
            "CPUs",
            f"{backlog['dropped']} packets dropped, {backlog['squeezed']} times out of time",
        )
    for note in site.get("notes", ()):
        yield "note", note


def _rule(met: Json) -> str:
    depth = "  " * len(met["stack"])
    which = f"handle {met['handle']}" if met["met_as"] == "rule" else met["met_as"]
    words = [f"{depth}{met['family']} {met['table']} {met['chain']} {which}: {met['decision']}"]
    words += [f"[{met['text']}]"] if met["text"] else []
    words += [f'"{met["comment"]}"'] if met["comment"] else []
    return " ".join(words)


def _route(route: Json, by: str) -> str:
    words = [route["kind"]] if route["kind"] != "unicast" else []
    words += [route["prefix"]] if route["prefix"] else []
    words += [f"via {route['gateway']}"] if route["gateway"] else []
    words += [f"dev {route['device']}"] if route["device"] else []
    words += [f"table {route['table']}"] if route["table"] else []
    words += [route["encapsulation"]] if route["encapsulation"] else []
    words += [f"but {route['error']} for packets like this"] if route["error"] else []
    return " ".join(words) + (f", by {by}" if by else "")


def _connection(found: Json) -> str:
    before, after = flow_text(found["before"]), flow_text(found["after"])
    became = f"{before} becomes {after}" if before != after else f"{before}, not translated"
    direction = "reply" if found["is_reply"] else "original"
    facts = [f"{direction} direction", *found["status"], found["state"].upper()]
    facts += [f"zone {found['zone']}", f"{found['timeout_s']} s left"]
    return f"{became} ({', '.join(filter(None, facts))})"


def _setting(found: Json) -> str:
    value = "" if found["value"] == 1 else f" = {found['value']}"
    return f"{found['name']}{value}"


def _entry(entry: Json) -> str:
    words = [entry["mac"], f"dev {entry['device']}"]
    words += [f"master {entry['bridge']}"] if entry["bridge"] else []
    words += [f"dst {entry['remote']}"] if entry["remote"] else []
    words += [f"vni {entry['vni']}"] if entry["vni"] is not None else []
    return " ".join([*words, entry["kind"]])


def _link(link: Json) -> str:
    state = "up" if link["is_up"] else "down"
    carrier = "" if link["has_carrier"] else ", no carrier"
    return f"{link['name']} {state}{carrier}, MTU {link['mtu']}, {link['queue_length']} may queue"


def _queue(queue: Json) -> str:
    limit = f", limit {queue['limit']}" if queue["limit"] else ""
    return (
        f"{queue['device']} {queue['kind']} {queue['handle']}{limit}: {queue['packets']} packets "
        f"({queue['bytes']} bytes) waiting, {queue['drops']} dropped"
    )


def flow_text(flow: Json) -> str:
    """Write a 5-tuple as operators do."""

    def end(side: str) -> str:
        address, port = flow[side], flow[f"{side}_port"]
        if not port:
            return str(address)
        return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"

    return f"{flow['protocol']} {end('src')} -> {end('dst')}"
