"""A tracked connection: what a VFD takes a packet for, and what it translates it into."""

from dataclasses import dataclass, replace

from dyetrace.model.packet import FiveTuple


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """The entry of the connection table that a packet belongs to."""

    original: FiveTuple  # of the packet that began it, as it came in
    reply: FiveTuple  # of an answer to it, as that comes in
    is_reply: bool = False  # whether the packet at hand is one of the answers
    zone: int = 0
    status: tuple[str, ...] = ()  # the kernel's words: confirmed, assured, snat, dnat, ...
    state: str = ""  # TCP's
    timeout_s: int = 0  # it is forgotten if nothing comes for so long

    @property
    def before(self) -> FiveTuple:
        """The packet at hand as it comes in."""
        return self.reply if self.is_reply else self.original

    @property
    def after(self) -> FiveTuple:
        """The packet at hand as it goes out."""
        return turned(self.original if self.is_reply else self.reply)

    @property
    def is_translated(self) -> bool:
        """Whether anything of the packet's 5-tuple changes."""
        return self.before != self.after


def turned(flow: FiveTuple) -> FiveTuple:
    """Give the way back."""
    return replace(flow, src=flow.dst, dst=flow.src, src_port=flow.dst_port, dst_port=flow.src_port)
