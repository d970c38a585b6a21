"""Remember which faults a cloud has, so that a later process can heal them."""

import contextlib
from dataclasses import asdict
from typing import TYPE_CHECKING

from dyetrace.lab import state
from dyetrace.lab.errors import FaultAlreadyInjected
from dyetrace.lab.faults import fault_called
from dyetrace.lab.faults.fault import Fault

if TYPE_CHECKING:
    from dyetrace.lab.cloud import Cloud


def inject(cloud: "Cloud", fault: Fault) -> None:
    """Break the cloud; a fault that cannot be injected in full leaves nothing behind."""
    fault.truth(cloud)  # raises where the fault makes no sense, before anything is touched
    with state.exclusive(cloud.name):
        content = state.read(cloud.name)
        entry = entry_of(fault)
        if entry in content["faults"]:
            raise FaultAlreadyInjected(fault=fault.name, cloud=cloud.name)
        # Written first: a fault that is remembered and not there is healed harmlessly.
        content["faults"].append(entry)
        state.write(content)
        try:
            fault.inject(cloud)
        except BaseException:
            with contextlib.suppress(Exception):
                fault.heal(cloud)
            content["faults"].remove(entry)
            state.write(content)
            raise


def heal(cloud: "Cloud") -> None:
    """Undo all faults in reverse order; one that cannot be undone stays remembered."""
    with state.exclusive(cloud.name):
        content = state.read(cloud.name)
        while content["faults"]:
            fault_from(content["faults"][-1]).heal(cloud)
            content["faults"].pop()
            state.write(content)


def injected(cloud: "Cloud") -> tuple[Fault, ...]:
    """Give the faults the cloud has now."""
    return tuple(fault_from(entry) for entry in state.read(cloud.name)["faults"])


def entry_of(fault: Fault) -> state.State:
    """Write a fault to the state."""
    return {"fault": fault.name, "options": asdict(fault)}


def fault_from(entry: state.State) -> Fault:
    """Read a fault from the state."""
    return fault_called(entry["fault"])(**entry["options"])
