"""What several causes look for."""

import pytest

from dyetrace.knowledge.signs import looks_at_dscp
from dyetrace.model.rule_met import MetAs, RuleMet
from dyetrace.model.site import SecurityRule, SiteEvidence


def dropped_by(text):
    return SecurityRule(family="inet", table="t", chain="c", handle=1, text=text)


def met(text):
    return RuleMet(
        family="inet", table="t", chain="c", met_as=MetAs.RULE, decision="continue", text=text
    )


@pytest.mark.parametrize(
    "text", ["ip dscp 0x2b drop", "ip6 dscp { cs1, 0x2b } drop", "-m dscp --dscp 0x2b -j DROP"]
)
def test_a_rule_that_drops_by_dscp_looks_at_the_color(text):
    assert looks_at_dscp(SiteEvidence(dropped_by=dropped_by(text)))


@pytest.mark.parametrize("text", ["ip dscp set cs0", "tcp dport 22 drop", ""])
def test_other_rules_do_not(text):
    assert not looks_at_dscp(SiteEvidence(dropped_by=dropped_by(text), rules_met=(met(text),)))


def test_a_rule_before_the_one_that_drops_counts():
    site = SiteEvidence(
        dropped_by=dropped_by("meta mark 7 drop"), rules_met=(met("ip dscp 0x2b meta mark set 7"),)
    )

    assert looks_at_dscp(site)
