"""A request read: which packets, within which limits, there or back."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

from dyetrace.controller.api.schemas import WILDCARD, FilterIn, TraceIn
from dyetrace.controller.diagnoses import Asked
from dyetrace.controller.directions import tasks_of
from dyetrace.controller.principal import Principal
from dyetrace.controller.store import RequestKey
from dyetrace.errors import InvalidRequest
from dyetrace.inventory.mac import as_mac
from dyetrace.model.filter import PacketFilter
from dyetrace.model.packet import Network, Protocol
from dyetrace.model.task import Limits
from dyetrace.planning.scope import own_filter

KEYS_LAST = timedelta(hours=24)
STORED_NAMES = {"srcVM_ID": "src_vm", "dstVM_ID": "dst_vm", "NIC_ID": "nic"}
STORED_NAMES |= {"src_ip": "src", "dst_ip": "dst"}


def tasks_asked(wanted: TraceIn, principal: Principal) -> list[Asked]:
    """Make the tasks of a request: two that know each other, if both directions are wanted.

    Raises InvalidRequest, or UnknownEndpoint for a tenant that is not the principal's.
    """
    there = filter_of(wanted.filter)
    if principal.role.is_of_tenant:
        there = own_filter(there, principal.tenant)
    limits = Limits(
        packet_count=wanted.packet_count,
        trace_time=timedelta(seconds=wanted.trace_time),
        packets_per_second=wanted.packets_per_second,
    )
    asked = tasks_of(there, limits, wanted.direction, tenant=principal.tenant)
    return [Asked(task=task, request=request) for task, request in asked]


def filter_of(wanted: FilterIn) -> PacketFilter:
    """Read a filter; raises InvalidRequest."""
    fields = {
        STORED_NAMES.get(name, name): value
        for name, value in wanted.model_dump(include=set(FilterIn.model_fields)).items()
        if value not in {None, WILDCARD}
    }
    try:
        return PacketFilter(
            src=_prefix(fields.get("src")),
            dst=_prefix(fields.get("dst")),
            protocol=Protocol[fields["protocol"].upper()] if "protocol" in fields else None,
            src_port=fields.get("src_port"),
            dst_port=fields.get("dst_port"),
            src_vm=_name(fields.get("src_vm")),
            dst_vm=_name(fields.get("dst_vm")),
            nic=_name(fields.get("nic")),
            tenant=fields.get("tenant"),
        )
    except ValueError as error:
        raise InvalidRequest(str(error)) from error


def request_key(key: str, wanted: TraceIn, principal: Principal) -> RequestKey:
    """Tie a key to its request and to who sent it."""
    return RequestKey(
        # Not joined by a character that may be in each: two principals must not be one.
        principal=json.dumps([principal.role.value, principal.tenant, principal.name]),
        key=key,
        fingerprint=hashlib.sha256(wanted.model_dump_json().encode()).hexdigest(),
        expires_at=datetime.now(UTC) + KEYS_LAST,
    )


def _prefix(text: str | None) -> Network | None:
    if text is None:
        return None
    if "%" in text:
        raise InvalidRequest(f"{text!r}: leave the interface out")
    return ip_network(text)


def _name(text: str | None) -> str | None:
    return (as_mac(text) or text) if text is not None else None
