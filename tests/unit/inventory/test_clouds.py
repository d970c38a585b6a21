"""Cloud files: read as the lab writes them; what is broken is named and harms no other."""

import json
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from dyetrace.errors import InvalidRequest
from dyetrace.inventory.clouds import (
    BadCloudFile,
    load_cloud,
    netns_of_clouds,
    registered_clouds,
)

NIC = {"id": "web-eth0", "host": "cn-1", "netns": "n", "port": "p", "addresses": ["10.0.0.1"]}
GOOD = {
    "cloud": "blue",
    "agents": [{"host": "cn-1", "socket": "/run/a.sock", "netns": ["dt.blue.*"]}],
    "vms": [{"id": "web", "nics": [NIC]}],
}


def written(folder: Path, name: str, content: Any) -> None:
    text = content if isinstance(content, str) else json.dumps(content)
    (folder / f"{name}.json").write_text(text, encoding="latin-1")


def test_a_cloud_has_its_agents_and_nics(tmp_path: Path) -> None:
    written(tmp_path, "blue", GOOD)

    cloud = load_cloud("blue", tmp_path)

    assert cloud.agents[0].socket == Path("/run/a.sock")
    assert cloud.nics["cn-1", "n", "p"].addresses == (ip_address("10.0.0.1"),)


@pytest.mark.parametrize(
    "content",
    [
        *("", "{", "[]", "3", "null", '"blue"', "\xff\xfe", "[" * 3000),
        {"cloud": "blue"},
        {"agents": []},
        {**GOOD, "agents": 3},
        {**GOOD, "agents": ["cn-1"]},
        {**GOOD, "agents": [{"host": "cn-1"}]},
        {**GOOD, "vms": 3},
        {**GOOD, "vms": [{"id": "web"}]},
        {**GOOD, "vms": [{"id": "web", "nics": [{**NIC, "addresses": ["10.0.0"]}]}]},
    ],
    ids=lambda content: str(content)[:40],
)
def test_a_broken_file_is_named(tmp_path: Path, content: Any) -> None:
    written(tmp_path, "blue", content)

    with pytest.raises(BadCloudFile, match=r"blue\.json"):
        load_cloud("blue", tmp_path)


@pytest.mark.parametrize("name", ["nebula", "../blue", "", "."])
def test_an_unknown_cloud_is_refused_with_those_there_are(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "clouds"
    folder.mkdir()
    written(tmp_path, "blue", GOOD)
    written(folder, "green", GOOD)

    with pytest.raises(InvalidRequest, match="there are: green"):
        load_cloud(name, folder)


def test_no_folder_is_no_cloud(tmp_path: Path) -> None:
    assert registered_clouds(tmp_path / "none") == ()


def test_namespaces_of_clouds_are_told_though_one_file_is_broken(tmp_path: Path) -> None:
    written(tmp_path, "blue", GOOD)
    written(tmp_path, "broken", "{")

    assert netns_of_clouds(tmp_path) == ("dt.blue.*",)
