"""Which fault is put where: the declaration of the matrix."""

from typing import Final

from dyetrace.lab import faults
from dyetrace.lab.faults.placed import Placed
from dyetrace.lab.matrix.entry import Entry, placed
from dyetrace.lab.matrix.existing import EXISTING
from dyetrace.lab.matrix.scenario import FAMILIES, L4, PROTOCOLS, Family
from dyetrace.lab.passage import Position

ROUTERS: Final[tuple[Position, ...]] = ("source-vrouter", "gateway")
VM_PORTS: Final[tuple[Position, ...]] = ("source-vswitch", "destination-vswitch")
EVERYWHERE: Final[tuple[Position, ...]] = (*VM_PORTS, *ROUTERS)
UPLINK: Final[tuple[Position, ...]] = ("source-uplink",)
UNDERLAY: Final[tuple[Position, ...]] = ("underlay",)
# What comes in by the sender's port is the sender's business, also where the receiver is.
ONE_VSWITCH: Final = frozenset({"one-host", "routed-locally"})
# No answer stops a sender of these, so that rates mean something.
UNANSWERED: Final[tuple[L4, ...]] = ("udp", "icmp")
LARGE: Final = 1300


def entry(  # noqa: PLR0913  # all but two have defaults
    fault: type[Placed],
    *positions: Position,
    but: frozenset[str] = frozenset(),
    only: frozenset[str] = frozenset(),
    families: tuple[Family, ...] = FAMILIES,
    protocols: tuple[L4, ...] = PROTOCOLS,
    size: int = 64,
) -> Entry:
    """Put a fault at positions."""
    return Entry(
        fault=fault, build=placed(fault), positions=positions, but=but, only=only,
        families=families, protocols=protocols, size=size,
    )  # fmt: skip


FILTERS: Final = (
    entry(faults.ForwardDrop, *ROUTERS, "gateway-vswitch"),
    entry(faults.PreroutingDrop, *EVERYWHERE, but=ONE_VSWITCH),
    entry(faults.PostroutingDrop, *EVERYWHERE, but=ONE_VSWITCH),
    entry(faults.NetdevIngressDrop, *EVERYWHERE, but=ONE_VSWITCH),
    entry(faults.NetdevEgressDrop, *ROUTERS, "destination-vswitch"),
    entry(faults.PolicyDrop, *ROUTERS, "destination-vswitch", but=frozenset({"routed-locally"})),
    entry(faults.RejectRule, *ROUTERS),
    entry(faults.DeniedAddress, *ROUTERS, "destination-vswitch"),
    entry(faults.DeniedProtocol, "source-vrouter", "destination-vswitch"),
    entry(faults.DeepChainDrop, "gateway", *VM_PORTS),
    entry(faults.MarkDrop, *ROUTERS),
    entry(faults.QuotaUsedUp, "source-vrouter", "destination-vswitch"),
    entry(faults.NewConnectionsDenied, *ROUTERS),
    entry(faults.UntrackedDenied, "source-vrouter", only=frozenset({"routed", "routed-locally"})),
    entry(faults.EveryThirdDrop, *EVERYWHERE, protocols=UNANSWERED),
    entry(faults.RateLimit, *EVERYWHERE, but=ONE_VSWITCH, protocols=UNANSWERED),
    entry(faults.LengthDrop, *ROUTERS, "destination-vswitch", size=LARGE),
    entry(faults.TtlRuleDrop, "source-vrouter", "destination-vswitch"),
    entry(faults.PortSecurity, "source-vswitch"),
    entry(faults.AddressGuard, "source-vswitch"),
    *(
        entry(fault, "gateway", only=frozenset({"nat-out", "nat-in", "hairpin"}))
        for fault in (faults.IptablesDrop, faults.IptablesLegacyDrop)
    ),
    *(
        entry(fault, "source-vrouter", only=frozenset({"routed", "routed-locally"}))
        for fault in (faults.IptablesDrop, faults.IptablesLegacyDrop)
    ),
    entry(faults.TcIngressDrop, *EVERYWHERE, but=ONE_VSWITCH),
    entry(faults.TcEgressDrop, *ROUTERS, "destination-vswitch"),
)

# Before the port by which a packet comes into the cloud nothing is colored yet.
PROGRAMS: Final = (
    *(
        entry(fault, *places, but=routes)
        for fault in (faults.XdpDrop, faults.XdpGenericDrop)
        for places, routes in (
            (("source-vrouter", "underlay"), frozenset[str]()),
            (("gateway",), frozenset({"nat-in"})),
        )
    ),
    entry(faults.TcProgramDrop, *ROUTERS, "destination-vswitch"),
    entry(faults.RouteProgramDrop, "source-vrouter", only=frozenset({"routed", "routed-locally"})),
)

QUEUES: Final = (
    entry(faults.HtbClassFull, "destination-vswitch", *ROUTERS, protocols=UNANSWERED),
    entry(faults.ShaperBurstSmall, "destination-vswitch", *ROUTERS),
    entry(faults.NarrowPort, "destination-vswitch", size=LARGE),
)

ROUTING: Final = (
    *(
        entry(fault, *ROUTERS)
        for fault in (
            faults.RouteBlackhole, faults.RouteUnreachable, faults.RouteProhibit,
            faults.RuleBlackhole, faults.RuleUnreachable, faults.RuleProhibit,
            faults.WrongNextHop, faults.ForwardingOff, faults.PolicyRoute,
        )
    ),
    entry(faults.WrongDevice, "gateway"),
    entry(faults.WrongDevice, "source-vrouter", but=frozenset({"hairpin"})),
    # There the gateway answers ARP for its floating address on every link, as Linux does.
    entry(faults.WrongDevice, "source-vrouter", only=frozenset({"hairpin"}), families=(6,)),
    entry(faults.AddressTaken, "source-vrouter", families=(4,)),
    entry(faults.MartianSource, "source-vrouter", families=(4,)),
    entry(faults.MartianDestination, "source-vrouter", families=(4,)),
    entry(
        faults.NextHopMacWrong, "source-vrouter", only=frozenset({"routed", "routed-locally"})
    ),
    entry(faults.StaleDnat, "gateway", only=frozenset({"nat-in", "hairpin"})),
    entry(
        faults.Ipv6Disabled, "source-vrouter", but=frozenset({"hairpin"}), families=(6,)
    ),  # there the default route would go too
)  # fmt: skip

SWITCHING: Final = (
    entry(faults.BridgePortDisabled, *VM_PORTS),
    entry(faults.BridgePortsIsolated, *VM_PORTS, but=frozenset({"one-host"})),
    entry(faults.BridgeDown, "destination-vswitch"),
    entry(faults.EntryMissing, *VM_PORTS, only=frozenset({"one-host", "routed", "hairpin"})),
    entry(faults.EntryPointsBack, "destination-vswitch"),
)

OVERLAY: Final = (
    *(
        entry(fault, *UNDERLAY)
        for fault in (
            faults.VxlanDown, faults.VxlanMissing, faults.HostFirewallIn,
            faults.FabricRouteMissing, faults.FabricPortDown,
        )
    ),
    entry(faults.FabricLossy, *UNDERLAY, protocols=UNANSWERED),
    entry(faults.FabricMtuSmall, *UNDERLAY, size=LARGE),
    *(
        entry(fault, *UPLINK)
        for fault in (
            faults.VxlanOutDown, faults.RemoteMissing, faults.RemoteUnreachable,
            faults.UnderlayRouteMissing, faults.UnderlayRouteBlackhole,
            faults.UnderlayRouteUnreachable, faults.UnderlayGatewayMute, faults.UplinkDown,
            faults.HostFirewallOut,
        )
    ),
)  # fmt: skip

ENTRIES: Final = (*EXISTING, *FILTERS, *PROGRAMS, *QUEUES, *ROUTING, *SWITCHING, *OVERLAY)
