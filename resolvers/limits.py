"""Limits that callers are told (`viewer.limits`) and held to."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Largest sizes of requests."""

    max_page_size: int = 100
    max_bulk_targets: int = 1_000
    max_inline_targets: int = 1_000
    max_create_users: int = 25
    max_filter_conditions: int = 50
    max_total_count: int = 10_000


MAX_NODES = 100
MAX_IN_LIST = 500
MAX_SORT_KEYS = 3
MAX_SEARCH_CHARACTERS = 200
MAX_TEXT_CHARACTERS = 320  # no name, number or mail address is longer
DEFAULT_PAGE_SIZE = 25
