"""A controller in miniature, as a process of its own: `worker.py URL WORK NUMBER`."""

import sys
from datetime import timedelta

from dyetrace.controller.principal import Principal, Role
from dyetrace.controller.store import Admission, AuditLog, HostLimits, Quota, TaskStore
from dyetrace.errors import DyetraceError, TaskAlreadyActive
from support.stores.quotas import admitted
from support.stores.tasks import NOW, a_request_key, numbered

ROUNDS = 15


def add_the_same(store, number):
    """Try to add one filter under many ids; say which were taken."""
    for attempt in range(ROUNDS):
        try:
            print(store.queue(numbered(number * 1000 + attempt), cloud="blue", request={}))
        except TaskAlreadyActive as error:
            print("refused", error.active)


def ask_the_same(store, number):
    """Send one request with one key, and say which task came of it."""
    key = a_request_key(expires_at=NOW.replace(year=9000))
    print(store.queue(numbered(number * 1000), cloud="blue", request={}, key=key))


def claim_all(store, _):
    """Claim what there is."""
    while task := store.claim(timedelta(minutes=5)):
        print(task.id)


def write_audit(store, number):
    """Write lines that everybody else writes too."""
    log = AuditLog(store.database)
    for attempt in range(ROUNDS):
        principal = Principal(name=f"p{number}", role=Role.OPERATOR)
        log.write(principal, "start", target=str(attempt), outcome="done")


def add_within_limits(store, number):
    """Try to add more, with the others, than tenant blue may have and host cn-1 carry."""
    admission = Admission(quota=Quota(active_tasks=7), host=HostLimits(active_tasks=9))
    for attempt in range(ROUNDS):
        tenant = "blue" if attempt % 2 else ""
        try:
            added = admitted(store, number * 1000 + attempt, admission=admission, tenant=tenant)
            print(tenant or "provider", added)
        except DyetraceError as error:
            print("refused", type(error).__name__)


def open_only(_store, _number):
    """Open the store: that may make or migrate it."""


WORKS = (add_the_same, ask_the_same, claim_all, write_audit, add_within_limits, open_only)

if __name__ == "__main__":
    url, work, text = sys.argv[1:]
    print("ready", flush=True)
    sys.stdin.readline()  # all begin at once
    opened = TaskStore(url)
    {f.__name__: f for f in WORKS}[work](opened, int(text))
    opened.close()
    print("end", flush=True)
    sys.stdin.read()  # lives on until all the others have done their work
