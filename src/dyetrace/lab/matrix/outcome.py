"""What became of a scenario: the truth beside what was found."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from ipaddress import ip_address
from typing import Any

from dyetrace.lab.faults.fault import Truth
from dyetrace.lab.matrix.scenario import Scenario

NOTHING = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The part of an answer that is compared."""

    verdict: str
    code: str = NOTHING
    host: str | None = None
    vfd: str | None = None
    object: str = ""
    surplus: int = 0  # findings that say something else than the first
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One scenario that was carried out, or could not be."""

    scenario: Scenario
    verdicts: tuple[str, ...]  # the true one, and those just as true
    code: str
    host: str | None
    vfd: str | None
    found: Found
    sent: int
    received: int
    seconds: float  # from asking to the verdict
    objects: tuple[str, ...] = ()
    invalid: str = ""  # why it proves nothing: the lab's failure, not the product's

    @property
    def verdict_right(self) -> bool:
        """Whether the packets' fate was told."""
        return self.found.verdict in self.verdicts

    @property
    def place_right(self) -> bool:
        """Whether host and VFD are right; where no host is to blame, none may be blamed."""
        if self.code in {NOTHING, "UNDERLAY_LOSS"} and self.host is None:
            return self.found.code == self.code
        return (self.found.host, self.found.vfd) == (self.host, self.vfd)

    @property
    def object_right(self) -> bool:
        """Whether the very thing at fault was named, where the fault declares it."""
        return not self.objects or any(each in self.found.object for each in self.objects)

    @property
    def is_right(self) -> bool:
        """Whether all is right, with nothing false beside it."""
        return (
            self.verdict_right
            and self.place_right
            and self.found.code == self.code
            and self.object_right
            and not self.found.surplus
        )

    def as_dict(self) -> dict[str, Any]:
        """Write it for JSON: one that is right needs no more than that, for there are thousands."""
        is_right = self.is_right and not self.invalid
        told = {
            "id": self.scenario.id,
            "sent": self.sent,
            "received": self.received,
            "seconds": round(self.seconds, 3),
            "code": self.found.code,
            "right": is_right,
        }
        return told if is_right else {**told, **self._what_is_wrong()}

    def _what_is_wrong(self) -> dict[str, Any]:
        return {
            "expected": {
                "verdicts": list(self.verdicts),
                "code": self.code,
                "host": self.host,
                "vfd": self.vfd,
                "objects": list(self.objects),
            },
            "found": asdict(self.found),
            "verdict_right": self.verdict_right,
            "place_right": self.place_right,
            "code_right": self.found.code == self.code,
            "object_right": self.object_right,
            "invalid": self.invalid,
        }


def found_in(answer: Mapping[str, Any]) -> Found:
    """Read an answer; with several findings the first counts, and the others against it."""
    findings = answer["findings"]
    if not findings:
        unknown = ", ".join(each["code"] for each in answer["undetermined"])
        return Found(verdict=answer["verdict"], code=unknown or NOTHING, text=answer["summary"])
    first = findings[0]
    said = {(each["code"], each["host"], each["vfd"]) for each in findings}
    return Found(
        verdict=answer["verdict"],
        code=first["code"],
        host=first["host"],
        vfd=first["vfd"],
        object=first["object"],
        surplus=len(said) - 1,
        text=answer["summary"],
    )


def healthy_truth() -> Truth:
    """Say what is true where nothing is broken."""
    return Truth(verdict="DELIVERED", host=None, vfd=None, code=NOTHING)


def objects_of(objects: tuple[str, ...], family: int) -> tuple[str, ...]:
    """Keep the texts without an address of the other family, if there are any such."""
    fitting = tuple(each for each in objects if not versions_in(each) - {family})
    return fitting or objects


def versions_in(text: str) -> set[int]:
    """Find the IP versions of the addresses in a text."""
    found: set[int] = set()
    for word in text.replace("/", " ").split():
        with suppress(ValueError):
            found.add(ip_address(word).version)
    return found
