"""Inspections at the moment: what was decided is told as it was configured, and as it was then."""

import re
import threading

from dyetrace.lab.faults import AclDeny
from dyetrace.lab.namespaces import namespace
from dyetrace.lab.traffic import exchange, flowing
from support.diagnosis import diagnose, eventually, explained, filter_of, trace

RULES = """
table inet walk {
    chain checks {
        meta l4proto udp ip daddr 10.0.2.0/24 counter comment "counted"
        meta l4proto tcp drop comment "not for these"
    }
    chain in {
        type filter hook forward priority 0; policy accept;
        meta l4proto icmp drop comment "not for these either"
        meta l4proto udp jump checks comment "to the checks"
        meta l4proto udp accept comment "let through"
        drop comment "nobody comes here"
    }
}
"""
DROP = """
table inet passing {
    chain forward {
        type filter hook forward priority 0; policy accept;
        ip dscp 43 counter comment "dyed"
        meta l4proto udp drop comment "soon gone"
    }
}
"""


def inspections(answer, **wanted):
    return [
        each
        for each in answer["inspections"]
        if all(each[name] == value for name, value in wanted.items())
    ]


def works(cloud, src, dst):
    eventually(
        lambda: exchange(cloud, src, dst, count=5).lost == 0,
        within_s=15,
        what=f"traffic {src} -> {dst}",
    )


def test_a_healthy_flow_shows_at_each_vfd_what_was_decided(clouds, store):
    cloud = clouds("three-hosts")
    router = namespace(cloud.name, "cn-1", "vrouter-blue")
    works(cloud, "blue-web", "blue-db")
    cloud.exec(router, ["nft", RULES])
    try:
        answer, seen = diagnose(cloud, "blue-web", "blue-db", store=store, packets=200)
        listed = cloud.exec(router, ["nft", "-a", "list", "table", "inet", "walk"]).stdout
        routed = cloud.exec(router, ["ip", "route", "get", "10.0.2.21"]).stdout
        tables = eventually(
            lambda: "dyetrace" not in cloud.exec(router, ["nft", "list", "tables"]).stdout
        )
    finally:
        cloud.exec(router, ["nft", "delete table inet walk"])

    assert (answer["verdict"], seen.lost) == ("DELIVERED", 0), explained(answer)
    assert tables
    (there,) = inspections(answer, host="cn-1", vfd="vrouter-blue")
    met = there["site"]["rules_met"]
    handles = dict(re.findall(r'comment "([^"]+)" # handle (\d+)', listed))
    by_comment = [(each["comment"], str(each["handle"])) for each in met if each["comment"]]
    expected = ["to the checks", "counted", "let through"]
    assert by_comment == [(comment, handles[comment]) for comment in expected], there
    assert [each["stack"] for each in met if each["comment"]] == [[], ["in"], []]
    assert there["site"]["route"]["device"] in routed
    vfds = {(each["host"], each["vfd"]) for each in answer["inspections"]}
    assert {("cn-1", "vswitch"), ("cn-1", "vrouter-blue"), ("cn-3", "vswitch")} <= vfds
    assert answer["cost"]["inspections"] >= 3
    assert answer["cost"]["inspections_left_out"] == 0


def test_a_gateway_shows_the_translation_that_conntrack_lists(clouds, store):
    cloud = clouds("nat")
    works(cloud, "blue-app", "internet")
    gateway = namespace(cloud.name, "gw-1", "gateway-blue")
    listed = []

    wanted = filter_of(cloud, "blue-app", "internet", protocol="udp", family=4)
    with flowing(cloud, "blue-app", "internet", rate=200.0, duration=20.0):
        answer = trace(cloud, wanted, store=store, packets=200)
        listed = cloud.exec(gateway, ["conntrack", "-L", "-p", "udp"]).stdout

    assert answer["verdict"] == "DELIVERED", explained(answer)
    (there,) = inspections(answer, vfd="gateway-blue")
    found = there["site"]["connection"]
    before, after = found["before"], found["after"]
    assert before["src"] == "10.0.1.12"
    line = next(line for line in listed.splitlines() if f"sport={before['src_port']} " in line)
    assert f"src={before['src']} dst={before['dst']}" in line
    assert f"src={after['dst']} dst={after['src']} " in line
    assert f"sport={after['dst_port']} dport={after['src_port']} " in line
    assert "snat" in found["status"]


def test_a_drops_evidence_is_taken_while_packets_are_dropped(clouds, store):
    cloud = clouds("three-hosts")
    works(cloud, "blue-web", "blue-db")
    cloud.inject(AclDeny(direction="rx", vm="blue-db"))
    try:
        answer, seen = diagnose(cloud, "blue-web", "blue-db", store=store, packets=60, rate=50.0)
    finally:
        cloud.heal()

    assert seen.received == 0
    (taken,) = inspections(answer, point="DROP")
    assert (taken["host"], taken["vfd"]) == ("cn-3", "vswitch")
    assert taken["site"]["dropped_by"]["comment"] == "deny any to blue-db"
    assert taken["after_ns"] < 1_000_000_000, "60 packets at 50 a second take more"


def test_a_rule_that_is_deleted_right_after_its_first_drop_is_still_named(clouds, store):
    cloud = clouds("three-hosts")
    router = namespace(cloud.name, "cn-1", "vrouter-blue")
    works(cloud, "blue-web", "blue-db")
    cloud.exec(router, ["nft", DROP])
    over = threading.Event()
    gone = []

    def delete_after_the_first_drop() -> None:
        listing = ["nft", "list", "table", "inet", "passing"]
        while not over.is_set():
            if "counter packets 0 " not in cloud.exec(router, listing).stdout:
                break
        cloud.exec(router, ["nft", "delete table inet passing"])
        gone.append(True)

    wanted = filter_of(cloud, "blue-web", "blue-db", protocol="udp", family=4)
    watcher = threading.Thread(target=delete_after_the_first_drop)
    try:
        with flowing(cloud, "blue-web", "blue-db", rate=50.0, duration=30.0):
            watcher.start()
            answer = trace(cloud, wanted, store=store, packets=150)
    finally:
        over.set()
        watcher.join()
        if not gone:
            cloud.exec(router, ["nft", "delete table inet passing"])

    assert gone
    assert 0 < answer["lost"] < 75, "the rule was there for the first packets only"
    assert answer["verdict"] == "PARTIAL", explained(answer)
    (finding,) = answer["findings"]
    assert "soon gone" in finding["object"], explained(answer)
    works(cloud, "blue-web", "blue-db")
