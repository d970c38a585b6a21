"""A YAML file read by place: every value knows its line and its path, so that errors can say them.

Values are taken as they are written. YAML 1.1 would make numbers of some MAC
addresses, and `false` of Norway.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TypeVar

import yaml

T = TypeVar("T")
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
MAX_DEPTH = 20  # far more than any inventory has; deeper ones exhaust the parser's stack
NULL = "tag:yaml.org,2002:null"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong in a file, where it is, and what to do."""

    line: int
    path: str
    text: str

    def __str__(self) -> str:
        """Write it as one line."""
        return (
            f"line {self.line}: {self.path}: {self.text}"
            if self.path
            else f"line {self.line}: {self.text}"
        )


class Wrong(Exception):
    """Carries a problem to whoever collects them."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


class Cursor:
    """One value of the file, with where it is."""

    def __init__(self, node: yaml.Node, path: str = "") -> None:
        """Stand on a node."""
        self._node = node
        self.path = path

    @property
    def line(self) -> int:
        """The line on which the value begins, as editors count."""
        return int(self._node.start_mark.line) + 1

    def wrong(self, text: str) -> Wrong:
        """Make the error that this value is not as it should be."""
        return Wrong(Problem(line=self.line, path=self.path, text=text))

    def fields(
        self, *, required: Iterable[str], optional: Iterable[str] = ()
    ) -> dict[str, "Cursor"]:
        """Take it as a mapping with these keys and no others; empty values count as left out."""
        if not isinstance(self._node, yaml.MappingNode):
            raise self.wrong(f"write fields here: {', '.join((*required, *optional))}")
        known = (*required, *optional)
        found: dict[str, Cursor] = {}
        for key_node, value_node in self._node.value:
            key = Cursor(key_node, self.path).text()
            field = Cursor(value_node, f"{self.path}.{key}" if self.path else key)
            if key not in known:
                near = get_close_matches(key, known, n=1)
                hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(known)}"
                raise Cursor(key_node, field.path).wrong(f"no such field; {hint}")
            if key in found:
                raise Cursor(key_node, field.path).wrong(
                    f"is given twice, first on line {found[key].line}: leave one out"
                )
            found[key] = field
        found = {key: field for key, field in found.items() if not field.is_empty}
        for name in required:
            if name not in found:
                raise self.wrong(f"{name} is missing: add it")
        return found

    def items(self) -> list["Cursor"]:
        """Take it as a list."""
        if not isinstance(self._node, yaml.SequenceNode):
            raise self.wrong("write a list here: a line with `- ` for each, or [a, b]")
        return [Cursor(node, f"{self.path}[{n}]") for n, node in enumerate(self._node.value)]

    @property
    def is_empty(self) -> bool:
        """Whether nothing is written there."""
        return isinstance(self._node, yaml.ScalarNode) and self._node.tag == NULL

    def text(self) -> str:
        """Take it as what is written, whatever it looks like."""
        if not isinstance(self._node, yaml.ScalarNode):
            raise self.wrong("write a single value here")
        written = str(self._node.value).strip()
        if not written or not written.isprintable():
            raise self.wrong("write a name or a value here, in one line")
        return written

    def parsed(self, parse: Callable[[str], T], hint: str) -> T:
        """Take it as what a function makes of it; hint: what to write where it cannot."""
        written = self.text()
        try:
            return parse(written)
        except (ValueError, KeyError) as error:
            raise self.wrong(f"{written!r} will not do: write {hint}") from error


def each(items: Iterable[Cursor], read: Callable[[Cursor], T], problems: list[Problem]) -> list[T]:
    """Read all of a list; what is wrong with some is collected, once for each."""
    good: list[T] = []
    for item in items:
        try:
            good.append(read(item))
        except Wrong as wrong:
            problems.append(wrong.problem)
    return good


def open_yaml(content: bytes) -> Cursor:
    """Stand on the top of a YAML document; raises Wrong."""
    try:
        text = content.decode("utf-8-sig")
        _refuse_depth(text)
        node = yaml.compose(text, Loader=LOADER)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise Wrong(Problem(line=line, path="", text="not UTF-8: save it as UTF-8")) from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = " ".join(filter(None, (error.context, error.problem)))
        line = mark.line + 1 if mark else 1
        raise Wrong(Problem(line=line, path="", text=f"no YAML: {said}")) from error
    except yaml.YAMLError as error:
        said = str(error).partition("\n")[0]
        raise Wrong(Problem(line=1, path="", text=f"no YAML: {said}")) from error
    if node is None:
        raise Wrong(Problem(line=1, path="", text="the file is empty"))
    return Cursor(node)


def _refuse_depth(text: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=LOADER):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            line = event.start_mark.line + 1 if event.start_mark else 1
            raise Wrong(Problem(line=line, path="", text="nested too deep: no inventory is"))
