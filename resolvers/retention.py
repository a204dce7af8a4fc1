"""How long things are kept that nobody needs for ever (decision 30)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from models.operation import BulkOperation


@dataclass(frozen=True, slots=True)
class Retention:
    """For how long what is over is kept; audit events are kept for ever.

    Attributes:
        operation_items: Items of bulk operations, since these were finished.
        sessions: Sessions, since they were over.
        outbox: Events of the outbox, since what they tell of.
    """

    operation_items: timedelta = timedelta(days=400)
    sessions: timedelta = timedelta(days=90)
    outbox: timedelta = timedelta(days=30)

    def items_until(self, operation: BulkOperation) -> datetime | None:
        """When the items of an operation may be forgotten; None while it goes on."""
        finished_at: datetime | None = operation.finished_at
        return None if finished_at is None else finished_at + self.operation_items
