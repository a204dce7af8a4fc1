"""Scalars that are stricter than the stock ones."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Any

from graphql import GraphQLError

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def print_instant(value: datetime) -> str:
    """RFC 3339 in UTC with a `Z`."""
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def parse_instant(value: Any) -> datetime:
    """An instant with an offset; whatever else ISO 8601 allows is refused."""
    if isinstance(value, str) and _RFC3339.fullmatch(value):
        try:
            return datetime.fromisoformat(value.upper()).astimezone(UTC)
        except (ValueError, OverflowError):
            pass
    raise GraphQLError("An instant is written in RFC 3339 with an offset, for example 2026-11-24T08:00:00Z.")


def print_day(value: date) -> str:
    """YYYY-MM-DD."""
    return value.isoformat()


def parse_day(value: Any) -> date:
    """A day of the calendar; weeks, ordinal days and short forms are refused."""
    if isinstance(value, str) and _DAY.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise GraphQLError("A day is written as YYYY-MM-DD, for example 2026-11-24.")
