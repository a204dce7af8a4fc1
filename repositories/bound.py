"""What every repository is: bound to a connection, an organization, and what the caller sees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import SQLModel

from models.storage import table_of
from repositories.sight import Sight


class Bound:
    """A repository of one organization."""

    def __init__(self, connection: AsyncConnection, organization_id: UUID, sight: Sight) -> None:
        self._connection = connection
        self._organization_id = organization_id
        self._sight = sight

    def _ours(self, model: type[SQLModel]) -> ColumnElement[bool]:
        """The rows of this organization."""
        return table_of(model).c.organization_id == self._organization_id

    async def _insert(self, model: type[SQLModel], rows: Sequence[Mapping[str, Any]]) -> None:
        """Add rows, in one statement; the organization is filled in."""
        if rows:
            await self._connection.execute(
                insert(table_of(model)), [{"organization_id": self._organization_id, **row} for row in rows]
            )
