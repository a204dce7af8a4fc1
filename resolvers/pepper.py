"""The pepper: a secret outside the database, without which what the database keeps of API keys is worth nothing."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from weakref import WeakKeyDictionary

from repositories.engine import Database

_chosen: WeakKeyDictionary[Database, bytes] = WeakKeyDictionary()


def choose_pepper(database: Database, *, value: str | None = None, file: Path | None = None) -> None:
    """Say which pepper the keys of a database are made with: a value, or what stands in a file."""
    if value:
        _chosen[database] = value.encode()
    elif file is not None:
        _chosen[database] = _kept_in(file)


def pepper_of(database: Database) -> bytes:
    """The pepper of a database; unless another one was chosen, that of the file beside it, made when first needed."""
    found = _chosen.get(database)
    if found is None:
        path = database.path
        beside = Path("rosterql.pepper") if path is None else path.with_name(path.name + ".pepper")
        found = _chosen[database] = _kept_in(beside)
    return found


def _kept_in(file: Path) -> bytes:
    """What stands in a file; of several processes that find none, one makes it and all read the same."""
    try:
        return _read(file)
    except FileNotFoundError:
        pass
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f"{file.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as writing:
        writing.write(secrets.token_urlsafe(32) + "\n")
    try:
        os.link(draft, file)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return _read(file)


def _read(file: Path) -> bytes:
    pepper = file.read_bytes().strip()
    if len(pepper) < 32:
        raise ValueError(f"{file} holds no pepper: 32 characters or more are needed")
    return pepper
