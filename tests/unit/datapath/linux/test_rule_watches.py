"""Traces of rules that cannot be armed: a note, and everything else goes on."""

import threading

import pytest

from dyetrace.datapath.linux.errors import NamespaceVanished
from dyetrace.datapath.linux.rule_watches import RuleWatches, Traced
from dyetrace.datapath.linux.ruleset import Chain, Rule
from support.builders import a_flow


class Unready:
    """A namespace in which nothing can be run."""

    name = "vrouter"

    def __init__(self, error, leave=None):
        self.error = error
        self.leave = leave

    def run(self, _):
        if self.leave is not None:
            self.leave.wait(10)
        raise self.error


@pytest.mark.parametrize(
    "error", [FileNotFoundError("nft is not installed"), NamespaceVanished("vrouter")]
)
def test_what_cannot_be_traced_is_noted_and_nothing_fails(error):
    watches = RuleWatches([43])

    watches.trace({1: Unready(error)})

    assert watches.ready() == (f"which rules are met in vrouter is not traced: {error}",)
    assert watches.traced(1, a_flow(), dropped=None).steps == ()
    assert watches.ready() == ()
    watches.close()


def test_whoever_begins_to_trace_does_not_wait_until_it_stands():
    leave = threading.Event()
    watches = RuleWatches([43])

    watches.trace({1: Unready(OSError("no"), leave)})

    leave.set()  # we came here while it waited
    assert len(watches.ready()) == 1


def test_zones_are_those_that_rules_choose():
    texts = ("udp dport 5353 ct zone set 7", "ct original zone set 9", "ct zone 3 drop")
    rules = [Rule(handle=number, text=text) for number, text in enumerate(texts, start=1)]
    before = (Chain(family="ip", table="t", name="c", rules=rules),)

    assert set(Traced(before=before).zones) == {7, 9}
