"""Limits that callers are told (`viewer.limits`) and held to."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Largest sizes of requests."""

    max_request_bytes: int = 1_048_576
    max_document_characters: int = 20_000
    max_tokens: int = 1_000
    max_definitions: int = 40
    max_variables: int = 50
    max_aliases: int = 15
    max_directives: int = 20
    max_depth: int = 12
    max_cost: int = 20_000
    max_query_s: float = 10
    max_page_size: int = 100
    max_bulk_targets: int = 10_000
    max_matched_targets: int = 100_000
    max_inline_targets: int = 1_000
    max_create_users: int = 25
    max_call_records: int = 1_000
    max_filter_conditions: int = 50
    max_total_count: int = 10_000


MAX_NODES = 100
MAX_IN_LIST = 500
MAX_SEAT_USAGE_DAYS = 366
MAX_FILTER_LEVELS = 4  # of and, or and not in each other
MIN_CONTAINED_CHARACTERS = 2
MAX_SORT_KEYS = 3
MAX_SEARCH_CHARACTERS = 200
MAX_TEXT_CHARACTERS = 320  # no name, number or mail address is longer
DEFAULT_PAGE_SIZE = 25
