"""What one VFD does for a task: COLOR at a source port, LOG everywhere else."""

from dataclasses import dataclass, fields

from dyetrace.model.filter import PacketFilter
from dyetrace.model.packet import Address
from dyetrace.model.task import Limits, TaskId
from dyetrace.model.topology import PortKey


@dataclass(frozen=True, slots=True, kw_only=True)
class ColorPolicy:
    """Color the task's packets where they enter the cloud.

    The filters hold no names any more: planning has resolved VMs and tenants
    to ports and prefixes. A packet that matches any of them is wanted.
    """

    task_id: TaskId
    ports: frozenset[PortKey]
    filters: tuple[PacketFilter, ...]
    limits: Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class ColorCounts:
    """What became of the packets that a task's filter matched."""

    colored: int = 0
    matched: int = 0  # until the count was reached or the time was over
    limited: int = 0  # left alone for the rate limit
    uncolorable: int = 0  # left alone: their class has no color
    already_colored: int = 0  # left alone: the sender uses a color itself

    def __add__(self, other: "ColorCounts") -> "ColorCounts":
        """Count both."""
        return ColorCounts(
            **{
                item.name: getattr(self, item.name) + getattr(other, item.name)
                for item in fields(self)
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """An endpoint's address, and the port of its vSwitch that its vNIC is at."""

    address: Address
    port: PortKey
    mac: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPolicy:
    """Log colored packets at these ports, and drops in these ports' VFDs."""

    ports: frozenset[PortKey]
    receivers: tuple[Receiver, ...] = ()  # whose vNIC is at which of them
    inspects: bool = True  # look closely at first packets and drops, and trace rules


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Who does what for one task; hosts by number."""

    color: dict[int, ColorPolicy]
    log: dict[int, LogPolicy]
