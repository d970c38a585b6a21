"""Faults by the options people type."""

import types
from collections.abc import Iterable
from dataclasses import MISSING, fields
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from dyetrace.lab.errors import LabError, UnknownName
from dyetrace.lab.faults.fault import Fault


class BadOption(LabError):
    """An option has a value the fault cannot take."""

    def __init__(self, *, option: str, value: str, wanted: str) -> None:
        super().__init__(f"{option}={value}: {option} must be {wanted}")
        self.option = option


def fault_with(kind: type[Fault], options: Iterable[str]) -> Fault:
    """Make a fault from key=value texts. Raises UnknownName or BadOption."""
    hints = get_type_hints(kind)
    known = [field.name for field in fields(kind)]
    values: dict[str, Any] = {}
    for text in options:
        option, equals, value = text.partition("=")
        if not equals:
            raise BadOption(option=text, value="", wanted="given as key=value")
        if option not in known:
            raise UnknownName(what=f"option of {kind.name}", name=option, known=known)
        values[option] = converted(option, value, hints[option])
    return kind(**values)


def converted(option: str, value: str, hint: object) -> str | int:
    """Turn a text into what a field takes. Raises BadOption."""
    accepted = get_args(hint)
    if get_origin(hint) is Literal:
        if value not in accepted:
            raise BadOption(option=option, value=value, wanted=" or ".join(accepted))
        return value
    if hint is int or (get_origin(hint) in (Union, types.UnionType) and int in accepted):
        if not value.isdecimal():
            raise BadOption(option=option, value=value, wanted="a number")
        return int(value)
    return value


def summary_of(kind: type[Fault]) -> str:
    """Say in a line what a fault does, and which options it takes."""
    first_line = (kind.__doc__ or "").partition("\n")[0].rstrip(".")
    options = ", ".join(
        field.name if field.default in ("", None, MISSING) else f"{field.name}={field.default}"
        for field in fields(kind)
    )
    return f"{first_line} [{options}]"
