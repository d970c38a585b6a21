"""Realize a blueprint, and take everything down again whatever state it is in."""

from dyetrace.lab import commands
from dyetrace.lab.blueprint import Blueprint
from dyetrace.lab.namespaces import existing
from dyetrace.lab.readiness import wait_for_links


def build(blueprint: Blueprint) -> None:
    """Make the namespaces, the links between them, and what is inside each."""
    commands.ip(None, [f"netns add {plan.name}" for plan in blueprint.namespaces])
    for plan in blueprint.namespaces:
        commands.set_sysctls(plan.name, plan.sysctls)
    commands.ip(None, blueprint.links)
    for plan in blueprint.namespaces:
        commands.ip(plan.name, plan.ip)
        commands.bridge(plan.name, plan.bridge)
        if plan.nft:
            commands.nft(plan.name, plan.nft)
    wait_for_links([plan.name for plan in blueprint.namespaces])


def demolish(cloud: str) -> None:
    """Delete all namespaces of a cloud; their devices, rules and routes go with them."""
    commands.ip(None, [f"netns delete {name}" for name in existing(cloud)], tolerant=True)
    # None is left, unless something is wrong that somebody must be told.
    commands.ip(None, [f"netns delete {name}" for name in existing(cloud)])
