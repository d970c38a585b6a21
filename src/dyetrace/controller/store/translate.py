"""What databases complain of, in our words and with what to do about it."""

import sqlite3

from dyetrace.errors import DyetraceError, InvalidRequest, StoreUnavailable

SQLITE_REMEDIES = {
    sqlite3.SQLITE_BUSY: "another process has been writing there for too long: `fuser` names it",
    sqlite3.SQLITE_CANTOPEN: "make its folder, and let this user write there",
    sqlite3.SQLITE_CORRUPT: "restore it from a backup, or move it away to start anew",
    sqlite3.SQLITE_FULL: "make room there",
    sqlite3.SQLITE_IOERR: "see `dmesg` for the disk, and `df` for its room",
    sqlite3.SQLITE_NOTADB: "move it away to start anew",
    sqlite3.SQLITE_PERM: "let this user write there",
    sqlite3.SQLITE_READONLY: "let this user write there, and see that it is not mounted read-only",
}
ELSEWHERE = "or set DYETRACE_STATE to another folder"
SERVER_GONE = "see that the server runs and is reachable; the next attempt connects anew"
SQLSTATE_REMEDIES = {  # the longest beginning that fits counts
    "08": SERVER_GONE,
    "25006": "it takes no writes: connect to the primary",
    "28": "see the user and password in the URL, and the server's pg_hba.conf",
    "3D000": "make the database: createdb, with the name in the URL",
    "42501": "the owner must grant this user CREATE on the schema, and all on its tables",
    "53100": "the server's disk is full: make room there",
    "53300": "the server has no connection left: raise max_connections, or run fewer controllers",
    "55P03": "another session holds a lock for too long: see pg_stat_activity",
    "57014": "the server took too long: see pg_stat_activity",
    "57P": SERVER_GONE,
}
REFUSED_WORDS = {  # of a refused connection libpq keeps the words, not the code
    "password": "28",
    "authentication": "28",
    "no pg_hba.conf entry": "28",
    "connection slots": "53300",
    "too many connections": "53300",
    "role ": "28",
    "database ": "3D000",
    "starting up": "57P",
    "shutting down": "57P",
}
REFUSED = "the server refuses the connection: see the URL, and the server's log"
UNKNOWN = "see the server's log"


def translated(error: BaseException, *, place: str, is_disconnect: bool) -> DyetraceError:
    """Say what a database's error means for whoever can act on it."""
    if isinstance(error, sqlite3.Error):
        remedy = _sqlite_remedy(error)
    elif (sqlstate := getattr(error, "sqlstate", None) or "").startswith("22"):
        return InvalidRequest(f"the database cannot keep that: {_first_line(error)}")
    elif sqlstate:
        remedy = _sqlstate_remedy(sqlstate) or (SERVER_GONE if is_disconnect else UNKNOWN)
    elif type(error).__name__ == "DataError":  # psycopg's own, before it asks the server
        return InvalidRequest(f"the database cannot keep that: {_first_line(error)}")
    else:
        remedy = _refusal_remedy(str(error))
    return StoreUnavailable(f"cannot keep tasks in {place}: {_first_line(error)}; {remedy}")


def _sqlite_remedy(error: sqlite3.Error) -> str:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the rest refines it
    return f"{SQLITE_REMEDIES.get(code, 'move it away to start anew')}, {ELSEWHERE}"


def _sqlstate_remedy(sqlstate: str) -> str | None:
    fitting = [known for known in SQLSTATE_REMEDIES if sqlstate.startswith(known)]
    return SQLSTATE_REMEDIES[max(fitting, key=len)] if fitting else None


def _refusal_remedy(said: str) -> str:
    if "FATAL:" not in said:
        return SERVER_GONE
    code = next((code for words, code in REFUSED_WORDS.items() if words in said), None)
    return SQLSTATE_REMEDIES[code] if code else REFUSED


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
