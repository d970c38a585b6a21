"""Where analyzers put what they know of each task: the newest piece of each partition stays.

To write a piece again, or an older one, changes nothing; so an analyzer that was killed
may do its last work once more, and one that was thought dead harms nobody.
"""

from dataclasses import dataclass, field

from nats.errors import Error
from nats.js import JetStreamContext
from nats.js.api import Header as Named
from nats.js.api import StorageType, StreamConfig
from nats.js.errors import APIError, NotFoundError

from dyetrace.errors import LogUnreachable
from dyetrace.transport.nats.names import TALLIES, tally_subject
from dyetrace.transport.nats.streams import ensure_stream

REVISION = "Dyetrace-Revision"
WRONG_LAST_SEQUENCE = 10071  # the server's code for: somebody else wrote meanwhile


@dataclass(slots=True)
class TallyLog:
    """Pieces of tallies, by task and partition, in the home region's servers."""

    js: JetStreamContext
    region: str
    _known: dict[str, tuple[int, int]] = field(default_factory=dict)  # sequence, revision

    async def ensure(self, *, replicas: int = 1, age_s: float = 24 * 3600.0) -> None:
        """Make the stream where it is missing; raises LogUnreachable."""
        await ensure_stream(
            self.js,
            self.region,
            StreamConfig(
                name=TALLIES,
                subjects=[f"{TALLIES}.*.*"],
                storage=StorageType.FILE,
                num_replicas=replicas,
                max_msgs_per_subject=1,
                max_age=age_s,
            ),
        )

    async def write(self, task: int, partition: int, revision: int, piece: bytes) -> bool:
        """Put a piece in the place of an older one; says whether it was not older itself."""
        name = tally_subject(task, partition)
        while True:
            try:
                last, known = self._known.get(name) or await self._newest(name)
                if known > revision:
                    return False
                acknowledged = await self.js.publish(
                    name,
                    piece,
                    stream=TALLIES,
                    headers={
                        REVISION: str(revision),
                        Named.EXPECTED_LAST_SUBJECT_SEQUENCE.value: str(last),
                    },
                )
            except APIError as error:
                if error.err_code != WRONG_LAST_SEQUENCE:
                    raise LogUnreachable(region=self.region, why=str(error)) from error
                self._known.pop(name, None)
            except (Error, OSError) as error:
                self._known.pop(name, None)
                raise LogUnreachable(region=self.region, why=str(error) or repr(error)) from error
            else:
                self._known[name] = (acknowledged.seq, revision)
                return True

    async def read(self, task: int, partition: int) -> bytes | None:
        """Give the newest piece of a partition; None where there is none."""
        try:
            message = await self.js.get_last_msg(TALLIES, tally_subject(task, partition))
        except NotFoundError:
            return None
        except (Error, OSError) as error:
            raise LogUnreachable(region=self.region, why=str(error) or repr(error)) from error
        return message.data

    async def _newest(self, name: str) -> tuple[int, int]:
        try:
            message = await self.js.get_last_msg(TALLIES, name)
        except NotFoundError:
            return 0, 0
        return message.seq or 0, int((message.headers or {}).get(REVISION, "0"))
