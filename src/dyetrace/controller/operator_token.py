"""The operator's token, made at the first start and kept in a file that only its owner reads."""

import os
from pathlib import Path

from dyetrace.controller.principal import Principal, Role
from dyetrace.controller.store import Database, TokenStore
from dyetrace.errors import NotPermitted, TokenRefused

OPERATOR = Principal(name="operator", role=Role.OPERATOR)


def operator_token(path: Path, database: Database) -> None:
    """Make sure that a file holds a token that this database knows; raises NotPermitted."""
    tokens = TokenStore(database)
    try:
        tokens.principal_of(path.read_text(encoding="ascii", errors="replace").strip())
    except (FileNotFoundError, TokenRefused):
        _write(path, tokens.issue(OPERATOR))
    except OSError as error:
        raise NotPermitted(f"cannot read {path}: {error.strerror}") from error


def _write(path: Path, token: str) -> None:
    """Replace the file whole: nobody else ever may read it, not even for a moment."""
    new = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(f"{token}\n")
        new.replace(path)
    except OSError as error:
        raise NotPermitted(f"cannot write {path}: {error.strerror}") from error
