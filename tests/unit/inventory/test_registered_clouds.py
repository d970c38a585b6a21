"""Clouds that a process registers are what another one finds."""

from pathlib import Path

from dyetrace.inventory.clouds import (
    AgentAddress,
    Cloud,
    load_cloud,
    register_cloud,
    registered_clouds,
)


def test_a_registered_cloud_is_found_with_what_is_proven_of_its_agents(tmp_path):
    agents = (
        AgentAddress(host="cn-1", socket=Path("/run/a.sock"), is_certified=True),
        AgentAddress(host="cn-2", socket=Path("/run/b.sock"), netns=("cn-2.*",)),
    )
    register_cloud(Cloud(name="prod", agents=agents[:1]), tmp_path / "clouds")
    register_cloud(Cloud(name="prod", agents=agents), tmp_path / "clouds")

    assert registered_clouds(tmp_path / "clouds") == ("prod",)
    assert load_cloud("prod", tmp_path / "clouds").agents == agents
