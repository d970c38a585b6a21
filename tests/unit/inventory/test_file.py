"""Inventory files: read as they are written, or refused with the line and the place."""

from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from dyetrace.inventory.file import BadInventory, load_inventory
from dyetrace.model.topology import VfdKind

HOWTO = Path(__file__).parents[3] / "docs/howto/inventory.md"
GOOD = """version: 1
tenants: [{name: blue}, {name: green}]
networks:
  - {name: web, tenant: blue, vni: 101, prefixes: [10.0.1.0/24]}
  - {name: shop, tenant: green, vni: 201, prefixes: [10.0.1.0/24]}
hosts:
  - {name: cn-1, underlay: [172.31.1.1]}
vms:
  - id: vm-1
    nics:
      - {id: nic-1, mac: "02:00:00:00:00:01", addresses: [10.0.1.1], network: web}
"""


def written(tmp_path, text):
    path = tmp_path / "cloud.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def refusal(tmp_path, text):
    with pytest.raises(BadInventory) as refused:
        load_inventory(written(tmp_path, text))
    return refused.value


def test_the_example_of_the_howto_is_a_complete_inventory(tmp_path):
    block = HOWTO.read_text(encoding="utf-8").partition("```yaml\n")[2].partition("```")[0]

    inventory = load_inventory(written(tmp_path, block))

    assert inventory.tenants == ("blue", "green")
    assert [network.vni for network in inventory.networks] == [101, 102, 201]
    assert inventory.hosts[0].vfds[0].kind is VfdKind.VSWITCH
    assert [vfd.tenants for vfd in inventory.hosts[0].vfds] == [(), ("blue",)]
    assert inventory.hosts[0].underlay == (ip_address("172.31.1.1"),)
    web, db, shop = inventory.nics
    assert web.nic.addresses == (ip_address("10.0.1.11"), ip_address("fd00:0:0:1::11"))
    assert (db.host, db.namespace, db.port) == ("cn-2", "", "tap-db")
    assert (shop.nic.tenant, shop.network) == ("green", "green-web")


def test_a_nic_takes_the_tenant_of_its_network(tmp_path):
    assert load_inventory(written(tmp_path, GOOD)).nics[0].nic.tenant == "blue"


def test_sections_may_be_left_out_or_empty(tmp_path):
    assert load_inventory(written(tmp_path, "version: 1\nhosts:\n")).nics == ()


@pytest.mark.parametrize(
    ("mac", "meant"),
    [
        ("10:20:30:40:50:59", "10:20:30:40:50:59"),  # a number in YAML 1.1
        ("AA-BB-CC-DD-EE-0F", "aa:bb:cc:dd:ee:0f"),
        ("'52:54:00:12:34:56'", "52:54:00:12:34:56"),
    ],
)
def test_values_are_taken_as_they_are_written(tmp_path, mac, meant):
    text = GOOD.replace('"02:00:00:00:00:01"', mac).replace("vm-1", "no").replace("nic-1", "007")

    (entry,) = load_inventory(written(tmp_path, text)).nics

    assert (entry.nic.mac, entry.nic.vm, entry.nic.id) == (meant, "no", "007")


@pytest.mark.parametrize(
    ("change", "line", "path", "says"),
    [
        (("version: 1", "version: 2"), 1, "version", "reads version 1"),
        (("version: 1", "{}"), 2, "", "no YAML"),
        (("version: 1\n", ""), 1, "", "version is missing: add it"),
        (("tenants:", "tenant:"), 2, "tenant", "did you mean tenants?"),
        (("[{name: blue}, {name: green}]", "blue"), 2, "tenants", "write a list"),
        (("{name: green}", "green"), 2, "tenants[1]", "write fields here: name"),
        (("{name: green}", "{name: blue}"), 2, "tenants[1].name", "line 2 has this tenant already"),
        (("{name: green}", "{name: }"), 2, "tenants[1]", "name is missing"),
        (("{name: green}", "{name: ''}"), 2, "tenants[1].name", "write a name"),
        (("{name: green}", "{name: [x]}"), 2, "tenants[1].name", "single value"),
        (
            ("tenant: blue, vni", "tenant: bleu, vni"),
            4,
            "networks[0].tenant",
            "'bleu' is not under",
        ),
        (("vni: 101", "vni: 16777216"), 4, "networks[0].vni", "0..16777215"),
        (("vni: 101", "vni: blue"), 4, "networks[0].vni", "0..16777215"),
        (("vni: 201", "vni: 101"), 5, "networks[1].vni", "line 4 has this VNI already"),
        (
            ("101, prefixes: [10.0.1.0/24]", "101, prefixes: [10.0.1.1/24]"),
            4,
            "networks[0].prefixes[0]",
            "host bits are zero",
        ),
        (("172.31.1.1]", "172.31.1.1, 172.31.1.1]"), 7, "hosts[0].underlay[1]", "line 7 has this"),
        (("172.31.1.1]", "cn-1]"), 7, "hosts[0].underlay[0]", "an address without"),
        (
            ("underlay: [172.31.1.1]", "vfds: [{name: a}, {name: b}]"),
            7,
            "hosts[0].vfds[1]",
            "namespace of this host already",
        ),
        (
            ("underlay: [172.31.1.1]", "vfds: [{name: a, kind: switch}]"),
            7,
            "hosts[0].vfds[0].kind",
            "vswitch, vrouter, gateway",
        ),
        (
            ("underlay: [172.31.1.1]", "vfds: [{name: a, tenants: [blue, red]}]"),
            7,
            "hosts[0].vfds[0].tenants[1]",
            "'red' is not under tenants",
        ),
        (("id: vm-1", "id: 10.0.0.1"), 9, "vms[0].id", "taken for an address"),
        (("id: vm-1", "id: 02:00:00:00:00:09"), 9, "vms[0].id", "taken for an address"),
        (
            ("id: vm-1", "id: vm-1\n    tenant: green"),
            12,
            "vms[0].nics[0].network",
            "web is of tenant blue, the VM of green",
        ),
        (('"02:00:00:00:00:01"', "02:00:00"), 11, "vms[0].nics[0].mac", "six pairs"),
        (("[10.0.1.1]", "[10.0.1.1/24]"), 11, "vms[0].nics[0].addresses[0]", "without a prefix"),
        (("[10.0.1.1]", "[10.9.9.9]"), 11, "vms[0].nics[0].addresses[0]", "is not in web"),
        (("[10.0.1.1]", "[10.0.1.1, 10.0.1.1]"), 11, "vms[0].nics[0].addresses[1]", "already"),
        (("network: web", "network: web2"), 11, "vms[0].nics[0].network", "(shop, web)"),
        (("network: web", "network: web, port: tap1"), 11, "vms[0].nics[0]", "without host"),
        (("network: web", "network: web, host: cn-9"), 11, "vms[0].nics[0].host", "(cn-1)"),
        (("network: web", "network: web, mac: x"), 11, "vms[0].nics[0].mac", "first on line 11"),
        (("network: web", "network: web, <<: {a: b}"), 11, "vms[0].nics[0].<<", "no such field"),
        (
            ("id: nic-1", "id: !!python/object:os.system nic-1, name: x"),
            11,
            "vms[0].nics[0].name",
            "no such field",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_line_and_place(tmp_path, change, line, path, says):
    old, new = change
    assert GOOD.count(old) == 1

    error = refusal(tmp_path, GOOD.replace(old, new))

    (problem,) = error.problems
    assert (problem.line, problem.path) == (line, path)
    assert says in str(error)
    assert f"cloud.yaml: line {line}: " in str(error)


MORE = "  - {id: %s, nics: [{id: %s, mac: '%s', addresses: [%s], network: %s}]}\n"


@pytest.mark.parametrize(
    ("more", "place"),
    [
        (("vm-1", "nic-2", "02:00:00:00:00:02", "10.0.1.2", "web"), "id"),
        (("vm-2", "nic-1", "02:00:00:00:00:02", "10.0.1.2", "web"), "nics[0].id"),
        (("nic-1", "nic-2", "02:00:00:00:00:02", "10.0.1.2", "web"), "id"),
        (("vm-2", "vm-1", "02:00:00:00:00:02", "10.0.1.2", "web"), "nics[0].id"),
        (("vm-2", "nic-2", "02:00:00:00:00:01", "10.0.1.2", "web"), "nics[0].mac"),
        (("vm-2", "nic-2", "02:00:00:00:00:02", "10.0.1.1", "web"), "nics[0].addresses[0]"),
    ],
)
def test_what_must_be_unique_is_refused_the_second_time(tmp_path, more, place):
    error = refusal(tmp_path, GOOD + MORE % more)

    (problem,) = error.problems
    assert (problem.line, problem.path) == (12, f"vms[1].{place}")


def test_addresses_and_macs_may_come_again_in_another_network(tmp_path):
    more = ("vm-2", "vm-2", "02:00:00:00:00:01", "10.0.1.1", "shop")

    inventory = load_inventory(written(tmp_path, GOOD + MORE % more))

    assert [entry.nic.tenant for entry in inventory.nics] == ["blue", "green"]


def test_all_problems_of_a_section_are_told_at_once_in_the_files_order(tmp_path):
    error = refusal(tmp_path, GOOD.replace("vni: 101", "vni: x").replace("vni: 201", "vni: y"))

    assert [problem.line for problem in error.problems] == [4, 5]
    assert str(error).count("\n") == 1


@pytest.mark.parametrize(
    "content",
    [
        *(
            b"",
            b"\n",
            b"3",
            b"[]",
            b"[",
            b"a: b: c",
            b"\xff\xfe\xff",
            b"\tx: y",
            b"version: 1\n---\n",
        ),
        *(b"[" * 5000, b"- " * 5000, b"version: *x", b"a: \x00", b"? [x]\n: y", b"{[1]: 2}"),
        b"version: 1\nvms: &a\n  - *a\n",
        b"version: 1\nvms: &a [*a]\n",
    ],
    ids=lambda content: repr(content)[:30],
)
def test_what_is_no_inventory_is_refused_never_crashed_on(tmp_path, content):
    error = refusal(tmp_path, content)

    assert all(problem.line >= 1 for problem in error.problems)


def test_a_file_that_is_not_there_is_said(tmp_path):
    with pytest.raises(BadInventory, match="No such file"):
        load_inventory(tmp_path / "none.yaml")


def test_prefixes_of_both_families_are_read(tmp_path):
    text = GOOD.replace("101, prefixes: [10.0.1.0/24]", "101, prefixes: [10.0.1.0/24, 'fd00::/64']")

    networks = load_inventory(written(tmp_path, text)).networks

    assert networks[0].prefixes == (ip_network("10.0.1.0/24"), ip_network("fd00::/64"))
