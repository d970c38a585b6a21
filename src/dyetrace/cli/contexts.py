"""Which controllers the command line knows, and which of them it uses."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from dyetrace.errors import InvalidRequest, NotPermitted

LOCAL = "local"  # no controller: tasks are carried out by the command itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """A controller's API, and the file with a token for it."""

    server: str
    token_file: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Contexts:
    """All that are known, by name."""

    current: str
    known: dict[str, Context]

    def save(self) -> None:
        """Keep them; raises NotPermitted."""
        path = contexts_file()
        content = {
            "current": self.current,
            "known": {
                name: {"server": known.server, "token_file": known.token_file}
                for name, known in self.known.items()
            },
        }
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            new = path.with_suffix(f".{os.getpid()}")
            new.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
            new.replace(path)
        except OSError as error:
            raise NotPermitted(f"cannot write {path}: {error.strerror}") from error


def contexts_file() -> Path:
    """Where they are kept."""
    home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(home) / "dyetrace" / "contexts.json"


def load_contexts() -> Contexts:
    """Read them; none at first. Raises InvalidRequest or NotPermitted."""
    path = contexts_file()
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        known = {name: Context(**fields) for name, fields in content["known"].items()}
        return Contexts(current=content["current"], known=known)
    except FileNotFoundError:
        return Contexts(current=LOCAL, known={})
    except OSError as error:
        raise NotPermitted(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidRequest(f"{path} holds no contexts: move it away to start anew") from error
