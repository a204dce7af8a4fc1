"""Whom a command is about: people named by its arguments, or in a file as `rosterql users list` prints them."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from cli.running import MISUSED, fail
from cli.spreadsheet import text_of

# Which keys a target of the API takes, by the column of `users list` that has them.
TARGETS = {"id": "ids", "email": "emails", "externalId": "externalIds", "agentNumber": "agentNumbers"}


def named(people: Sequence[str] | None, file: str | None, column: str | None) -> dict[str, list[str]] | None:
    """The target that arguments and a file name, None where there are none; ends the command where they cannot be read.

    Args:
        file: Its path; `-` is standard input.
        column: What the keys are, by its name in `users list`; None for ids, or mail addresses where there is an @.
    """
    if not people and file is None:
        return None
    keys = list(people or ())
    if file is not None:
        keys += _keys(_text(file), column)
    if not keys:
        fail("Nobody is named: the file is empty.", MISUSED)
    if column is not None:
        return {TARGETS[column]: keys}
    mails = sum("@" in key for key in keys)
    if mails not in (0, len(keys)):
        fail("Name people by ids or by mail addresses, not by both at once.", MISUSED)
    return {TARGETS["email" if mails else "id"]: keys}


def _text(file: str) -> str:
    try:
        if file == "-":
            return sys.stdin.buffer.read().decode("utf-8-sig")
        return Path(file).read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        fail(f"The people cannot be read: {error}", MISUSED)


def _keys(text: str, column: str | None) -> Iterator[str]:
    """The keys in a file: objects of JSON, a sheet with the names of its columns, or a key a line."""
    first = text.lstrip().partition("\n")[0].strip()
    if first.startswith("{"):
        yield from _of_rows(_objects(text), column)
    elif (separator := _separator(first)) is not None:
        sheet = csv.DictReader(io.StringIO(text.lstrip(), newline=""), delimiter=separator)
        yield from _of_rows(((sheet.line_num, row) for row in sheet), column)
    else:
        yield from (line.strip() for line in text.splitlines() if line.strip())


def _objects(text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    import orjson

    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            fail(f"Line {number} of the people is not JSON: {error}", MISUSED)
        if not isinstance(row, dict):
            fail(f"Line {number} of the people is no object.", MISUSED)
        yield number, row


def _separator(first: str) -> str | None:
    """What separates the columns of a sheet whose first line this is; None if it is no such line."""
    for separator in (",", ";", "\t"):
        if set(next(csv.reader([first], delimiter=separator), ())) & TARGETS.keys():
            return separator
    return None


def _of_rows(rows: Iterator[tuple[int, Mapping[str, Any]]], column: str | None) -> Iterator[str]:
    for number, row in rows:
        wanted = column or ("id" if "id" in row else "email")
        value = row.get(wanted)
        key = text_of(value).strip() if isinstance(value, str) else ""
        if not key:
            fail(f"Line {number} of the people has no {wanted}.", MISUSED)
        yield key
