"""What always holds in a database, as a closed list that `rosterql check` goes through.

Each invariant looks at all organizations; it is one statement, or a few where every row is looked at, and changes
nothing.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from repositories.invariants.audit import AUDIT
from repositories.invariants.invariant import Asked, Invariant, Violation
from repositories.invariants.listings import LISTINGS
from repositories.invariants.people import ACCOUNTS, STANDING
from repositories.invariants.records import RECORDS, SEATS
from repositories.invariants.structure import STRUCTURE

INVARIANTS: tuple[Invariant, ...] = (*STANDING, *ACCOUNTS, *RECORDS, *SEATS, *STRUCTURE, *LISTINGS, *AUDIT)


async def violations_in(connection: AsyncConnection, at: datetime) -> list[Violation]:
    """The invariants that do not hold, in the order of the list.

    Args:
        at: The time at which sessions count as open or run out.
    """
    asked = Asked(at, connection.dialect.name == "sqlite")
    found = [await invariant.violation(connection, asked) for invariant in INVARIANTS]
    return [each for each in found if each is not None]
