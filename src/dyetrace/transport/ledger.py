"""What came of each agent's session: what is missing is named, what came twice is known."""

from dataclasses import dataclass, field

from dyetrace.wire.parcels import Header

Sender = tuple[int, int]
"""Host and session."""

Span = tuple[int, int]
"""Records of a session that are missing: the first one's number, and that after the last."""


@dataclass(slots=True)
class Account:
    """One session: how many records it is known to have sent, and which did not come."""

    touched_ns: int
    following: int = 0
    missing: list[Span] = field(default_factory=list)

    def fill(self, first: int, last: int) -> bool:
        """Enter what came after what follows it; says whether it was missing."""
        for index, (begins, ends) in enumerate(self.missing):
            if begins <= first and last <= ends:
                rest = [(begins, first), (last, ends)]
                self.missing[index : index + 1] = [span for span in rest if span[0] < span[1]]
                return True
        return False


@dataclass(slots=True)
class Ledger:
    """The accounts of one partition of one region.

    is_whole: whether the log was read from its beginning; else what came before is not missing.
    """

    is_whole: bool = True
    accounts: dict[Sender, Account] = field(default_factory=dict)
    repeated: int = 0  # records

    def enter(self, header: Header, taken_ns: int) -> bool:
        """Enter a parcel; says whether its records are new."""
        sender = (header.host, header.session)
        account = self.accounts.get(sender)
        if account is None:
            account = self.accounts[sender] = Account(taken_ns)
            account.following = 0 if self.is_whole else header.before
        account.touched_ns = taken_ns
        first, last = header.before, header.before + header.records
        if first < account.following:
            is_new = account.fill(first, last)
            self.repeated += 0 if is_new else header.records
            return is_new
        if first > account.following:
            account.missing.append((account.following, first))
        account.following = last
        return header.records > 0

    def lost(self) -> dict[int, int]:
        """Count the records that are missing, by host."""
        lost: dict[int, int] = {}
        for (host, _), account in self.accounts.items():
            if missing := sum(last - first for first, last in account.missing):
                lost[host] = lost.get(host, 0) + missing
        return lost

    def forget(self, before_ns: int) -> None:
        """Forget sessions of which nothing came since then."""
        self.accounts = {
            sender: account
            for sender, account in self.accounts.items()
            if account.touched_ns >= before_ns
        }
