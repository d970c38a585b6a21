"""Where a page of tasks ended, as clients carry it along."""

import base64
from datetime import UTC, datetime

from dyetrace.controller.store import After
from dyetrace.errors import InvalidRequest


def write_cursor(after: After) -> str:
    """Write the last task of a page."""
    plain = f"{after.opened_at.astimezone(UTC).isoformat()} {after.id}"
    return base64.urlsafe_b64encode(plain.encode()).decode()


def read_cursor(text: str) -> After:
    """Read it back; raises InvalidRequest."""
    try:
        moment, name = base64.urlsafe_b64decode(text.encode()).decode("ascii").split(" ")
        opened_at = datetime.fromisoformat(moment)
    except ValueError as error:
        raise InvalidRequest("no cursor of a page of tasks: take `next` of the last one") from error
    if opened_at.tzinfo is None or not name.isalnum():
        raise InvalidRequest("no cursor of a page of tasks: take `next` of the last one")
    return After(opened_at=opened_at, id=name)
