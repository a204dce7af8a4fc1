"""Rows as CSV that a spreadsheet opens without computing anything (security.md, Data; RFC 4180)."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from typing import IO, Any

# With these, also in full width, a spreadsheet takes a cell for a formula; a quote in front makes it a text.
_DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "＝", "＋", "－", "＠")


class Spreadsheet:
    """Writes rows to a file that was opened with `newline=""`; every cell is quoted, lists stand separated by `; `."""

    def __init__(self, file: IO[str], columns: Sequence[str]) -> None:
        self._writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        self._writer.writerow(columns)

    def write(self, rows: Iterable[Sequence[Any]]) -> None:
        """Write rows; None is an empty cell."""
        self._writer.writerows([cell(value) for value in row] for row in rows)


def cell(value: Any) -> str:
    """A value as a cell holds it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return cell("; ".join(str(each) for each in value))
    text = str(value)
    return f"'{text}" if text.startswith(_DANGEROUS) else text


def text_of(cell: str) -> str:
    """What a cell was written from, where `cell` made a text of it."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_DANGEROUS) else cell
