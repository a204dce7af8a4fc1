"""What holds of the listings, which triggers keep: they are what follows from the tables."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Integer, Select, except_, select, type_coerce, union_all

from models.listing import Listing
from models.storage import table_of
from repositories.invariants.invariant import Invariant, Never
from repositories.listed import due

_listings = table_of(Listing).c


def _unlike() -> Select[Any]:
    """People who are not listed as they should be, and those who are listed otherwise."""
    should = due()
    there = select(
        _listings.user_id,
        type_coerce(_listings.kind, Integer),
        _listings.thing_id,
        _listings.organization_id,
        _listings.status,
        _listings.name_key,
    )
    missing, surplus = except_(should, there).subquery("missing"), except_(there, should).subquery("surplus")
    either = union_all(select(*missing.c[:3]), select(*surplus.c[:3])).subquery("either")
    return select(*either.c)


LISTINGS: tuple[Invariant, ...] = (
    Never(
        "listings", "A person is not listed by what they have, under their name and state, and nothing else.", _unlike()
    ),
)
