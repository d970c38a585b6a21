"""The ways to break a cloud, one file each. A new fault is one more entry in FAULTS."""

from typing import Final

from dyetrace.lab.errors import UnknownName
from dyetrace.lab.faults.acl_deny import AclDeny
from dyetrace.lab.faults.address_guard import AddressGuard
from dyetrace.lab.faults.address_taken import AddressTaken
from dyetrace.lab.faults.bridge_down import BridgeDown
from dyetrace.lab.faults.bridge_port_disabled import BridgePortDisabled
from dyetrace.lab.faults.bridge_ports_isolated import BridgePortsIsolated
from dyetrace.lab.faults.deep_chain_drop import DeepChainDrop
from dyetrace.lab.faults.denied_address import DeniedAddress
from dyetrace.lab.faults.denied_protocol import DeniedProtocol
from dyetrace.lab.faults.entry_missing import EntryMissing
from dyetrace.lab.faults.entry_points_back import EntryPointsBack
from dyetrace.lab.faults.every_third_drop import EveryThirdDrop
from dyetrace.lab.faults.fabric_lossy import FabricLossy
from dyetrace.lab.faults.fabric_mtu_small import FabricMtuSmall
from dyetrace.lab.faults.fabric_port_down import FabricPortDown
from dyetrace.lab.faults.fabric_route_missing import FabricRouteMissing
from dyetrace.lab.faults.fault import Fault, Truth
from dyetrace.lab.faults.forward_drop import ForwardDrop
from dyetrace.lab.faults.forwarding_off import ForwardingOff
from dyetrace.lab.faults.host_firewall_in import HostFirewallIn
from dyetrace.lab.faults.host_firewall_out import HostFirewallOut
from dyetrace.lab.faults.htb_class_full import HtbClassFull
from dyetrace.lab.faults.iptables_drop import IptablesDrop
from dyetrace.lab.faults.iptables_legacy_drop import IptablesLegacyDrop
from dyetrace.lab.faults.ipv6_disabled import Ipv6Disabled
from dyetrace.lab.faults.length_drop import LengthDrop
from dyetrace.lab.faults.link_down import LinkDown
from dyetrace.lab.faults.mark_drop import MarkDrop
from dyetrace.lab.faults.martian_destination import MartianDestination
from dyetrace.lab.faults.martian_source import MartianSource
from dyetrace.lab.faults.narrow_port import NarrowPort
from dyetrace.lab.faults.neighbour_unresolved import NeighbourUnresolved
from dyetrace.lab.faults.netdev_egress_drop import NetdevEgressDrop
from dyetrace.lab.faults.netdev_ingress_drop import NetdevIngressDrop
from dyetrace.lab.faults.new_connections_denied import NewConnectionsDenied
from dyetrace.lab.faults.next_hop_mac_wrong import NextHopMacWrong
from dyetrace.lab.faults.policy_drop import PolicyDrop
from dyetrace.lab.faults.policy_route import PolicyRoute
from dyetrace.lab.faults.port_security import PortSecurity
from dyetrace.lab.faults.postrouting_drop import PostroutingDrop
from dyetrace.lab.faults.prerouting_drop import PreroutingDrop
from dyetrace.lab.faults.queue_full import QueueFull
from dyetrace.lab.faults.quota_used_up import QuotaUsedUp
from dyetrace.lab.faults.random_loss import RandomLoss
from dyetrace.lab.faults.rate_limit import RateLimit
from dyetrace.lab.faults.reject_rule import RejectRule
from dyetrace.lab.faults.remote_missing import RemoteMissing
from dyetrace.lab.faults.remote_unreachable import RemoteUnreachable
from dyetrace.lab.faults.route_blackhole import RouteBlackhole
from dyetrace.lab.faults.route_missing import RouteMissing
from dyetrace.lab.faults.route_program_drop import RouteProgramDrop
from dyetrace.lab.faults.route_prohibit import RouteProhibit
from dyetrace.lab.faults.route_unreachable import RouteUnreachable
from dyetrace.lab.faults.rp_filter import RpFilter
from dyetrace.lab.faults.rule_blackhole import RuleBlackhole
from dyetrace.lab.faults.rule_prohibit import RuleProhibit
from dyetrace.lab.faults.rule_unreachable import RuleUnreachable
from dyetrace.lab.faults.shaper_burst_small import ShaperBurstSmall
from dyetrace.lab.faults.stale_dnat import StaleDnat
from dyetrace.lab.faults.tc_egress_drop import TcEgressDrop
from dyetrace.lab.faults.tc_ingress_drop import TcIngressDrop
from dyetrace.lab.faults.tc_program_drop import TcProgramDrop
from dyetrace.lab.faults.ttl_expired import TtlExpired
from dyetrace.lab.faults.ttl_rule_drop import TtlRuleDrop
from dyetrace.lab.faults.underlay_gateway_mute import UnderlayGatewayMute
from dyetrace.lab.faults.underlay_loss import UnderlayLoss
from dyetrace.lab.faults.underlay_route_blackhole import UnderlayRouteBlackhole
from dyetrace.lab.faults.underlay_route_missing import UnderlayRouteMissing
from dyetrace.lab.faults.underlay_route_unreachable import UnderlayRouteUnreachable
from dyetrace.lab.faults.untracked_denied import UntrackedDenied
from dyetrace.lab.faults.uplink_down import UplinkDown
from dyetrace.lab.faults.vni_mismatch import VniMismatch
from dyetrace.lab.faults.vxlan_down import VxlanDown
from dyetrace.lab.faults.vxlan_missing import VxlanMissing
from dyetrace.lab.faults.vxlan_out_down import VxlanOutDown
from dyetrace.lab.faults.wrong_device import WrongDevice
from dyetrace.lab.faults.wrong_next_hop import WrongNextHop
from dyetrace.lab.faults.xdp_drop import XdpDrop
from dyetrace.lab.faults.xdp_generic_drop import XdpGenericDrop

FAULTS: Final[tuple[type[Fault], ...]] = (
    AclDeny,
    RandomLoss,
    RouteMissing,
    RouteBlackhole,
    RouteUnreachable,
    RouteProhibit,
    RpFilter,
    NeighbourUnresolved,
    LinkDown,
    QueueFull,
    TtlExpired,
    VniMismatch,
    UnderlayLoss,
    ForwardDrop,
    PreroutingDrop,
    PostroutingDrop,
    NetdevIngressDrop,
    NetdevEgressDrop,
    PolicyDrop,
    RejectRule,
    DeniedAddress,
    DeniedProtocol,
    DeepChainDrop,
    MarkDrop,
    QuotaUsedUp,
    NewConnectionsDenied,
    UntrackedDenied,
    EveryThirdDrop,
    RateLimit,
    LengthDrop,
    TtlRuleDrop,
    PortSecurity,
    AddressGuard,
    TcIngressDrop,
    TcEgressDrop,
    HtbClassFull,
    ShaperBurstSmall,
    RuleBlackhole,
    RuleUnreachable,
    RuleProhibit,
    WrongNextHop,
    WrongDevice,
    ForwardingOff,
    AddressTaken,
    NextHopMacWrong,
    StaleDnat,
    Ipv6Disabled,
    BridgePortDisabled,
    BridgePortsIsolated,
    BridgeDown,
    EntryMissing,
    EntryPointsBack,
    NarrowPort,
    VxlanDown,
    VxlanMissing,
    VxlanOutDown,
    RemoteMissing,
    RemoteUnreachable,
    UnderlayRouteMissing,
    UnderlayRouteBlackhole,
    UnderlayRouteUnreachable,
    UnderlayGatewayMute,
    XdpDrop,
    XdpGenericDrop,
    TcProgramDrop,
    RouteProgramDrop,
    IptablesDrop,
    IptablesLegacyDrop,
    PolicyRoute,
    MartianSource,
    MartianDestination,
    UplinkDown,
    HostFirewallIn,
    HostFirewallOut,
    FabricRouteMissing,
    FabricPortDown,
    FabricLossy,
    FabricMtuSmall,
)

__all__ = [
    "FAULTS",
    "AclDeny",
    "AddressGuard",
    "AddressTaken",
    "BridgeDown",
    "BridgePortDisabled",
    "BridgePortsIsolated",
    "DeepChainDrop",
    "DeniedAddress",
    "DeniedProtocol",
    "EntryMissing",
    "EntryPointsBack",
    "EveryThirdDrop",
    "FabricLossy",
    "FabricMtuSmall",
    "FabricPortDown",
    "FabricRouteMissing",
    "Fault",
    "ForwardDrop",
    "ForwardingOff",
    "HostFirewallIn",
    "HostFirewallOut",
    "HtbClassFull",
    "IptablesDrop",
    "IptablesLegacyDrop",
    "Ipv6Disabled",
    "LengthDrop",
    "LinkDown",
    "MarkDrop",
    "MartianDestination",
    "MartianSource",
    "NarrowPort",
    "NeighbourUnresolved",
    "NetdevEgressDrop",
    "NetdevIngressDrop",
    "NewConnectionsDenied",
    "NextHopMacWrong",
    "PolicyDrop",
    "PolicyRoute",
    "PortSecurity",
    "PostroutingDrop",
    "PreroutingDrop",
    "QueueFull",
    "QuotaUsedUp",
    "RandomLoss",
    "RateLimit",
    "RejectRule",
    "RemoteMissing",
    "RemoteUnreachable",
    "RouteBlackhole",
    "RouteMissing",
    "RouteProgramDrop",
    "RouteProhibit",
    "RouteUnreachable",
    "RpFilter",
    "RuleBlackhole",
    "RuleProhibit",
    "RuleUnreachable",
    "ShaperBurstSmall",
    "StaleDnat",
    "TcEgressDrop",
    "TcIngressDrop",
    "TcProgramDrop",
    "Truth",
    "TtlExpired",
    "TtlRuleDrop",
    "UnderlayGatewayMute",
    "UnderlayLoss",
    "UnderlayRouteBlackhole",
    "UnderlayRouteMissing",
    "UnderlayRouteUnreachable",
    "UntrackedDenied",
    "UplinkDown",
    "VniMismatch",
    "VxlanDown",
    "VxlanMissing",
    "VxlanOutDown",
    "WrongDevice",
    "WrongNextHop",
    "XdpDrop",
    "XdpGenericDrop",
    "fault_called",
]


def fault_called(name: str) -> type[Fault]:
    """Find a fault. Raises UnknownName."""
    for fault in FAULTS:
        if fault.name == name:
            return fault
    raise UnknownName(what="fault", name=name, known=[fault.name for fault in FAULTS])
