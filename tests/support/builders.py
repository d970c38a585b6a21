"""Builders that default all that does not matter to a test."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from itertools import count

import numpy as np

from dyetrace.model.filter import PacketFilter
from dyetrace.model.packet import Encapsulation, FiveTuple, Outer
from dyetrace.model.record import RECORD, Point, packed_address
from dyetrace.model.task import Limits, Task
from dyetrace.model.topology import Host, Nic, Port, PortKind, Topology, Vfd, VfdKind

TASK = 7
WEB, DB = "10.0.1.11", "10.0.2.21"
VTEP = {1: "172.31.1.1", 2: "172.31.2.1", 3: "172.31.3.1"}
UPLINK, TO_VM, TO_ROUTER, ROUTER_A, ROUTER_B, TO_OTHER_VM = 10, 11, 12, 21, 22, 13
SWITCH, ROUTER = 100, 200


def a_task(*, packet_count=20, **fields):
    return Task(
        id=TASK,
        wanted=PacketFilter(**(fields or {"dst": ip_network(DB)})),
        limits=Limits(packet_count=packet_count, trace_time=timedelta(seconds=30)),
        opened_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def a_port(host, netns, ifindex, kind, **fields):
    return Port(
        host_number=host,
        netns=netns,
        ifindex=ifindex,
        kind=kind,
        name=fields.pop("name", f"p{ifindex}"),
        **fields,
    )


def a_nic(vm, *addresses, tenant="blue"):
    return Nic(id=f"{vm}-eth0", vm=vm, tenant=tenant, addresses=tuple(map(ip_address, addresses)))


def a_host(number, vm, address):
    """A host with a vSwitch (VM, another VM, uplink, link to the vRouter) and a vRouter."""
    switch = Vfd(
        host_number=number,
        netns=SWITCH,
        name="vswitch",
        netns_name=f"cn-{number}.vswitch",
        kind=VfdKind.VSWITCH,
        ports=(
            a_port(number, SWITCH, UPLINK, PortKind.UPLINK, addresses=(ip_address(VTEP[number]),)),
            a_port(number, SWITCH, TO_VM, PortKind.VNIC, nic=a_nic(vm, address)),
            a_port(
                number,
                SWITCH,
                TO_OTHER_VM,
                PortKind.VNIC,
                nic=a_nic(f"other-{number}", f"10.0.9.{number}"),
            ),
            a_port(number, SWITCH, TO_ROUTER, PortKind.LINK, peer=(ROUTER, ROUTER_A)),
        ),
    )
    router = Vfd(
        host_number=number,
        netns=ROUTER,
        name="vrouter",
        netns_name=f"cn-{number}.vrouter",
        kind=VfdKind.VROUTER,
        ports=(
            a_port(number, ROUTER, ROUTER_A, PortKind.LINK, peer=(SWITCH, TO_ROUTER)),
            a_port(number, ROUTER, ROUTER_B, PortKind.LINK, peer=(SWITCH, TO_ROUTER)),
        ),
    )
    return Host(number=number, name=f"cn-{number}", vfds=(switch, router))


def two_hosts():
    return Topology(hosts=(a_host(1, "web", WEB), a_host(2, "db", DB)))


def a_flow(src=WEB, dst=DB, *, protocol=17, src_port=4000, dst_port=53):
    return FiveTuple(
        src=ip_address(src),
        dst=ip_address(dst),
        protocol=protocol,
        src_port=src_port,
        dst_port=dst_port,
    )


def an_outer(src=1, dst=2, vni=101):
    return Outer(
        encapsulation=Encapsulation.VXLAN,
        src=ip_address(VTEP[src]),
        dst=ip_address(VTEP[dst]),
        vni=vni,
    )


def rows(*records):
    """Make a RECORD array of dicts as `a_record` gives."""
    array = np.zeros(len(records), dtype=RECORD)
    for row, record in zip(array, records, strict=True):
        for name, value in record.items():
            row[name] = value
    return array


def a_record(point, *, at, seen_ns, digest=1, flow=None, outer=None, **fields):
    """One row as a dict; at = (host, netns, ifindex)."""
    flow = flow or a_flow()
    host, netns, ifindex = at
    record = {
        "digest": digest,
        "point": point,
        "seen_ns": seen_ns,
        "host": host,
        "netns": netns,
        "ifindex": ifindex,
        "src": np.void(packed_address(flow.src)),
        "dst": np.void(packed_address(flow.dst)),
        "protocol": flow.protocol,
        "src_port": flow.src_port,
        "dst_port": flow.dst_port,
        "ttl": 64,
        "payload_length": 32,
    }
    if outer is not None:
        record |= {
            "encapsulation": outer.encapsulation,
            "vni": outer.vni,
            "outer_src": np.void(packed_address(outer.src)),
            "outer_dst": np.void(packed_address(outer.dst)),
        }
    return record | fields


def a_source(*, at=(1, SWITCH, TO_VM), seen_ns=1000, task_id=TASK, **fields):
    return a_record(Point.INGRESS, at=at, seen_ns=seen_ns, task_id=task_id, **fields)


def across_hosts(*, digest=1, start_ns=1000, skew_ns=0, **fields):
    """A packet's records from web on host 1 to db on host 2 over VXLAN, in order."""
    ticks = count(start_ns, 100)
    outer = an_outer()
    common = {"digest": digest, **fields}
    return [
        a_source(seen_ns=next(ticks), **common),
        a_record(Point.EGRESS, at=(1, SWITCH, UPLINK), seen_ns=next(ticks), outer=outer, **common),
        a_record(
            Point.INGRESS,
            at=(2, SWITCH, UPLINK),
            seen_ns=next(ticks) + skew_ns,
            outer=outer,
            **common,
        ),
        a_record(Point.EGRESS, at=(2, SWITCH, TO_VM), seen_ns=next(ticks) + skew_ns, **common),
    ]


def name_drop(record):
    """Names of drops by number, as an agent would give them."""
    return {1: "NOT_SPECIFIED", 2: "NETFILTER_DROP", 3: "OTHERHOST", 4: "QDISC_DROP"}.get(
        record.drop_reason, "NOT_SPECIFIED"
    ), "a_function"
