"""All causes there are, and which of them is asked first.

A loss gets the first cause here that explains it; if none does, the one that
its drop reason belongs to.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from dyetrace.knowledge import objects
from dyetrace.knowledge.causes import (
    address_conflict,
    address_invalid,
    bpf_cgroup_drop,
    bridge_port_blocked,
    checksum_error,
    conntrack_full,
    cpu_backlog_full,
    encapsulation_invalid,
    forward_policy_drop,
    forwarding_entry_missing,
    forwarding_loop,
    forwarding_off,
    ipsec_policy_deny,
    ipv6_disabled,
    link_down,
    link_loss,
    listen_queue_full,
    mac_refused,
    memory_short,
    misdelivered,
    multicast_unwanted,
    neighbour_message_refused,
    neighbour_table_full,
    neighbour_unresolved,
    no_socket,
    not_ip_traffic,
    ovs_action_error,
    ovs_flow_drop,
    packet_malformed,
    packet_too_big,
    protocol_unsupported,
    psp_mismatch,
    queue_congested,
    queue_full,
    queue_purged,
    rate_limited,
    reassembly_failed,
    route_blackhole,
    route_prohibit,
    route_unreachable,
    rp_filter,
    rx_acl_deny,
    security_module_deny,
    segmentation_failed,
    send_time_refused,
    sid_unknown,
    sniffer_copy_lost,
    socket_buffer_full,
    socket_closed,
    socket_filter,
    srv6_disabled,
    tap_filtered,
    tap_ring_full,
    tc_drop,
    tc_fault,
    tcp_duplicate,
    tcp_segment_refused,
    tcp_signature_mismatch,
    ttl_below_minimum,
    ttl_expired,
    tx_acl_deny,
    underlay_loss,
    unspecified_drop,
    vfd_silent_drop,
    vni_unknown,
    vpc_route_missing,
    vtep_missing,
    vtep_unreachable,
    wireless_drop,
    xdp_drop,
)
from dyetrace.knowledge.loss import Loss, Place
from dyetrace.model.cause import Cause

PREFIX: Final = "SKB_DROP_REASON_"


def _never(loss: Loss) -> bool:
    """Leave the loss to its drop reason."""
    del loss
    return False


@dataclass(frozen=True, slots=True)
class Entry:
    """A cause, and how it is recognised and told."""

    cause: Cause
    explains: Callable[[Loss], bool] = _never  # beyond its drop reasons
    at_fault: Callable[[Loss], str] = objects.nothing  # names the very object
    fallback: str = ""  # the command for when facts are missing that the remedy's names


ENTRIES: Final = (
    # a device that is down explains whatever the kernel says of it
    Entry(
        link_down.CAUSE,
        explains=link_down.explains,
        at_fault=objects.link,
        fallback=link_down.FALLBACK,
    ),
    Entry(
        packet_too_big.CAUSE,
        explains=packet_too_big.explains,
        at_fault=objects.narrow_device,
        fallback=packet_too_big.FALLBACK,
    ),
    Entry(
        xdp_drop.CAUSE,
        explains=xdp_drop.explains,
        at_fault=objects.device,
        fallback=xdp_drop.FALLBACK,
    ),
    # netfilter, by where and by how
    Entry(
        conntrack_full.CAUSE, explains=conntrack_full.explains, at_fault=objects.connection_table
    ),
    Entry(
        tx_acl_deny.CAUSE,
        explains=tx_acl_deny.explains,
        at_fault=objects.rule,
        fallback=tx_acl_deny.FALLBACK,
    ),
    Entry(
        rx_acl_deny.CAUSE,
        explains=rx_acl_deny.explains,
        at_fault=objects.rule,
        fallback=rx_acl_deny.FALLBACK,
    ),
    Entry(forward_policy_drop.CAUSE, at_fault=objects.rule, fallback=forward_policy_drop.FALLBACK),
    # the overlay before the routes: an outer packet's route is not the tenant's
    Entry(
        srv6_disabled.CAUSE,
        explains=srv6_disabled.explains,
        at_fault=objects.device,
        fallback=srv6_disabled.FALLBACK,
    ),
    Entry(
        sid_unknown.CAUSE,
        explains=sid_unknown.explains,
        at_fault=objects.far_end,
        fallback=sid_unknown.FALLBACK,
    ),
    Entry(
        vtep_unreachable.CAUSE,
        explains=vtep_unreachable.explains,
        at_fault=objects.far_end,
        fallback=vtep_unreachable.FALLBACK,
    ),
    Entry(vtep_missing.CAUSE, explains=vtep_missing.explains, at_fault=objects.far_end),
    # routes, by what the look-up says
    Entry(forwarding_off.CAUSE, explains=forwarding_off.explains, at_fault=objects.forwarding),
    Entry(route_blackhole.CAUSE, explains=route_blackhole.explains, at_fault=objects.route),
    Entry(route_prohibit.CAUSE, explains=route_prohibit.explains, at_fault=objects.route),
    Entry(
        vpc_route_missing.CAUSE,
        explains=vpc_route_missing.explains,
        at_fault=objects.route,
        fallback=vpc_route_missing.FALLBACK,
    ),
    Entry(route_unreachable.CAUSE, explains=route_unreachable.explains, at_fault=objects.route),
    Entry(
        ttl_expired.CAUSE,
        explains=ttl_expired.explains,
        at_fault=objects.hop_limit,
        fallback=ttl_expired.FALLBACK,
    ),
    # what the kernel frees without a word
    Entry(
        neighbour_unresolved.CAUSE,
        explains=neighbour_unresolved.explains,
        at_fault=objects.neighbour,
        fallback=neighbour_unresolved.FALLBACK,
    ),
    Entry(
        bridge_port_blocked.CAUSE,
        explains=bridge_port_blocked.explains,
        at_fault=objects.bridge_port,
    ),
    Entry(multicast_unwanted.CAUSE, explains=multicast_unwanted.explains),
    # vanished, with nothing more to go by
    Entry(
        underlay_loss.CAUSE,
        explains=underlay_loss.explains,
        at_fault=objects.wire,
        fallback=underlay_loss.FALLBACK,
    ),
    Entry(
        link_loss.CAUSE,
        explains=link_loss.explains,
        at_fault=objects.joint,
        fallback=link_loss.FALLBACK,
    ),
    Entry(vfd_silent_drop.CAUSE, explains=vfd_silent_drop.explains, at_fault=objects.passage),
    # what drop reasons show by themselves
    Entry(security_module_deny.CAUSE),
    Entry(ipsec_policy_deny.CAUSE),
    Entry(psp_mismatch.CAUSE),
    Entry(tc_drop.CAUSE, at_fault=objects.device, fallback=tc_drop.FALLBACK),
    Entry(tc_fault.CAUSE, at_fault=objects.device, fallback=tc_fault.FALLBACK),
    Entry(bpf_cgroup_drop.CAUSE),
    Entry(rp_filter.CAUSE, at_fault=objects.reverse_path_filter, fallback=rp_filter.FALLBACK),
    Entry(reassembly_failed.CAUSE),
    Entry(address_invalid.CAUSE, at_fault=objects.sender, fallback=address_invalid.FALLBACK),
    Entry(address_conflict.CAUSE, at_fault=objects.sender),
    Entry(ipv6_disabled.CAUSE, at_fault=objects.device, fallback=ipv6_disabled.FALLBACK),
    Entry(packet_malformed.CAUSE),
    Entry(checksum_error.CAUSE, at_fault=objects.device, fallback=checksum_error.FALLBACK),
    Entry(protocol_unsupported.CAUSE, at_fault=objects.service),
    Entry(neighbour_table_full.CAUSE),
    Entry(neighbour_message_refused.CAUSE),
    Entry(forwarding_entry_missing.CAUSE, at_fault=objects.device),
    Entry(misdelivered.CAUSE, at_fault=objects.device),
    Entry(mac_refused.CAUSE, at_fault=objects.device),
    Entry(queue_full.CAUSE, at_fault=objects.queue, fallback=queue_full.FALLBACK),
    Entry(queue_congested.CAUSE, at_fault=objects.queue, fallback=queue_congested.FALLBACK),
    Entry(send_time_refused.CAUSE, at_fault=objects.queue, fallback=send_time_refused.FALLBACK),
    Entry(rate_limited.CAUSE, at_fault=objects.device, fallback=rate_limited.FALLBACK),
    Entry(tap_ring_full.CAUSE, at_fault=objects.device, fallback=tap_ring_full.FALLBACK),
    Entry(tap_filtered.CAUSE, at_fault=objects.device, fallback=tap_filtered.FALLBACK),
    Entry(cpu_backlog_full.CAUSE),
    Entry(queue_purged.CAUSE, at_fault=objects.device),
    Entry(
        segmentation_failed.CAUSE, at_fault=objects.device, fallback=segmentation_failed.FALLBACK
    ),
    Entry(forwarding_loop.CAUSE),
    Entry(memory_short.CAUSE),
    Entry(vni_unknown.CAUSE, at_fault=objects.segment),
    Entry(encapsulation_invalid.CAUSE, at_fault=objects.far_end),
    Entry(ovs_flow_drop.CAUSE),
    Entry(ovs_action_error.CAUSE),
    Entry(wireless_drop.CAUSE, at_fault=objects.device),
    Entry(no_socket.CAUSE, at_fault=objects.service),
    Entry(socket_closed.CAUSE, at_fault=objects.service),
    Entry(socket_filter.CAUSE, at_fault=objects.service),
    Entry(socket_buffer_full.CAUSE, at_fault=objects.service),
    Entry(listen_queue_full.CAUSE, at_fault=objects.service),
    Entry(tcp_segment_refused.CAUSE, at_fault=objects.service),
    Entry(tcp_duplicate.CAUSE),
    Entry(tcp_signature_mismatch.CAUSE, at_fault=objects.service),
    Entry(ttl_below_minimum.CAUSE, at_fault=objects.service),
    Entry(sniffer_copy_lost.CAUSE),
    Entry(not_ip_traffic.CAUSE),
    Entry(unspecified_drop.CAUSE),
)

CAUSES: Final = tuple(entry.cause for entry in ENTRIES)

_BY_CODE: Final[Mapping[str, Cause]] = MappingProxyType({one.code: one for one in CAUSES})
_BY_REASON: Final[Mapping[str, Entry]] = MappingProxyType(
    {reason: entry for entry in ENTRIES for reason in entry.cause.drop_reasons}
)
_UNKNOWN: Final = _BY_REASON["NOT_SPECIFIED"]

# Reasons newer than the catalogue, by the family that their names tell.
_FAMILIES: Final = (
    ("RX_DROP_", _BY_REASON["RX_DROP_UNUSABLE"]),
    ("OVS_DROP_", _BY_REASON["OVS_DROP_ACTION_ERROR"]),
    ("QDISC_", _BY_REASON["QDISC_DROP"]),
    ("FQ_", _BY_REASON["QDISC_DROP"]),
    ("NEIGH_", _BY_REASON["NEIGH_FAILED"]),
    ("VXLAN_", _BY_REASON["VXLAN_INVALID_HDR"]),
    ("TCP_", _BY_REASON["TCP_FLAGS"]),
)


def cause_by_code(code: str) -> Cause:
    """Give the cause of this code; KeyError if there is none."""
    return _BY_CODE[code]


def cause_of_drop_reason(name: str) -> Cause:
    """Give the cause that a drop reason means by itself; there always is one."""
    return _entry_of_drop_reason(name).cause


def entry_of(loss: Loss) -> Entry:
    """Find what explains a loss."""
    for entry in ENTRIES:
        if entry.explains(loss):
            return entry
    return _entry_of_drop_reason(loss.drop_reason) if loss.place is Place.AT_VFD else _UNKNOWN


def _entry_of_drop_reason(name: str) -> Entry:
    """Look up a drop reason, also one of a kernel newer than we are."""
    name = name.removeprefix(PREFIX)
    known = _BY_REASON.get(name)
    if known is not None:
        return known
    return next((entry for prefix, entry in _FAMILIES if name.startswith(prefix)), _UNKNOWN)
